package changes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// merge, ticket, deploy and roster are the kinds that say something of a change.
var (
	mergeKinds  = []evidence.Kind{"github.pull_request", "gitlab.merge_request"}
	ticketKinds = []evidence.Kind{"jira.issue", "jiradc.issue"}
	deployKinds = []evidence.Kind{"github.deployment", "gitlab.deployment"}
)

const rosterKind evidence.Kind = "roster.person"

// Log is a log as of an instant, and how it is judged.
type Log struct {
	gap.Evidence
	Catalogue *catalogue.Catalogue
	Period    result.Period
	AsOf      time.Time
	Options   []gap.Option
}

// read is one record with where and when it was read.
type read struct {
	stream evidence.Stream
	at     time.Time
	evidence.Record
}

// key identifies a record in the log.
type key struct {
	stream evidence.Stream
	scope  evidence.Scope
	id     string
}

func (r read) key() key { return key{r.stream, r.Scope, r.ID} }

func (r read) source() api.ChangeSource {
	return api.ChangeSource{Stream: r.stream.String(), Scope: r.Scope, ID: r.ID, ReadAt: r.at}
}

// reading is what a log holds of changes.
type reading struct {
	log    Log
	engine *gap.Engine
	result *result.Result
	// merges are the last reading of each; beside are records of other kinds, the last of each.
	merges, beside map[key]read
}

// readLog reads the log once. Of merged requests wanted tells which are kept, of
// tickets, deployments and people all are where beside is set.
func readLog(ctx context.Context, l Log, wanted func(*evidence.Record) bool, beside bool) (*reading, error) {
	r := &reading{log: l, engine: gap.NewEngine(l.Catalogue, l.Period, l.Options...), merges: map[key]read{}, beside: map[key]read{}}
	judged := judgedKinds(l.Catalogue)
	for run, err := range l.Runs() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("read the changes: %w", err)
		}
		if run.Observed().After(l.AsOf) || !judged[run.Slot.Stream.Kind] {
			continue
		}
		if err := r.engine.Observe(run, gap.LinesOf(l.Evidence, run)); err != nil {
			return nil, fmt.Errorf("judge the changes: %w", err)
		}
		if err := r.keep(run, wanted, beside); err != nil {
			return nil, err
		}
	}
	r.result = r.engine.Result(l.AsOf)
	return r, nil
}

// judgedKinds are those that the tests of merged requests read, and deployments.
func judgedKinds(cat *catalogue.Catalogue) map[evidence.Kind]bool {
	kinds := map[evidence.Kind]bool{rosterKind: true}
	for _, t := range cat.Tests() {
		all := cat.Kinds(t.Kind)
		if slices.ContainsFunc(mergeKinds, func(k evidence.Kind) bool { return slices.Contains(all, k) }) {
			for _, k := range all {
				kinds[k] = true
			}
		}
	}
	for _, k := range slices.Concat(mergeKinds, ticketKinds, deployKinds) {
		kinds[k] = true
	}
	return kinds
}

// keep keeps what a run read, where it is of use.
func (r *reading) keep(run evidence.Run, wanted func(*evidence.Record) bool, beside bool) error {
	kind := run.Slot.Stream.Kind
	merge := slices.Contains(mergeKinds, kind)
	if run.Records == nil || !merge && !(beside && (kind == rosterKind || slices.Contains(ticketKinds, kind) || slices.Contains(deployKinds, kind))) {
		return nil
	}
	for rec, err := range evidence.DecodeLines(gap.LinesOf(r.log.Evidence, run)) {
		if err != nil {
			return fmt.Errorf("read %s: %w", run.Slot.Stream, err)
		}
		v := read{run.Slot.Stream, run.Observed(), rec}
		switch {
		case !merge:
			r.beside[v.key()] = v
		case rec.Effective != nil && r.log.Period.Holds(*rec.Effective) && wanted(&rec):
			r.merges[v.key()] = v
		}
	}
	return nil
}

// List returns the merged requests of the period, by the time of the merge.
func List(ctx context.Context, l Log, req api.ChangesRequest) (*api.ChangeList, error) {
	r, err := readLog(ctx, l, func(rec *evidence.Record) bool {
		return req.Repository == "" || strings.EqualFold(repository(rec), req.Repository)
	}, false)
	if err != nil {
		return nil, err
	}
	out := &api.ChangeList{AsOf: l.AsOf, Period: l.Period, Changes: []api.Change{}}
	for _, m := range r.merges {
		if c := r.change(m); req.Verdict == "" || c.Verdict == req.Verdict {
			out.Changes = append(out.Changes, c)
		}
	}
	slices.SortFunc(out.Changes, func(a, b api.Change) int {
		return cmp.Or(a.MergedAt.Compare(b.MergedAt), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// repository returns the repository of a merged request, by its name at the host.
func repository(rec *evidence.Record) string {
	name, _, _ := strings.Cut(rec.Name, "#")
	name, _, _ = strings.Cut(name, "!")
	return name
}

// change returns the line of one merged request.
func (r *reading) change(m read) api.Change {
	c := api.Change{Name: m.Name, MergedAt: m.Effective.UTC(), Author: text(m, "author"), Title: text(m, "title"), Verdict: api.NotApplicable,
		Base: cmp.Or(text(m, "base"), text(m, "target_branch"))}
	answers := r.engine.Answers(m.stream, m.Scope, m.ID)
	if len(answers) == 0 {
		c.Verdict = api.Unknown // nothing judged it yet
	}
	for _, v := range answers {
		if v != api.NotApplicable {
			c.Verdict = worse(c.Verdict, v)
		}
	}
	return c
}

// worse returns the worse of two verdicts, where not_applicable is none.
func worse(a, b api.Verdict) api.Verdict {
	if a == api.NotApplicable {
		return b
	}
	return result.Worse(a, b)
}

func text(m read, name string) string {
	s, _ := m.Attributes[name].(string)
	return s
}

// texts returns a list of texts; nil where there is none.
func texts(m read, name string) (out []string) {
	list, _ := m.Attributes[name].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// maps returns a list of maps.
func maps(m read, name string) (out []map[string]any) {
	list, _ := m.Attributes[name].([]any)
	for _, v := range list {
		if x, ok := v.(map[string]any); ok {
			out = append(out, x)
		}
	}
	return out
}
