package collectors

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// Patterns names the declared call of a request, where call names are patterns
// such as "GET /users/{id}".
type Patterns struct {
	mux   *http.ServeMux
	names []string
}

// namedCall marks a pattern in the mux. It is looked up, never run.
type namedCall string

func (namedCall) ServeHTTP(http.ResponseWriter, *http.Request) {}

// Add adds a call. Its error says what is wrong with the name, or which earlier
// call matches the same requests.
func (p *Patterns) Add(name string) error {
	if p.mux == nil {
		p.mux = http.NewServeMux()
	}
	if err := addTo(p.mux, name); err != nil {
		return p.explain(name, err)
	}
	p.names = append(p.names, name)
	return nil
}

// addTo turns the panic of http.ServeMux into an error.
func addTo(mux *http.ServeMux, name string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	mux.Handle(name, namedCall(name))
	return nil
}

// parseFault finds the part of net/http's text that is about the pattern alone.
var parseFault = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^parsing ".*": (?:at offset \d+: )?(.*)$`) })

// explain names the call that is in the way. The text of net/http would name the
// place in our source at which each was added.
func (p *Patterns) explain(name string, err error) error {
	if m := parseFault().FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("call %q is no pattern such as GET /users/{id}: %s", name, strings.TrimSpace(m[1]))
	}
	for _, other := range p.names {
		mux := http.NewServeMux()
		if addTo(mux, other) == nil && addTo(mux, name) != nil {
			return fmt.Errorf("call %q cannot be told from call %q: a request may match both, and neither is more specific", name, other)
		}
	}
	return fmt.Errorf("call %q is no pattern such as GET /users/{id}", name)
}

// Call returns the name of the call that r makes, "" if it makes none of them.
func (p *Patterns) Call(r *http.Request) string {
	if p.mux == nil {
		return ""
	}
	h, _ := p.mux.Handler(r)
	name, _ := h.(namedCall) // anything else is the mux's own redirect or 404
	return string(name)
}
