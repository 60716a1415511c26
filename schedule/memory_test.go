package schedule

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/evidenced/evidenced/evidence"
)

// memory is a log that forgets everything but how slots ended, and the newest
// root. It takes nothing while it is full.
type memory struct {
	mu      sync.Mutex
	full    bool
	runs    []evidence.Run
	records map[evidence.Hash][]byte
	events  []string
}

var errFull = errors.New("no space left on device")

// life is the log as one process holds it: after its death it takes nothing.
type life struct {
	*memory
	dead *atomic.Bool
}

func (l life) Append(_ context.Context, add func(evidence.Writer) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(add)
}

func (l life) AppendIf(_ context.Context, size uint64, add func(evidence.Writer) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size != uint64(len(l.runs)+len(l.events)) {
		return evidence.ErrMoved
	}
	return l.append(add)
}

func (l life) append(add func(evidence.Writer) error) error {
	if l.full || l.dead.Load() {
		return errFull
	}
	w := &memoryWriter{memory: l.memory}
	if err := add(w); err != nil {
		return err
	}
	for _, e := range w.entries {
		if e.Run == nil {
			l.events = append(l.events, string(e.Body))
			continue
		}
		r := *e.Run
		if r.Certificate != nil { // what the ledger needs, and no more
			r.Certificate = &evidence.Certificate{Complete: r.Certificate.Complete, Window: r.Certificate.Window, Started: r.Certificate.Started}
		}
		l.runs = append(l.runs, r)
	}
	return nil
}

type memoryWriter struct {
	*memory
	entries []evidence.Entry
}

func (w *memoryWriter) Blob(of evidence.Series, r io.Reader, count int) (evidence.Ref, error) {
	b, err := io.ReadAll(r)
	ref := evidence.Ref{Hash: evidence.HashOf(b), Size: int64(len(b)), Count: count}
	if of.Content == evidence.ContentRecords {
		w.records[ref.Hash] = b
	}
	return ref, err
}

func (w *memoryWriter) Entry(e evidence.Entry) (evidence.Entry, error) {
	w.entries = append(w.entries, e)
	return e, nil
}

func (m *memory) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range m.ended() {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *memory) Records(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
	return func(yield func(evidence.Record, error) bool) {
		for id := range m.records[ref.Hash] {
			if m.records[ref.Hash][id] == '\n' && !yield(evidence.Record{ID: "a"}, nil) {
				return
			}
		}
	}
}

func (m *memory) fill(full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = full
}

// ended returns the slots that have ended so far.
func (m *memory) ended() []evidence.Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.runs)
}
