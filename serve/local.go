package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

// Local answers at the unix socket: who may open it may do what the owner of
// the process may. docs/api.yaml describes it.
type Local struct {
	// Service returns the operations, once they can be performed. config is the
	// configuration that the client means, an absolute path; any other than the
	// daemon's is refused. It is empty where the client leaves that to the daemon.
	Service func(ctx context.Context, config string) (ops.Service, error)
	// Reload reads the configuration anew. An error means that the old one goes on.
	Reload func(context.Context) error
	// Health says how the daemon is.
	Health func() Health
}

// ConfigHeader is the header in which a client names the configuration that it means.
const ConfigHeader = "Evidenced-Config"

// Handler returns the API.
func (l *Local) Handler() http.Handler {
	m := http.NewServeMux()
	for _, o := range operations {
		m.HandleFunc(o.Pattern, func(w http.ResponseWriter, r *http.Request) { o.serve(l, w, r) })
	}
	m.HandleFunc("POST /v1/reload", l.reload)
	m.HandleFunc("GET /v1/health", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, l.Health()) })
	return m
}

// accept reads a request, says who asks, and returns the operations.
func (l *Local) accept(w http.ResponseWriter, r *http.Request, req any) (ops.Service, error) {
	arrived := within(w, bodyTimeout)
	err := decode(r, req)
	arrived()
	if err != nil {
		return nil, api.AsUsage(err)
	}
	if write, ok := req.(api.Writes); ok {
		a, err := actorOf(r.Context())
		if err != nil {
			return nil, err
		}
		write.SetActor(a)
	}
	return l.Service(r.Context(), r.Header.Get(ConfigHeader))
}

type connKey struct{}

// WithPeer is for http.Server.ConnContext of the socket: it remembers the connection.
func WithPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// actorOf returns the user at the other end of the socket, by the word of the kernel.
func actorOf(ctx context.Context) (api.Actor, error) {
	c, ok := ctx.Value(connKey{}).(*net.UnixConn)
	if !ok {
		return api.Actor{}, api.Errorf(api.Denied, "nobody knows who asks: only whoever comes by the socket may write")
	}
	uid, err := peer(c, c.LocalAddr().String())
	if err != nil {
		return api.Actor{}, fmt.Errorf("find out who asks: %w", err)
	}
	return api.Actor{User: nameOf(uid), Established: evidence.ByOperatingSystem}, nil
}

func (l *Local) reload(w http.ResponseWriter, r *http.Request) {
	if err := l.Reload(r.Context()); err != nil {
		fail(w, api.Errorf(api.Conflict, "the old configuration goes on: %w", err))
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"reloaded": true})
}

// statusOf returns the HTTP status of each code.
var statusOf = map[api.Code]int{api.Usage: http.StatusBadRequest, api.NotFound: http.StatusNotFound, api.Conflict: http.StatusConflict,
	api.Denied: http.StatusForbidden, api.Damaged: http.StatusInternalServerError, api.Failed: http.StatusInternalServerError}

func fail(w http.ResponseWriter, err error) {
	code := api.CodeOf(err)
	writeJSON(w, statusOf[code], failure{err.Error(), code})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // who does not read it does not need it
}
