package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Leaf is an entry as it stands in the log, not yet decoded: a reader of the
// whole log decodes the entries that matter to it. It must not be kept: its text
// is that of the next leaf after the next step of the iterator.
type Leaf struct {
	text []byte
	from *LeafDecoder
}

// Text is the canonical JSON of the entry, valid until the next step.
func (l Leaf) Text() []byte { return l.text }

var typeMember = []byte(`,"type":"`)

// Type returns the type of the entry without decoding it, from the end of the
// text, where canonical JSON has it; empty if the text does not end so.
func (l Leaf) Type() EntryType {
	at := bytes.LastIndex(l.text, typeMember)
	if at < 0 {
		return ""
	}
	name, ok := bytes.CutSuffix(l.text[at+len(typeMember):], []byte(`"}`))
	switch {
	case !ok:
		return ""
	case string(name) == string(EntryRun): // nearly all are
		return EntryRun
	}
	return EntryType(name)
}

// Entry decodes the leaf.
func (l Leaf) Entry() (Entry, error) { return l.from.Decode(l.text) }

// LeafDecoder decodes the leaves of one log, one after the other; the zero value
// is ready. What recurs from run to run (streams, lists of scopes, names) is
// decoded once and shared by the entries: it must not be changed. A decoder is
// of use to one goroutine at a time.
type LeafDecoder struct {
	fast    fastDecoder
	streams memo[Stream]
	texts   memo[[]string]
	filters memo[map[string]string]
	scopes  memo[[]ScopeResult]
}

// Leaf returns the leaf that has a text.
func (d *LeafDecoder) Leaf(text []byte) Leaf { return Leaf{text, d} }

// Decode returns the entry of a leaf, as json.Unmarshal does in ten times the time.
// The entry shares no memory with the text.
func (d *LeafDecoder) Decode(leaf []byte) (Entry, error) {
	if e, ok := d.entry(leaf); ok {
		return e, nil
	}
	var e Entry
	if err := json.Unmarshal(leaf, &e); err != nil {
		return Entry{}, fmt.Errorf("decode an entry: %w", err)
	}
	return e, nil
}

// memo keeps what recurring JSON texts were decoded to.
type memo[T any] map[string]T

const (
	maxMemo     = 1024
	maxMemoText = 16 << 10
)

// decode returns what the JSON text raw says.
func (m *memo[T]) decode(raw []byte) (v T, ok bool) {
	if v, ok = (*m)[string(raw)]; ok {
		return v, true
	}
	if json.Unmarshal(raw, &v) != nil {
		return v, false
	}
	if *m == nil {
		*m = memo[T]{}
	}
	if len(*m) < maxMemo && len(raw) <= maxMemoText {
		(*m)[string(raw)] = v
	}
	return v, true
}
