package expected

import (
	"cmp"
	"encoding/json"
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

// Source is what the log says of a configured source, beside the text of the
// configuration: from it follows which collections are expected.
type Source struct {
	Root  evidence.Kind   `json:"root"`
	Kinds []evidence.Kind `json:"kinds"`
	// Schedule is the cron spec of the source, Schedules are those of single kinds.
	Schedule  string                   `json:"schedule"`
	Schedules map[evidence.Kind]string `json:"schedules,omitempty"`
}

// Log is what is derived from: a store or a bundle.
type Log interface {
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
	Lines(evidence.Ref) iter.Seq2[evidence.Line, error]
}

// Collections derive, from the schedules in the logged configurations alone,
// which collections a log must tell of, and compare that with what it tells:
// whoever holds the key can take entries out, but not the expectation of them.
type Collections struct {
	log    Log
	period result.Period

	sources map[string]*declaredSchedule // those of the configuration in force
	first   map[evidence.Stream]time.Time
	// last is, per expected stream, its last scheduled collection, or the instant
	// after which it is expected.
	last  map[evidence.Stream]time.Time
	ended time.Time // when the last entry was recorded

	// Removed are collections that must be in the log and are not. Open are those
	// that may still have been under way when the log ended, or were cut off with its end.
	Removed []evidence.Slot
	Open    []evidence.Slot
	// Unread are entries whose configuration cannot be read back: nothing is claimed
	// of the scopes of its sources.
	Unread []uint64
}

// declaredSchedule is a declared source with its specs parsed.
type declaredSchedule struct {
	Source
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

// Derive reads a log. known is false where it does not say by what schedules was collected.
func Derive(log Log, p result.Period, asOf time.Time) (x *Collections, known bool, err error) {
	x = &Collections{log: log, period: p, first: map[evidence.Stream]time.Time{}, last: map[evidence.Stream]time.Time{}}
	for e, err := range log.Entries(0) {
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
func (x *Collections) configure(e evidence.Entry) error {
	var body struct {
		Sources map[string]Source `json:"sources"`
		YAML    string            `json:"yaml"`
	}
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return err
	}
	if body.Sources == nil { // an older program wrote it
		x.sources = nil
		return nil
	}
	x.sources = map[string]*declaredSchedule{}
	for name, s := range body.Sources {
		d := &declaredSchedule{Source: s, kinds: map[evidence.Kind]schedule.Spec{}}
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
	x.openScopes(e, body.YAML)
	return nil
}

// openScopes opens the sources offline, to learn which scopes follow from their roots.
// Each root is expected from here on, if it was not before.
func (x *Collections) openScopes(e evidence.Entry, yaml string) {
	described, err := config.Described(yaml, all.Named(slices.Collect(maps.Keys(x.sources))...))
	if err != nil { // a secret that is a word of it, say, was concealed in the text
		x.Unread = append(x.Unread, e.Index)
		return
	}
	for _, s := range described {
		opened, err := transport.Open(s.Spec, s.Config, transport.Options{Offline: true}, nil)
		d := x.sources[s.Spec.Name]
		if err != nil || d == nil { // one that cannot be opened claims nothing
			continue
		}
		d.scopes = opened.Collector().Scopes
		root := evidence.Stream{Source: s.Spec.Name, Kind: d.Root, Scope: opened.Collector().RootScope()}
		if _, known := x.last[root]; !known {
			x.last[root] = e.Recorded
		}
	}
}

// spec returns when a stream is due; not ok where it is not configured.
func (x *Collections) spec(st evidence.Stream) (schedule.Spec, bool) {
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
func (x *Collections) observe(r evidence.Run) error {
	if r.Trigger == evidence.Scheduled {
		x.compare(r)
	}
	s := x.sources[r.Stream.Source]
	if s == nil || r.Stream.Kind != s.Root || !r.Outcome.Complete() || r.Records == nil || s.scopes == nil {
		return nil
	}
	var root []evidence.Record
	for rec, err := range evidence.DecodeLines(x.log.Lines(*r.Records)) {
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
func (x *Collections) learn(s *declaredSchedule, root evidence.Run, scopes []evidence.Scope) {
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

func (x *Collections) compare(r evidence.Run) {
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
func (x *Collections) between(spec schedule.Spec, st evidence.Stream, from, to time.Time) {
	for due := range spec.Due(from, to.Add(-time.Second)) {
		x.Removed = append(x.Removed, scheduled(st, due))
	}
}

func scheduled(st evidence.Stream, due time.Time) evidence.Slot {
	return evidence.Slot{Stream: st, Due: due.UTC(), Trigger: evidence.Scheduled}
}

// end looks for what was due by asOf after the last collection of each stream. A
// log that goes on behind the period tells of all of it.
func (x *Collections) end(asOf time.Time) {
	if !asOf.Before(x.period.To) && x.ended.After(asOf) {
		asOf = x.ended
	}
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
			if x.ended.Sub(due) > patience {
				x.Removed = append(x.Removed, scheduled(st, due))
			} else {
				x.Open = append(x.Open, scheduled(st, due))
			}
		}
	}
	slices.SortFunc(x.Removed, compareSlots)
	slices.SortFunc(x.Open, compareSlots)
}

func compareSlots(a, b evidence.Slot) int {
	return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Stream.String(), b.Stream.String()))
}

// Missed returns, as missed, the collections of the period that were expected and
// that the log does not tell of, by due time. They are no entries of any log.
func (x *Collections) Missed() (runs []evidence.Run) {
	for _, slot := range slices.SortedFunc(slices.Values(append(slices.Clip(x.Removed), x.Open...)), compareSlots) {
		if x.period.Holds(slot.Due) {
			runs = append(runs, evidence.Run{Slot: slot, Outcome: evidence.Missed,
				Reason: &evidence.Reason{Class: evidence.AgentOff, Detail: "derived from the schedule: no entry of the log tells of it"}})
		}
	}
	return runs
}

// maxNamed bounds how many collections are named.
const maxNamed = 20

// Named names the first of many collections.
func Named(slots []evidence.Slot) string {
	var names []string
	for _, s := range slots[:min(len(slots), maxNamed)] {
		names = append(names, fmt.Sprintf("%s due %s", s.Stream, s.Due.Format(time.RFC3339)))
	}
	text := strings.Join(names, ", ")
	if len(slots) > maxNamed {
		text += fmt.Sprintf(" and %d more", len(slots)-maxNamed)
	}
	return text
}
