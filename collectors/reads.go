package collectors

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// How the names of declared calls that ask no HTTP server are formed.
const (
	ProgramCall   = "RUN "        // begins the call of a program
	DirectoryCall = "LDAP "       // begins an operation on a directory
	FileCall      = "FILE {path}" // is the call that reads a file
)

// IsProgram reports the call of a program of this machine.
func (c Call) IsProgram() bool { return strings.HasPrefix(c.Name, ProgramCall) }

// IsFile reports the reading of a file of this machine.
func (c Call) IsFile() bool { return c.Name == FileCall }

// IsConsultation reports a question to a server that does not speak HTTP.
func (c Call) IsConsultation() bool { return strings.HasPrefix(c.Name, DirectoryCall) }

var (
	restRead = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(GET|HEAD) /[^ ]*[^/ ]$`) })
	rpcRead  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-z0-9-]+:(Get|List|Describe|Lookup|Select|BatchGet)[A-Z][A-Za-z0-9]*$`)
	})
)

// CheckRead reports a call that is not a read by its name: a GET or HEAD
// pattern without a wildcard tail, "service:Operation" where the operation
// starts like a read, a program in a form that is known to change nothing, a file,
// or a search of a directory.
// GenerateCredentialReport makes AWS prepare a report that is then read;
// AssumeRole fetches a credential; they change nothing.
func CheckRead(name string) error {
	switch {
	case name == "iam:GenerateCredentialReport", name == "sts:AssumeRole":
		return nil
	case rpcRead().MatchString(name), programRead(name), name == FileCall, consultRead(name):
		return nil
	case restRead().MatchString(name) && !strings.Contains(name, "..."):
		return nil
	}
	return fmt.Errorf("call %q is not a read", name)
}

// programReads are the beginnings of calls that change nothing, whatever
// follows: the fixed arguments of a declaration are ours, and an argument that
// stands for a name cannot be an option.
var programReads = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^RUN (id -u|git version|git --git-dir=\{repository\} (rev-list|rev-parse|for-each-ref|merge-base|config --get) [^ ].*)$`)
})

func programRead(name string) bool { return programReads().MatchString(name) }

// consultRead reports the operations of LDAP that read.
func consultRead(name string) bool {
	return name == DirectoryCall+"bind" || strings.HasPrefix(name, DirectoryCall+"search ")
}

// postRead matches the paths by which vendors read with POST: a search, a report,
// a query, the exchange of one credential for a shorter one.
var postRead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^POST /([^ ]*/)?[^ /]*(search|query|list|list_v2|list/continue|get_info|report|reports/custom|attempts|usages|auditevents|introspect|graphql|statements|token|access_tokens)$`)
})

// asks matches the texts that read, where a language is posted: GraphQL and SQL.
var asks = sync.OnceValue(func() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"query":     regexp.MustCompile(`^\s*(query\b|\{)[^;]*$`),
		"statement": regexp.MustCompile(`^\s*(?i:SELECT|SHOW|DESCRIBE)\b[^;]*$`),
	}
})

// CheckRead reports a call that is not a read: see the function. A POST is one
// where it has a declared body and goes to a path that vendors read by; what it
// posts in a language of queries must be fixed, and a query.
func (c Call) CheckRead() error {
	if !strings.HasPrefix(c.Name, "POST ") {
		if c.Body != "" {
			return fmt.Errorf("call %q is no POST, and yet has a body", c.Name)
		}
		return CheckRead(c.Name)
	}
	shape, err := ParseBody(c.Body)
	switch {
	case !postRead().MatchString(c.Name):
		return fmt.Errorf("call %q is not a read: a POST may go to a search, a query, a report or a token only", c.Name)
	case err != nil:
		return fmt.Errorf("call %q: %w", c.Name, err)
	}
	for name, form := range asks() {
		text, there := shape[name].(string)
		if there && (!form.MatchString(text) || free().MatchString(text) || changes().MatchString(text)) || !there && strings.HasSuffix(c.Name, map[string]string{"query": "/graphql", "statement": "/statements"}[name]) {
			return fmt.Errorf("call %q is not a read: its %s must be fixed, and a single one that reads", c.Name, name)
		}
	}
	return nil
}

var changes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(mutation|subscription|insert|update|delete|merge|call|into)\b`)
})
