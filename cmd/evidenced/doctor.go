package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at the store, and ask each source: reachable, who am I, which permission is granted or denied",
		Long: `Looks at the store, its keys and its anchors. Reads every kind once from the root and from each scope of each source, such as the
accounts of an organisation, stores nothing, and tells for each declared call whether it was granted, and where it was denied.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.doctor(c.Context()) },
	}
}

// The answers to "may I?".
const (
	granted = "granted"
	denied  = "denied"
	unknown = "unknown"
)

// examination is what doctor found out about one source.
type examination struct {
	Source        string           `json:"source"`
	Reachable     bool             `json:"reachable"`
	Principal     string           `json:"principal"`
	Scopes        []evidence.Scope `json:"scopes"`
	ClockOffsetMS *int64           `json:"clock_offset_ms"`
	Calls         []callAnswer     `json:"calls"`
	Problems      []string         `json:"problems"`
}

type callAnswer struct {
	Call        string   `json:"call"`
	Permissions []string `json:"permissions"`
	Answer      string   `json:"answer"`
	// DeniedIn are the scopes in which it was denied, of those that were read.
	DeniedIn []evidence.Scope `json:"denied_in"`
}

func (e examination) well() bool {
	for _, c := range e.Calls {
		if c.Answer == denied {
			return false
		}
	}
	return e.Reachable && len(e.Problems) == 0
}

func (a *app) doctor(ctx context.Context) error {
	a.collects = true
	c, err := a.load()
	if err != nil {
		return err
	}
	srcs, err := sources(c, transport.Options{Patience: 20 * time.Second}, a.logger())
	if err != nil {
		return err
	}
	p := a.progress("asking")
	var out []examination
	var sick error
	kept := examineStore(c)
	if len(kept.Problems) > 0 {
		sick = errIncomplete
	}
	for i, s := range srcs {
		p.set(int64(i), int64(len(srcs)))
		e := a.examine(ctx, s)
		if !e.well() {
			sick = errIncomplete
		}
		out = append(out, e)
	}
	p.end()
	err = a.print(map[string]any{"store": kept, "sources": out}, func(w io.Writer) {
		kept.text(w)
		for _, e := range out {
			e.text(w)
		}
	})
	return errors.Join(err, sick)
}

// atOnce is how many scopes doctor reads at a time; the door bounds it further.
const atOnce = 4

// examine reads the root and every kind of each scope, and stores nothing.
func (a *app) examine(ctx context.Context, s *transport.Source) examination {
	e := examination{Source: s.Spec.Name, Scopes: []evidence.Scope{}, Problems: []string{}}
	rootScope := s.Collector().RootScope()
	root := s.Visit(ctx, rootScope).Capture(ctx, s.Spec.Root, evidence.Window{})
	e.Principal, e.ClockOffsetMS = root.Certificate.Principal, root.Certificate.ClockOffsetMS
	e.problem(string(s.Spec.Root), root.Err)
	if root.Err == nil {
		e.Scopes = append(e.Scopes, s.Collector().Scopes(root.Records)...)
	}
	said := make([]probe, len(e.Scopes)+1)
	said[0] = probe{scope: rootScope}
	said[0].hear(root)
	collectors.Each(ctx, len(e.Scopes), atOnce, func(ctx context.Context, i int) error {
		said[i+1] = a.probe(ctx, s, e.Scopes[i])
		return nil
	})
	for _, p := range said {
		e.Reachable = e.Reachable || p.reached
		for _, problem := range p.problems {
			e.problem(problem.kind, problem.err)
		}
	}
	e.Calls = answers(s.Spec.Calls, said)
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

// probe reads every kind of a scope.
func (a *app) probe(ctx context.Context, s *transport.Source, scope evidence.Scope) probe {
	p := probe{scope: scope}
	visit := s.Visit(ctx, scope)
	for _, k := range s.Spec.Kinds {
		if k.Kind == s.Spec.Root {
			continue
		}
		w := evidence.Window{}
		if now := a.now().UTC(); k.Mode == evidence.Event {
			w = evidence.Window{From: now.AddDate(0, 0, -1), To: now}
		}
		snap := visit.Capture(ctx, k.Kind, w)
		p.hear(snap)
		if snap.Err != nil {
			p.problems = append(p.problems, problem{string(k.Kind), snap.Err})
		}
	}
	return p
}

// hear takes the answers of a snapshot's exchanges; a denial stands.
func (p *probe) hear(snap transport.Snapshot) {
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
	if old == denied || old == granted && now == unknown {
		return old
	}
	return now
}

func (e *examination) problem(kind string, err error) {
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
func answers(calls []collectors.Call, said []probe) []callAnswer {
	out := make([]callAnswer, 0, len(calls))
	for _, c := range calls {
		a := callAnswer{Call: c.Name, Permissions: c.Permissions, Answer: unknown, DeniedIn: []evidence.Scope{}}
		for _, p := range said {
			if p.answers[c.Name] == "" {
				continue
			}
			a.Answer = worse(a.Answer, p.answers[c.Name])
			if p.answers[c.Name] == denied {
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
		return granted
	case x.Status == 401 || x.Status == 403, x.Status == 400 && strings.Contains(x.Body, "AccessDenied"):
		return denied
	}
	return unknown
}

func (e examination) text(w io.Writer) {
	state := "unreachable"
	if e.Reachable {
		state = "reachable"
	}
	fmt.Fprintf(w, "%s: %s, as %s, %d scopes", e.Source, state, evidence.Printable(orDash(e.Principal)), len(e.Scopes))
	if e.ClockOffsetMS != nil {
		fmt.Fprintf(w, ", clock offset %s", time.Duration(*e.ClockOffsetMS)*time.Millisecond)
	}
	fmt.Fprintln(w)
	if e.Reachable { // otherwise nothing is known of any call
		table(w, "  ANSWER\tCALL\tPERMISSIONS\tDENIED IN", func(row func(...any)) {
			for _, c := range e.Calls {
				row("  "+c.Answer, c.Call, orDash(strings.Join(c.Permissions, ", ")), c.where(len(e.Scopes)))
			}
		})
	}
	for _, p := range e.Problems {
		fmt.Fprintln(w, "  problem:", evidence.Printable(p))
	}
}

// where names the scopes in which a call was denied, the first few of many.
func (c callAnswer) where(of int) string {
	const few = 3
	var names []string
	for _, s := range c.DeniedIn {
		names = append(names, string(s))
	}
	if len(names) > few {
		return fmt.Sprintf("%s and %d more of %d", strings.Join(names[:few], ", "), len(names)-few, of)
	}
	return orDash(strings.Join(names, ", "))
}
