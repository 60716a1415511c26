package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"

	"github.com/evidenced/evidenced/collectors"
)

var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([^}]*)\}`) })

// maxSecret bounds a secret's file: a credential is short.
const maxSecret = 64 << 10

// resolve replaces ${env:NAME} and ${file:PATH} in every text of the tree.
func (p *parse) resolve(n ast.Node) { ast.Walk(p, n) }

// Visit implements ast.Visitor.
func (p *parse) Visit(n ast.Node) ast.Visitor {
	s, ok := n.(*ast.StringNode)
	if !ok || !strings.Contains(s.Value, "${") {
		return p
	}
	line := s.GetToken().Position.Line
	s.Value = reference().ReplaceAllStringFunc(s.Value, func(ref string) string {
		p.references = append(p.references, ref)
		v, err := p.lookup(ref[2:len(ref)-1], s.GetPath())
		switch {
		case err != nil && ref == s.Value && !errors.Is(err, errReference):
			p.missing = append(p.missing, ref)
			return p.absent(line, fmt.Sprintf("%s: %v", ref, err))
		case err != nil:
			p.fail(line, "%s: %v", ref, err)
		}
		p.resolved = append(p.resolved, v)
		return v
	})
	return p
}

// absent stands for a value that could not be had. In a Secret it fails only
// what needs it, when it is needed; anywhere else it is a mistake, see demand.
func (p *parse) absent(line int, why string) string {
	if p.lines == nil {
		p.lines = map[string]int{}
	}
	text := string(collectors.MissingSecret(why))
	p.lines[text] = line
	return text
}

var secretType = reflect.TypeFor[collectors.Secret]()

// demand reports values that could not be had and stand in no Secret.
func (p *parse) demand(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if line, ok := p.lines[v.String()]; ok && v.Type() != secretType {
			_, why, _ := strings.Cut(v.String(), ": ")
			p.fail(line, "%s", why)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			p.demand(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			p.demand(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			p.demand(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			p.demand(it.Value())
		}
	}
}

var errReference = errors.New("want ${env:NAME}, ${file:PATH}, ${aws-secret:NAME} or ${gcp-secret:projects/P/secrets/S}")

// lookup gives what a reference names, which stands at a path of the tree.
func (p *parse) lookup(ref, at string) (string, error) {
	scheme, name, _ := strings.Cut(ref, ":")
	if name == "" {
		return "", errReference
	}
	switch scheme {
	case "env":
		v, ok := os.LookupEnv(name)
		if !ok || v == "" {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		return v, nil
	case "file":
		p.files = append(p.files, p.beside(name))
		return readSecret(p.beside(name))
	case "aws-secret", "gcp-secret":
		return p.fromVault(scheme, name, at)
	}
	return "", errReference
}

// fromVault asks for a secret, if there is a use for it.
func (p *parse) fromVault(scheme, name, at string) (string, error) {
	p.remote = true
	if p.reader.Vault == nil || p.reader.Spare && !strings.HasPrefix(at, "$.store.") {
		return "", errors.New("it was not asked for, as this command does not need it")
	}
	v, err := p.reader.Vault(scheme, name)
	switch {
	case err != nil:
		return "", err
	case len(v) > maxSecret:
		return "", fmt.Errorf("it is larger than %d bytes: not a secret", maxSecret)
	case strings.TrimSpace(v) == "":
		return "", errors.New("it is empty")
	}
	return strings.TrimRight(v, "\r\n"), nil
}

func readSecret(path string) (string, error) {
	b, err := ReadFile(path)
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSecret:
		return "", fmt.Errorf("%s is larger than %d bytes: not a secret", path, maxSecret)
	case len(strings.TrimSpace(string(b))) == 0:
		return "", fmt.Errorf("%s is empty", path)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// Lost gives the references that gave a secret in an older reading of the
// configuration, and give none in this one.
func (c *Config) Lost(old *Config) []string {
	return slices.DeleteFunc(slices.Clone(c.Missing), func(ref string) bool {
		return slices.Contains(old.Missing, ref) || !slices.Contains(old.References, ref)
	})
}

// ReadFile reads a file of a configuration, as far as any may be long. What is
// no file, such as a pipe, would keep whoever looks at it waiting.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: errors.Unwrap(err)}
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}

// minConcealed is the shortest value that is removed wherever it stands;
// shorter ones would tear ordinary words.
const minConcealed = 4

// concealer replaces the values that references gave, in the forms in which an
// error or YAML quotes them. Whether one is a credential is not known here.
func concealer(values []string) *strings.Replacer {
	var forms []string
	for _, v := range values {
		for _, part := range append(strings.Split(v, "\n"), v) {
			once := quoted(part)
			forms = append(forms, part, strings.TrimSpace(part), once, quoted(once), strings.ReplaceAll(part, "'", "''"))
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) // one may hold another
	var pairs []string
	for _, f := range slices.Compact(forms) {
		if len(f) >= minConcealed {
			pairs = append(pairs, f, "[redacted]")
		}
	}
	return strings.NewReplacer(pairs...)
}

// quoted is the text as %q shows it, without the quotes around it.
func quoted(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// conceal removes from err, which holds nothing but *Error, what references gave.
func conceal(err error, r *strings.Replacer) {
	switch err := err.(type) {
	case *Error:
		err.Message = r.Replace(err.Message)
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			conceal(e, r)
		}
	}
}
