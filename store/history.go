package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/evidenced/evidenced/evidence"
)

// State is one state of a resource.
type State struct {
	// Entry is the index of the log entry whose snapshot first showed it, Run that entry's run.
	Entry uint64
	Run   evidence.Run
	// Record is nil when a complete snapshot no longer held the resource.
	Record *evidence.Record
}

// History yields the states of one record of a stream over the whole log,
// oldest first: when it appeared, each change of what is not volatile, when it
// was gone. Scope is the record's own, empty if it has none. What retention
// erased is not in it.
func (s *Store) History(stream evidence.Stream, scope evidence.Scope, id string) iter.Seq2[State, error] {
	return func(yield func(State, error) bool) {
		key := pairKey([]byte(scope), []byte(id))
		sr, entries, err := s.seen(stream, key)
		if err != nil {
			yield(State{}, fmt.Errorf("history of %s in %s: %w", evidence.Printable(id), stream, err))
			return
		}
		s.states(key, sr, entries, yield)
	}
}

// seen returns the entries that show a record in a new state.
func (s *Store) seen(stream evidence.Stream, key []byte) (sr series, entries []uint64, err error) {
	err = s.view(func(v view) error {
		if sr, err = v.series(evidence.Series{Stream: stream, Content: evidence.ContentRecords}); err != nil {
			return err
		}
		b, err := v.get(bucketHistory, s.box.historyKey(sr.ID, key))
		if err == nil {
			entries, err = decodeHistory(b)
		}
		return err
	})
	return sr, entries, err
}

func (s *Store) states(key []byte, sr series, entries []uint64, yield func(State, error) bool) {
	var last []byte
	for _, n := range entries {
		var st State
		var text []byte
		err := s.view(func(v view) (err error) { st, text, err = v.state(key, n); return err })
		if err == nil && (text == nil && (last == nil || !st.Run.Outcome.Complete()) ||
			text != nil && last != nil && sameButVolatile(last, text, sr.Volatile)) {
			continue
		}
		if last = text; err == nil && text != nil {
			st.Record, err = oneRecord(text)
		}
		if err != nil {
			err = fmt.Errorf("entry %d: %w", n, err)
		}
		if !yield(st, err) || err != nil {
			return
		}
	}
}

// oneRecord decodes a line.
func oneRecord(text []byte) (*evidence.Record, error) {
	for r, err := range evidence.ReadLines[evidence.Record](bytes.NewReader(text)) {
		return &r, err
	}
	return nil, errors.New("an empty line for a record")
}

// state returns the run of an entry, and the line that its snapshot has for a key.
func (v view) state(key []byte, n uint64) (st State, text []byte, err error) {
	e, err := v.entry(n)
	if err != nil {
		return st, nil, err
	}
	if e.Run == nil || e.Run.Records == nil {
		return st, nil, errors.New("it is not that of a snapshot")
	}
	b, err := v.blob(e.Run.Records.Hash)
	if err == nil {
		text, err = v.find(b, key)
	}
	return State{Entry: n, Run: *e.Run}, text, err
}

// find returns the line of records that has a key; nil if none has.
func (v view) find(b blob, key []byte) ([]byte, error) {
	cuts, err := v.cuts(b.cuts)
	if err != nil || len(b.pieces) == 0 {
		return nil, err
	}
	if len(cuts)+1 != len(b.pieces) {
		return nil, fmt.Errorf("blob %s has %d pieces, and is cut at %d keys", b.hash, len(b.pieces), len(cuts))
	}
	at := sort.Search(len(cuts), func(i int) bool { return bytes.Compare(cuts[i], key) > 0 })
	s, err := v.pieceShard(b.pieces[at])
	if err != nil {
		return nil, err
	}
	i := sort.Search(len(s.ends), func(i int) bool { return bytes.Compare(recordKey(s.at(i)), key) >= 0 })
	if i == len(s.ends) || !bytes.Equal(recordKey(s.at(i)), key) {
		return nil, nil
	}
	return slices.Clone(s.at(i)), nil
}
