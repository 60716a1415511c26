package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Local answers at the unix socket: who may open it may do what the owner of
// the process may. docs/api.yaml describes it.
type Local struct {
	// Run runs a command line of the program.
	Run Runner
	// Reload reads the configuration anew. An error means that the old one goes on.
	Reload func(context.Context) error
	// Health says how the daemon is.
	Health func() Health
}

// Handler gives the API.
func (l *Local) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /v1/run", l.run)
	m.HandleFunc("POST /v1/collect", l.collect)
	m.HandleFunc("POST /v1/reload", l.reload)
	m.HandleFunc("GET /v1/health", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, l.Health()) })
	for pattern, args := range documents {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { l.document(w, r, args(r)) })
	}
	return m
}

// documents are the commands whose `--json` document is the answer.
var documents = map[string]func(*http.Request) []string{
	"GET /v1/status":        func(r *http.Request) []string { return query(r, []string{"status"}, "as-of") },
	"GET /v1/gaps":          func(r *http.Request) []string { return query(r, []string{"gaps"}, "as-of", "all") },
	"GET /v1/gaps/{id}":     func(r *http.Request) []string { return query(r, []string{"gaps", "show"}, "as-of") },
	"GET /v1/evidence":      func(r *http.Request) []string { return query(r, []string{"evidence", "list"}, "stream", "limit") },
	"GET /v1/evidence/{id}": func(r *http.Request) []string { return query(r, []string{"evidence", "show"}, "records", "exchanges") },
	"POST /v1/anchor":       func(*http.Request) []string { return []string{"store", "anchor"} },
}

// query makes a command line of a request. What follows "--" is no flag,
// whatever it looks like.
func query(r *http.Request, args []string, flags ...string) []string {
	q := r.URL.Query()
	for _, f := range flags {
		if v := q.Get(strings.ReplaceAll(f, "-", "_")); v != "" {
			args = append(args, "--"+f+"="+v)
		}
	}
	if id := r.PathValue("id"); id != "" {
		args = append(args, "--", id)
	}
	return args
}

// Exit is the header in which the exit code of a command is told.
const Exit = "Evidenced-Exit"

// document answers with the one JSON document that a command prints.
func (l *Local) document(w http.ResponseWriter, r *http.Request, args []string) {
	var out, said bytes.Buffer
	exit := l.Run(r.Context(), Call{Args: append([]string{"--json"}, args...), Stdout: &out, Stderr: &said, Progress: func(Progress) {}})
	w.Header().Set(Exit, strconv.Itoa(exit))
	switch exit {
	case 0, 3:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(out.Bytes()) // who does not read it does not need it
	case 2:
		fail(w, http.StatusBadRequest, said.String())
	default:
		fail(w, http.StatusInternalServerError, said.String())
	}
}

// collect runs `collect now`: a line for each slot that ended, then the document.
func (l *Local) collect(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Sources []string `json:"sources"`
	}
	if err := decode(r, &asked); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	s := &stream{w: w}
	var out, said bytes.Buffer
	exit := l.Run(r.Context(), Call{Args: append([]string{"--json", "collect", "now", "--"}, asked.Sources...), Stdout: &out, Stderr: &said,
		Progress: func(p Progress) { _ = s.send(frame{Progress: &p}) }})
	s.mu.Lock()
	defer s.mu.Unlock()
	end := map[string]any{"exit": exit}
	if out.Len() > 0 {
		end["result"] = json.RawMessage(out.Bytes())
	}
	if said.Len() > 0 {
		end["said"] = said.String()
	}
	_ = json.NewEncoder(w).Encode(end) // who does not read it does not need it
}

func (l *Local) reload(w http.ResponseWriter, r *http.Request) {
	if err := l.Reload(r.Context()); err != nil {
		fail(w, http.StatusConflict, fmt.Sprintf("the old configuration goes on: %v", err))
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"reloaded": true})
}

func fail(w http.ResponseWriter, status int, why string) {
	writeJSON(w, status, map[string]string{"error": strings.TrimSpace(why)})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who does not read it does not need it
}
