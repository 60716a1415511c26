package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
)

// Health says how the daemon is.
type Health struct {
	// Live: the loop goes round. One that is not is to be restarted.
	Live bool `json:"live"`
	// Ready: it collects, and what it reads is written.
	Ready bool `json:"ready"`
	// Problems say what stands in the way. They are for who may open the socket.
	Problems []string `json:"problems"`
	// Parts says of each part of the daemon whether it is OK or Failing.
	Parts map[string]string `json:"parts"`
	// Version of the program, and since when it runs.
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
}

// The words for a part.
const (
	OK      = "ok"
	Failing = "failing"
)

// publicHealth is what anybody may know of a Health: the text of an error may hold names
// of hosts and files, or what a source said.
type publicHealth struct {
	Live    bool              `json:"live"`
	Ready   bool              `json:"ready"`
	Parts   map[string]string `json:"parts"`
	Version string            `json:"version"`
	Since   time.Time         `json:"since"`
}

// Public answers over HTTP, where no one is asked who he is: how the daemon is,
// and nothing that acts.
type Public struct {
	Health func() Health
	// Status returns the state of the period, of which anybody may know the document.
	Status func(context.Context) (*api.Status, error)
	// Metrics answers for Prometheus.
	Metrics http.Handler
	// Hosts are the names by which it may be asked, beside localhost and
	// addresses. By any other name a page of somebody else's would be the one who
	// asks (DNS rebinding).
	Hosts []string
	// Profile serves net/http/pprof as well.
	Profile bool
}

// Handler gives the pages.
func (p *Public) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { p.health(w, Health.live) })
	m.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { p.health(w, Health.ready) })
	m.Handle("GET /metrics", p.Metrics)
	m.HandleFunc("GET /status", p.status)
	if p.Profile {
		m.HandleFunc("GET /debug/pprof/", pprof.Index)
		m.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		m.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		m.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	return p.known(m)
}

// status answers with the document of `evidenced status --json`. What went
// wrong is not for anybody: /healthz names the part.
func (p *Public) status(w http.ResponseWriter, r *http.Request) {
	st, err := p.Status(r.Context())
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, st.Document())
}

func (h Health) live() bool  { return h.Live }
func (h Health) ready() bool { return h.Live && h.Ready }

func (p *Public) health(w http.ResponseWriter, well func(Health) bool) {
	h, status := p.Health(), http.StatusOK
	if !well(h) {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, publicHealth{h.Live, h.Ready, h.Parts, h.Version, h.Since})
}

// known refuses names that are not its own.
func (p *Public) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if net.ParseIP(strings.Trim(host, "[]")) == nil && host != "localhost" && !slices.Contains(p.Hosts, host) {
			writeJSON(w, http.StatusMisdirectedRequest, failure{fmt.Sprintf("%q is no name of this host; serve.hosts names more", host), api.Denied})
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// ListenPublic listens on a TCP address: on this machine only, unless anywhere
// says that others may ask.
func ListenPublic(address string, anywhere bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: want host:port, such as 127.0.0.1:8470", address)
	}
	if ip := net.ParseIP(host); !anywhere && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: whoever reaches it may ask; --anywhere allows it, and 127.0.0.1 needs no permission", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another with --listen or serve.listen, or none with --listen off", err)
	}
	return limited(l), nil
}
