package collectors

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Spec declares a source; it needs no credential.
type Spec struct {
	// Name is the folder, the key in the configuration and the prefix of every kind.
	Name string
	// Version counts the changes of the code that turns answers into records.
	// Certificates state it as "name/version".
	Version int
	// Doc is one sentence: what the source is and what is read from it.
	Doc string
	// Root is the kind whose records are the scopes of all other kinds: the
	// accounts of an organisation, the organisation itself. It is collected first.
	Root evidence.Kind
	// Kinds are all kinds the source may emit, the root among them.
	Kinds []KindSpec
	// AuditLogKind is the kind, if any, in which the source records our own requests:
	// each record has the vendor's id of one as request_id, and its time.
	AuditLogKind evidence.Kind
	// Calls are all calls the source may make. The door refuses any other.
	Calls []Call
	// Environment is all that the environment of a program holds that is run.
	Environment []string
	// Complaints are words in which a program says why it refuses. Of what it writes to
	// its standard error, these alone are kept: the rest may quote what it has read.
	Complaints []string
	// Identify names the declared call of a request from the bytes on the wire.
	// Nil means that call names are patterns "METHOD /path/{var}" (net/http.ServeMux).
	Identify func(r *http.Request, body []byte) string
	// Throttled reports a throttling answer that HTTP status 429, or 503 with
	// Retry-After, does not show; of GraphQL, it may have status 200. Nil means
	// there is none.
	Throttled func(status int, h http.Header, body []byte) bool
	// Revalidates: the source answers If-None-Match, that is, whether what it
	// answered before still holds, and does not charge for it.
	Revalidates bool
	// VendorPath returns the path at the vendor's own root of a request whose path is not
	// below that of the endpoint, where an installation of one's own has it beside.
	// Nil means that there is none.
	VendorPath func(endpoint, path string) (inner string, ok bool)
	// Lane names what the vendor throttles apart: the requests of one lane share a
	// bound, and slow down together. Nil means one lane for each host.
	Lane func(r *http.Request) string
	// Quota names the headers in which the source states what is left; nil if it does not.
	Quota *Quota
	// Rules identifies rules that are data and not code: the digest of the file that
	// states them. Certificates name it, with all that is declared here.
	Rules string
	// Redact names JSON members, XML elements and form fields whose values are
	// never stored, wherever they stand in a body.
	Redact []string
	// NewConfig returns the typed configuration with its defaults.
	NewConfig func() Config
	// Sample is the commented configuration that docs and `init` show.
	Sample []byte
	// Policy renders the least-privilege policy that grants the calls, in the vendor's format.
	Policy func(calls []Call) ([]byte, error)
	// Templates render, by name, what puts the policy into place: "terraform".
	Templates map[string]func(calls []Call) ([]byte, error)
}

// Kind returns the declaration of k.
func (s Spec) Kind(k evidence.Kind) (KindSpec, bool) {
	for _, ks := range s.Kinds {
		if ks.Kind == k {
			return ks, true
		}
	}
	return KindSpec{}, false
}

// Has reports the first of the kinds that the source does not have.
func (s Spec) Has(kinds []evidence.Kind) error {
	for _, k := range kinds {
		if _, known := s.Kind(k); known {
			continue
		}
		var names []string
		for _, k := range s.Kinds {
			names = append(names, string(k.Kind))
		}
		return fmt.Errorf("kinds holds %q, which is none of this source; it has %s", k, strings.Join(names, ", "))
	}
	return nil
}

// Quota names the headers in which a source states what is left of a limit.
type Quota struct {
	// Limit, Remaining and Reset are the headers' names.
	Limit, Remaining, Reset string
	// Left: Reset holds the seconds left; otherwise it is a time, in
	// seconds since 1970.
	Left bool
	// Share is how much of the limit may be used, 1 if 0. The source's own users
	// share the limit: what is left to them is not ours.
	Share float64
}

// KindSpec declares one kind.
type KindSpec struct {
	Kind evidence.Kind
	// Doc is one sentence: what one record is.
	Doc  string
	Mode evidence.Mode
	// Volatile attributes are evidence, but a change of them is not a change of
	// the resource: last used, last login.
	Volatile []string
	// Late is how long after the fact the source may still add events; each
	// window of an event stream re-reads that much. Zero for state kinds.
	Late time.Duration
	// Kept is how long the source itself keeps its events; what is not read by
	// then is lost. Zero if it is not stated, and for state kinds.
	Kept time.Duration
}

// Call declares one read.
type Call struct {
	// Name is what Identify returns: "iam:GetAccountSummary"; or a pattern
	// "GET /orgs/{org}"; or the program and the arguments of Env.Run, with a
	// {name} where any one argument may stand: "RUN git --git-dir={repository} rev-list {tip}";
	// or "FILE {path}", a file that the configuration names; or "LDAP search users",
	// an operation on a directory.
	Name string
	// Permissions are the rights it needs, in the vendor's words; empty means none.
	Permissions []string
	// Kinds are the kinds it serves; empty means every kind (identity, sessions).
	Kinds []evidence.Kind
	// Why is what is read, in a few words, for the printed policy.
	Why string
	// Body is the shape of what a read by POST sends: a JSON object that holds every
	// member it may have. See Call.CheckRead.
	Body string `json:",omitempty"`
}

// Config is the typed configuration of one source.
type Config interface {
	// Base returns the settings that every source has.
	Base() *Base
	// Validate checks without touching the network.
	Validate() error
	// Hosts are the host patterns that may be asked: "api.github.com", "*.example.com".
	Hosts() []string
	// Open builds the collector without touching the network.
	Open(Env) (Collector, error)
}

// Partial is implemented by a Config that may leave some kinds nothing to read. They
// are not collected, and not expected.
type Partial interface {
	// EnabledKinds are the kinds beside the root that can be read.
	EnabledKinds() []evidence.Kind
}

// Base holds the settings that every source has; a Config holds it in a field
// with the tag `yaml:",inline"`, and returns it by its method Base.
type Base struct {
	// Schedule is a cron spec of five fields, in UTC unless it starts with "CRON_TZ=Zone ".
	Schedule string `yaml:"schedule"`
	// Schedules are specs of single kinds, which go by them instead of Schedule.
	Schedules map[evidence.Kind]string `yaml:"schedules,omitempty"`
	// Kinds are the kinds to read, all of the source if none are named. The root
	// kind is always read. Tests of a kind that is not read have no verdict.
	Kinds []evidence.Kind `yaml:"kinds"`
	// Endpoint replaces the vendor's address, for a private instance or a test server.
	Endpoint string `yaml:"endpoint"`
}

// Env is what a collector is given.
type Env struct {
	// HTTP leads through the one door. It is the only way out.
	HTTP *http.Client
	// Run asks a program of this machine, through the door as well: the program
	// and its arguments must be those of a declared call. An exit status other
	// than 0 is an answer; only the collector knows what it means.
	Run func(ctx context.Context, args ...string) (Reply, error)
	// ReadFile reads a file that the configuration names, through the door as well.
	ReadFile func(ctx context.Context, f FileRead) (FileReply, error)
	// Consult asks a server that does not speak HTTP, through the door as well.
	Consult func(ctx context.Context, c Consultation) (string, error)
	Log     *slog.Logger
	// Now is the clock of the run, and Sleep waits on it. A collector that polls
	// waits with Sleep only.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Conceal registers a secret that was learnt while running, such as a session
	// token; its text is removed from everything that is stored from then on. Until
	// is when it expires, zero if that is not known; a day later it is forgotten.
	Conceal func(secret string, until time.Time)
	// Offline is true when the answers come from a recording: no credential is
	// needed, and none is looked for.
	Offline bool
}

// Collector reads one configured source.
type Collector interface {
	// RootScope is the scope of the root kind.
	RootScope() evidence.Scope
	// Scopes returns the scopes of all other kinds, as they follow from the
	// records of the root kind. It is a pure function.
	Scopes(root []evidence.Record) []evidence.Scope
	// Session identifies itself for one scope. Its exchanges become part of
	// every snapshot that is taken in the session, so that each one shows who asked.
	Session(ctx context.Context, scope evidence.Scope) (Session, error)
}

// Session reads the kinds of one scope.
type Session interface {
	// Principal is who asks, in the source's own words.
	Principal() string
	// Collect reads one kind, whole, into out. Nil means complete; anything
	// less is an error that wraps one of the classes of this package. It judges
	// nothing. The window is zero for state kinds.
	Collect(ctx context.Context, kind evidence.Kind, w evidence.Window, out *Output) error
}
