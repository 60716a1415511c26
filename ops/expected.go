package ops

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/schedule"
)

// expectations derive, from the schedules in the logged configurations alone,
// which collections a log must tell of, and compare that with what it tells:
// whoever holds the key can take entries out, but not the expectation of them.
type expectations struct {
	records func(evidence.Ref) iter.Seq2[evidence.Record, error]
	period  result.Period

	sources map[string]*declaredSchedule // those of the configuration in force
	first   map[evidence.Stream]time.Time
	last    map[evidence.Stream]time.Time
	roots   map[string][]rootRun // complete root runs by source, in order of due
	ended   time.Time            // when the last entry was recorded

	// Removed are collections that must be in the log and are not. Open are those
	// that may still have been under way when the log ended, or were cut off with its end.
	Removed []string
	Open    []string
}

// declaredSchedule is a declared source with its specs parsed.
type declaredSchedule struct {
	DeclaredSource
	when  schedule.Spec
	kinds map[evidence.Kind]schedule.Spec
}

// rootRun is one complete reading of a source's scopes.
type rootRun struct {
	due     time.Time
	records evidence.Ref
}

// tolerance is how long after it was due a collection may still begin: later, it was missed.
const tolerance = time.Hour

// patience is how long a collection may take to be written down.
const patience = 24 * time.Hour

// maxNamed bounds how many missing collections are named.
const maxNamed = 20

// deriveExpected reads a log. known is false where it does not say by what schedules was collected.
func deriveExpected(entries iter.Seq2[evidence.Entry, error], records func(evidence.Ref) iter.Seq2[evidence.Record, error], p result.Period, asOf time.Time) (x *expectations, known bool, err error) {
	x = &expectations{records: records, period: p, first: map[evidence.Stream]time.Time{}, last: map[evidence.Stream]time.Time{}, roots: map[string][]rootRun{}}
	for e, err := range entries {
		if err != nil {
			return nil, false, err
		}
		x.ended = e.Recorded
		switch {
		case e.Type == evidence.EntryConfig:
			if err := x.configure(e); err != nil {
				return nil, false, fmt.Errorf("entry %d: %w", e.Index, err)
			}
		case e.Run != nil && x.sources != nil:
			if err := x.observe(*e.Run); err != nil {
				return nil, false, fmt.Errorf("entry %d: %w", e.Index, err)
			}
		}
	}
	if x.sources == nil {
		return x, false, nil
	}
	return x, true, x.end(asOf)
}

// configure takes the schedules that are in force from here on.
func (x *expectations) configure(e evidence.Entry) error {
	var body struct {
		Sources map[string]DeclaredSource `json:"sources"`
	}
	if err := decodeMembers(e.Body, &body); err != nil {
		return err
	}
	if body.Sources == nil { // an older program wrote it
		x.sources = nil
		return nil
	}
	x.sources = map[string]*declaredSchedule{}
	for name, s := range body.Sources {
		d := &declaredSchedule{DeclaredSource: s, kinds: map[evidence.Kind]schedule.Spec{}}
		var err error
		if d.when, err = schedule.Parse(s.Schedule); err != nil {
			return err
		}
		for k, text := range s.Schedules {
			if d.kinds[k], err = schedule.Parse(text); err != nil {
				return err
			}
		}
		x.sources[name] = d
	}
	return nil
}

// spec returns when a stream is due; not ok where it is not configured.
func (x *expectations) spec(st evidence.Stream) (schedule.Spec, bool) {
	s := x.sources[st.Source]
	if s == nil || !slices.Contains(s.Kinds, st.Kind) {
		return schedule.Spec{}, false
	}
	if own, ok := s.kinds[st.Kind]; ok {
		return own, true
	}
	return s.when, true
}

// observe compares a scheduled collection with the one before it: no due time
// lies between them, unless the scope was not there.
func (x *expectations) observe(r evidence.Run) error {
	if s := x.sources[r.Stream.Source]; s != nil && r.Stream.Kind == s.Root && r.Outcome.Complete() && r.Records != nil {
		x.roots[r.Stream.Source] = append(x.roots[r.Stream.Source], rootRun{r.Due, *r.Records})
	}
	if r.Trigger != evidence.Scheduled {
		return nil
	}
	spec, ok := x.spec(r.Stream)
	last, known := x.last[r.Stream]
	switch {
	case !ok || !known:
		x.first[r.Stream], x.last[r.Stream] = r.Due, r.Due
		return nil
	case r.Due.Before(x.first[r.Stream]): // an earlier begin of the period, written newest first
		err := x.between(spec, r.Stream, r.Due, x.first[r.Stream])
		x.first[r.Stream] = r.Due
		return err
	case !r.Due.After(last):
		return nil // verify finds what ended twice
	}
	x.last[r.Stream] = r.Due
	return x.between(spec, r.Stream, last, r.Due)
}

// between looks for due times between two collections of a stream.
func (x *expectations) between(spec schedule.Spec, st evidence.Stream, from, to time.Time) error {
	for due := range spec.Due(from, to.Add(-time.Second)) {
		listed, err := x.listed(st, due)
		if err != nil {
			return err
		}
		if listed {
			x.Removed = append(x.Removed, fmt.Sprintf("%s due %s", st, due.Format(time.RFC3339)))
		}
	}
	return nil
}

// listed reports whether a stream was expected at due: the root always is; a
// stream of a scope, if the complete reading of the root at that time, or the
// newest one before it, lists the scope.
func (x *expectations) listed(st evidence.Stream, due time.Time) (bool, error) {
	s := x.sources[st.Source]
	if s == nil || st.Kind == s.Root {
		return s != nil, nil
	}
	var newest *rootRun
	for i := range x.roots[st.Source] {
		if r := &x.roots[st.Source][i]; !r.due.After(due) && (newest == nil || r.due.After(newest.due)) {
			newest = r
		}
	}
	if newest == nil {
		return false, nil
	}
	for rec, err := range x.records(newest.records) {
		if err != nil {
			return false, nil // erased or not in the bundle: nothing is claimed of it
		}
		if names(rec, string(st.Scope)) {
			return true, nil
		}
	}
	return false, nil
}

// names reports whether a record of the root is that of a scope.
func names(rec evidence.Record, scope string) bool {
	return scope == rec.ID || scope == rec.Name || scope == string(rec.Scope) || rec.Scope != "" && scope == string(rec.Scope)+"/"+rec.ID
}

// end looks for what was due by asOf after the last collection of each stream.
func (x *expectations) end(asOf time.Time) error {
	until := asOf.Add(-tolerance)
	if until.After(x.period.To) {
		until = x.period.To
	}
	for st, last := range x.last {
		spec, ok := x.spec(st)
		if !ok {
			continue
		}
		for due := range spec.Due(last, until.Add(-time.Second)) {
			listed, err := x.listed(st, due)
			if err != nil {
				return err
			}
			if !listed {
				continue
			}
			text := fmt.Sprintf("%s due %s", st, due.Format(time.RFC3339))
			if x.ended.Sub(due) > patience {
				x.Removed = append(x.Removed, text)
			} else {
				x.Open = append(x.Open, text)
			}
		}
	}
	slices.Sort(x.Removed)
	slices.Sort(x.Open)
	return nil
}

// named joins the first of many.
func named(all []string) string {
	if len(all) > maxNamed {
		return strings.Join(all[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(all)-maxNamed)
	}
	return strings.Join(all, ", ")
}
