package ops

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
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
	// last is, per expected stream, its last scheduled collection, or the instant
	// after which it is expected.
	last  map[evidence.Stream]time.Time
	ended time.Time // when the last entry was recorded

	// Removed are collections that must be in the log and are not. Open are those
	// that may still have been under way when the log ended, or were cut off with its end.
	Removed []string
	Open    []string
	// Unread are entries whose configuration cannot be read back: nothing is claimed
	// of the scopes of its sources.
	Unread []uint64
}

// declaredSchedule is a declared source with its specs parsed.
type declaredSchedule struct {
	DeclaredSource
	when  schedule.Spec
	kinds map[evidence.Kind]schedule.Spec
	// scopes follow from a complete reading of the root; nil where the source
	// cannot be opened by this program.
	scopes func([]evidence.Record) []evidence.Scope
}

// tolerance is how long after it was due a collection may still begin: later, it was missed.
const tolerance = time.Hour

// patience is how long a collection may take to be written down.
const patience = 24 * time.Hour

// maxNamed bounds how many missing collections are named.
const maxNamed = 20

// deriveExpected reads a log. known is false where it does not say by what schedules was collected.
func deriveExpected(entries iter.Seq2[evidence.Entry, error], records func(evidence.Ref) iter.Seq2[evidence.Record, error], p result.Period, asOf time.Time) (x *expectations, known bool, err error) {
	x = &expectations{records: records, period: p, first: map[evidence.Stream]time.Time{}, last: map[evidence.Stream]time.Time{}}
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
	x.end(asOf)
	return x, true, nil
}

// configure takes the schedules that are in force from here on.
func (x *expectations) configure(e evidence.Entry) error {
	var body struct {
		Sources map[string]DeclaredSource `json:"sources"`
		YAML    string                    `json:"yaml"`
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
	x.openScopes(e.Index, body.YAML)
	return nil
}

// openScopes opens the sources offline, to learn which scopes follow from their roots.
func (x *expectations) openScopes(entry uint64, yaml string) {
	described, err := config.Described(yaml, all.Named(slices.Collect(maps.Keys(x.sources))...))
	if err != nil { // a secret that is a word of it, say, was concealed in the text
		x.Unread = append(x.Unread, entry)
		return
	}
	for _, s := range described {
		opened, err := transport.Open(s.Spec, s.Config, transport.Options{Offline: true}, nil)
		if d := x.sources[s.Spec.Name]; err == nil && d != nil { // one that cannot be opened claims nothing
			d.scopes = opened.Collector().Scopes
		}
	}
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
// lies between them.
func (x *expectations) observe(r evidence.Run) error {
	if r.Trigger == evidence.Scheduled {
		x.compare(r)
	}
	s := x.sources[r.Stream.Source]
	if s == nil || r.Stream.Kind != s.Root || !r.Outcome.Complete() || r.Records == nil || s.scopes == nil {
		return nil
	}
	var root []evidence.Record
	for rec, err := range x.records(*r.Records) {
		if err != nil {
			return nil // erased, or of another period: nothing is claimed of its scopes
		}
		root = append(root, rec)
	}
	x.learn(s, r, s.scopes(root))
	return nil
}

// learn expects the streams of the scopes that a complete reading of the root
// lists, from that reading on, and those of no other scope.
func (x *expectations) learn(s *declaredSchedule, root evidence.Run, scopes []evidence.Scope) {
	for st := range x.last {
		if st.Source == root.Stream.Source && st.Kind != s.Root && !slices.Contains(scopes, st.Scope) {
			delete(x.last, st)
		}
	}
	for _, scope := range scopes {
		for _, k := range s.Kinds {
			st := evidence.Stream{Source: root.Stream.Source, Kind: k, Scope: scope}
			if _, known := x.last[st]; !known && k != s.Root {
				x.last[st] = root.Due.Add(-time.Second)
			}
		}
	}
}

func (x *expectations) compare(r evidence.Run) {
	spec, ok := x.spec(r.Stream)
	last, known := x.last[r.Stream]
	first, begun := x.first[r.Stream]
	switch {
	case !ok:
	case begun && r.Due.Before(first): // an earlier begin of the period, written newest first
		x.between(spec, r.Stream, r.Due, first)
		x.first[r.Stream] = r.Due
	case !begun:
		x.first[r.Stream] = r.Due
		fallthrough
	default:
		if known {
			x.between(spec, r.Stream, last, r.Due)
		}
		if r.Due.After(last) { // verify finds what ended twice
			x.last[r.Stream] = r.Due
		}
	}
}

// between looks for due times between two collections of a stream.
func (x *expectations) between(spec schedule.Spec, st evidence.Stream, from, to time.Time) {
	for due := range spec.Due(from, to.Add(-time.Second)) {
		x.Removed = append(x.Removed, fmt.Sprintf("%s due %s", st, due.Format(time.RFC3339)))
	}
}

// end looks for what was due by asOf after the last collection of each stream.
func (x *expectations) end(asOf time.Time) {
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
}

// named joins the first of many.
func named(all []string) string {
	if len(all) > maxNamed {
		return strings.Join(all[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(all)-maxNamed)
	}
	return strings.Join(all, ", ")
}
