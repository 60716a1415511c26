package setup

import (
	"context"
	"log/slog"
	"sort"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

// Examination is what Doctor found out.
type Examination struct {
	Store   StoreState     `json:"store"`
	Sources []SourceReport `json:"sources"`
}

// OK reports whether nothing is wrong.
func (e *Examination) OK() bool {
	ok := len(e.Store.Problems) == 0
	for _, s := range e.Sources {
		ok = ok && s.ok()
	}
	return ok
}

// Doctor looks at the store, its keys and its anchors, and asks each source of
// the configuration at path: reachable, who am I, which declared call is
// granted. It stores nothing.
func Doctor(ctx context.Context, path string, log *slog.Logger, now func() time.Time, progress api.ProgressFunc) (*Examination, error) {
	c, err := ops.Load(path, true)
	if err != nil {
		return nil, err
	}
	sources, err := ops.OpenSources(c, transport.Options{Patience: 20 * time.Second}, log)
	if err != nil {
		return nil, err
	}
	out := &Examination{Store: examineStore(c)}
	for i, s := range sources {
		progress.Set("asking", int64(i), int64(len(sources)))
		out.Sources = append(out.Sources, examine(ctx, s, now().UTC()))
	}
	return out, nil
}

// The answers to "may I?".
const (
	Granted = "granted"
	Denied  = "denied"
	Unknown = "unknown"
)

// SourceReport is what doctor found out about one source.
type SourceReport struct {
	Source        string           `json:"source"`
	Reachable     bool             `json:"reachable"`
	Principal     string           `json:"principal"`
	Scopes        []evidence.Scope `json:"scopes"`
	ClockOffsetMS *int64           `json:"clock_offset_ms"`
	Calls         []CallAnswer     `json:"calls"`
	Problems      []string         `json:"problems"`
}

// CallAnswer is what a source said to one declared call.
type CallAnswer struct {
	Call        string   `json:"call"`
	Permissions []string `json:"permissions"`
	Answer      string   `json:"answer"`
	// DeniedIn are the scopes in which it was denied, of those that were read.
	DeniedIn []evidence.Scope `json:"denied_in"`
}

func (e SourceReport) ok() bool {
	for _, c := range e.Calls {
		if c.Answer == Denied {
			return false
		}
	}
	return e.Reachable && len(e.Problems) == 0
}

// atOnce is how many scopes doctor reads at a time; the door bounds it further.
const atOnce = 4

// examine reads the root and every kind of each scope, and stores nothing.
func examine(ctx context.Context, s *transport.Source, now time.Time) SourceReport {
	e := SourceReport{Source: s.Spec.Name, Scopes: []evidence.Scope{}, Problems: []string{}}
	rootScope := s.Collector().RootScope()
	root := s.Visit(ctx, rootScope).Capture(ctx, s.Spec.Root, evidence.Window{})
	e.Principal, e.ClockOffsetMS = root.Certificate.Principal, root.Certificate.ClockOffsetMS
	e.problem(string(s.Spec.Root), root.Err)
	if root.Err == nil {
		e.Scopes = append(e.Scopes, s.Collector().Scopes(root.Records)...)
	}
	probes := make([]probe, len(e.Scopes)+1)
	probes[0] = probe{scope: rootScope}
	probes[0].record(root)
	collectors.Each(ctx, len(e.Scopes), atOnce, func(ctx context.Context, i int) error {
		probes[i+1] = probeScope(ctx, s, e.Scopes[i], now)
		return nil
	})
	for _, p := range probes {
		e.Reachable = e.Reachable || p.reached
		for _, problem := range p.problems {
			e.problem(problem.kind, problem.err)
		}
	}
	e.Calls = answers(s.Spec.Calls, probes)
	return e
}

// probe is what one scope said to each call, by the name of the call.
type probe struct {
	scope    evidence.Scope
	answers  map[string]string
	reached  bool
	problems []problem
}

type problem struct {
	kind string
	err  error
}

// probeScope reads every kind of a scope.
func probeScope(ctx context.Context, s *transport.Source, scope evidence.Scope, now time.Time) probe {
	p := probe{scope: scope}
	visit := s.Visit(ctx, scope)
	for _, k := range s.Spec.Kinds {
		if k.Kind == s.Spec.Root {
			continue
		}
		w := evidence.Window{}
		if k.Mode == evidence.Event {
			w = evidence.Window{From: now.AddDate(0, 0, -1), To: now}
		}
		snap := visit.Capture(ctx, k.Kind, w)
		p.record(snap)
		if snap.Err != nil {
			p.problems = append(p.problems, problem{string(k.Kind), snap.Err})
		}
	}
	return p
}

// record takes the answers of a snapshot's exchanges; a denial stands.
func (p *probe) record(snap transport.Snapshot) {
	if p.answers == nil {
		p.answers = map[string]string{}
	}
	for _, x := range snap.Exchanges {
		p.reached = p.reached || x.Answered()
		p.answers[x.Call] = worse(p.answers[x.Call], answer(x))
	}
}

// worse gives the answer that stands: denied, then granted, then unknown.
func worse(old, now string) string {
	if old == Denied || old == Granted && now == Unknown {
		return old
	}
	return now
}

func (e *SourceReport) problem(kind string, err error) {
	if err == nil {
		return
	}
	text := err.Error()
	for _, p := range e.Problems {
		if strings.HasSuffix(p, text) {
			return // one cause, told once
		}
	}
	e.Problems = append(e.Problems, kind+": "+text)
}

// answers tells, per declared call, what the source said to it, and where it was denied.
func answers(calls []collectors.Call, found []probe) []CallAnswer {
	out := make([]CallAnswer, 0, len(calls))
	for _, c := range calls {
		a := CallAnswer{Call: c.Name, Permissions: c.Permissions, Answer: Unknown, DeniedIn: []evidence.Scope{}}
		for _, p := range found {
			if p.answers[c.Name] == "" {
				continue
			}
			a.Answer = worse(a.Answer, p.answers[c.Name])
			if p.answers[c.Name] == Denied {
				a.DeniedIn = append(a.DeniedIn, p.scope)
			}
		}
		if a.Permissions == nil {
			a.Permissions = []string{}
		}
		out = append(out, a)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Call < out[j].Call })
	return out
}

// answer reads one exchange: a 404 may hide a missing right, so it is unknown.
func answer(x evidence.Exchange) string {
	switch {
	case x.Status >= 200 && x.Status < 300, x.Exit != nil && *x.Exit == 0:
		return Granted
	case x.Status == 401 || x.Status == 403, x.Status == 400 && strings.Contains(x.Body, "AccessDenied"):
		return Denied
	}
	return Unknown
}
