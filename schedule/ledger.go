package schedule

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// History is what was already written; a store fulfils it.
type History interface {
	Runs() iter.Seq2[evidence.Run, error]
	Records(evidence.Ref) iter.Seq2[evidence.Record, error]
}

// ledger is what the runner must know of the past of one source. It is
// derived from the log and nothing else.
type ledger struct {
	// last is the due time of the newest scheduled slot that has ended.
	last time.Time
	// streams are the known streams but the root, from the newest complete root snapshot.
	streams map[evidence.Stream]bool
	// read is, per event stream, the end of the last window read whole.
	read map[evidence.Stream]time.Time
}

func newLedger() *ledger {
	return &ledger{streams: map[evidence.Stream]bool{}, read: map[evidence.Stream]time.Time{}}
}

// note takes one run into the ledger.
func (l *ledger) note(r evidence.Run) {
	if r.Trigger == evidence.Scheduled && r.Due.After(l.last) {
		l.last = r.Due
	}
	if c := r.Certificate; c != nil && c.Window != nil && r.Outcome.Complete() && c.Window.To.After(l.read[r.Stream]) {
		l.read[r.Stream] = c.Window.To
	}
}

// recall rebuilds the ledgers of all sources from the log.
func (r *Runner) recall(h History) error {
	roots := map[string]evidence.Ref{}
	for run, err := range h.Runs() {
		if err != nil {
			return fmt.Errorf("read the slot ledger: %w", err)
		}
		s := r.source(run.Stream.Source)
		if s == nil {
			continue // a source that is no longer configured
		}
		s.ledger.note(run)
		if run.Stream.Kind == s.Spec.Root && run.Outcome.Complete() && run.Records != nil {
			roots[s.Spec.Name] = *run.Records
		}
	}
	for name, ref := range roots {
		var records []evidence.Record
		for rec, err := range h.Records(ref) {
			if err != nil {
				return fmt.Errorf("read the scopes of %s: %w", name, err)
			}
			records = append(records, rec)
		}
		r.source(name).learn(records)
	}
	return nil
}

// learn takes the streams that follow from a complete root snapshot.
func (s *Source) learn(root []evidence.Record) {
	s.ledger.streams = map[evidence.Stream]bool{}
	for _, scope := range s.Collector().Scopes(root) {
		for _, k := range s.Spec.Kinds {
			if k.Kind != s.Spec.Root {
				s.ledger.streams[evidence.Stream{Source: s.Spec.Name, Kind: k.Kind, Scope: scope}] = true
			}
		}
	}
}

func (s *Source) root() evidence.Stream {
	return evidence.Stream{Source: s.Spec.Name, Kind: s.Spec.Root, Scope: s.Collector().RootScope()}
}

// known gives the streams but the root, in order of scope and kind.
func (s *Source) known() []evidence.Stream {
	out := make([]evidence.Stream, 0, len(s.ledger.streams))
	for st := range s.ledger.streams {
		out = append(out, st)
	}
	slices.SortFunc(out, func(a, b evidence.Stream) int {
		if c := strings.Compare(string(a.Scope), string(b.Scope)); c != 0 {
			return c
		}
		return strings.Compare(string(a.Kind), string(b.Kind))
	})
	return out
}
