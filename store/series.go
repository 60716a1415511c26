package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/evidenced/evidenced/evidence"
)

// series is what the store knows of one series of blobs.
type series struct {
	// ID is the number of the series; the history of its records is found by it.
	ID uint64 `json:"id"`
	// Head is the blob that was stored last: the next one is a patch to it.
	Head evidence.Hash `json:"head"`
	// Last are the records of the newest run, Whole those of the newest complete
	// one: what history compares with.
	Last  evidence.Hash `json:"last"`
	Whole evidence.Hash `json:"whole"`
	// Volatile are the attributes whose change is no change of a record.
	Volatile []string `json:"volatile,omitempty"`
	// Name is the stream and the content.
	Stream  evidence.Stream  `json:"stream"`
	Content evidence.Content `json:"content"`
}

func (b box) seriesKey(st evidence.Stream, c evidence.Content) []byte {
	k := b.name([]byte("series"), []byte(st.String()), []byte(c))
	return k[:]
}

// series finds a series; it is a new one, not yet stored, if there is none.
func (v view) series(of evidence.Series) (s series, err error) {
	value, err := v.get(bucketSeries, v.s.box.seriesKey(of.Stream, of.Content))
	if err != nil || value == nil {
		return series{Stream: of.Stream, Content: of.Content, Volatile: of.Volatile}, err
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return s, fmt.Errorf("series %s of %s: %w", of.Content, of.Stream, err)
	}
	return s, nil
}

func (w *writer) putSeries(s series) (err error) {
	if s.ID == 0 {
		if s.ID, err = w.tx.Bucket(bucketSeries).NextSequence(); err != nil {
			return err
		}
	}
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return w.put(bucketSeries, w.s.box.seriesKey(s.Stream, s.Content), value)
}

// follow makes a blob the newest of its series.
func (w *writer) follow(of evidence.Series, h evidence.Hash) error {
	if of.Content == evidence.ContentFile || of.Content == "" {
		return nil
	}
	s, err := w.series(of)
	if err != nil {
		return err
	}
	s.Head = h
	if of.Content == evidence.ContentRecords {
		s.Volatile = of.Volatile
	}
	return w.putSeries(s)
}

// index keeps what is derived from an entry.
func (w *writer) index(e evidence.Entry) error {
	switch {
	case e.Type == evidence.EntryErasure:
		return w.indexErasure(e)
	case e.Run != nil:
		return w.indexRun(e)
	}
	return nil
}

// known finds a series, and begins it where there is none: its blobs were
// stored under another name, or erased before this log was written again.
func (w *writer) known(of evidence.Series) (series, error) {
	s, err := w.series(of)
	if err != nil || s.ID != 0 {
		return s, err
	}
	if err := w.putSeries(s); err != nil {
		return s, err
	}
	return w.series(of)
}

// indexRun adds the records that the snapshot of a run shows in a new state to
// the history.
func (w *writer) indexRun(e evidence.Entry) error {
	of := evidence.Series{Stream: e.Run.Stream, Content: evidence.ContentExchanges}
	if e.Run.Exchanges != nil {
		if _, err := w.known(of); err != nil {
			return err
		}
	}
	if e.Run.Records == nil {
		return nil
	}
	of.Content = evidence.ContentRecords
	s, err := w.known(of)
	if err != nil {
		return err
	}
	next, err := w.changes(s, *e.Run, func(key []byte) error { return w.addHistory(s.ID, key, e.Index) })
	if errors.Is(err, evidence.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	return w.putSeries(next)
}

// changes tells the keys of the records that a run shows in another state than
// the runs before it, and gives the series as it is after it. A record that an
// incomplete run does not show is not gone; an event never is. So a complete
// run is compared with the newest complete one, too.
func (v view) changes(s series, run evidence.Run, tell func(key []byte) error) (series, error) {
	now, err := v.blob(run.Records.Hash)
	if err != nil {
		return s, err
	}
	whole := run.Outcome.Complete()
	gone := whole && (run.Certificate == nil || run.Certificate.Window == nil)
	if err := v.compare(s, s.Last, now, gone, tell); err != nil {
		return s, err
	}
	if gone && s.Whole != s.Last {
		if err := v.compare(s, s.Whole, now, true, tell); err != nil {
			return s, err
		}
	}
	if s.Last = now.hash; whole {
		s.Whole = now.hash
	}
	return s, nil
}

// compare tells the keys whose lines differ between two blobs in more than
// what is volatile.
func (v view) compare(s series, before evidence.Hash, now blob, gone bool, tell func(key []byte) error) error {
	if before == now.hash {
		return nil
	}
	var old blob
	if before != (evidence.Hash{}) {
		var err error
		if old, err = v.blob(before); err != nil && !errors.Is(err, evidence.ErrErased) {
			return err
		}
	}
	differ := func(o, n *line) error {
		switch {
		case n == nil && !gone, o != nil && n != nil && bytes.Equal(o.text, n.text):
			return nil
		case n == nil:
			return tell(keyOf(s.Content, o.text))
		case o != nil && sameButVolatile(o.text, n.text, s.Volatile):
			return nil
		}
		return tell(keyOf(s.Content, n.text))
	}
	if old.cuts != now.cuts || len(old.pieces) != len(now.pieces) {
		return walkReaders(v.reader(s.Content, old.pieces...), v.reader(s.Content, now.pieces...), differ)
	}
	for i, p := range now.pieces {
		if err := v.comparePieces(s.Content, old.pieces[i], p, differ); err != nil {
			return err
		}
	}
	return nil
}

// comparePieces pairs the lines of two pieces that are cut at the same keys. If
// one is a patch to the other, the patch has paired them already.
func (v view) comparePieces(c evidence.Content, old, now piece, tell func(old, now *line) error) error {
	if old == now {
		return nil
	}
	if old.frame == 0 || now.frame == 0 {
		return walkReaders(v.reader(c, old), v.reader(c, now), tell)
	}
	f, err := v.frame(now.frame)
	if err != nil {
		return err
	}
	if f.base != old.frame {
		return walkReaders(v.reader(c, old), v.reader(c, now), tell)
	}
	a, err := v.pieceShard(old)
	if err != nil {
		return err
	}
	b, err := v.pieceShard(now)
	if err != nil {
		return err
	}
	p, err := f.plan(&v.s.unzip, a.split())
	if err != nil {
		return fmt.Errorf("frame %d: %w", now.frame, err)
	}
	return p.changes(b, tell)
}

// lineReader reads the lines of a blob, a shard at a time.
type lineReader struct {
	v       view
	content evidence.Content
	pieces  []piece
	lines   []line
}

func (v view) reader(c evidence.Content, pieces ...piece) *lineReader {
	return &lineReader{v: v, content: c, pieces: pieces}
}

// fill makes sure that there is a line, if the blob has another one.
func (r *lineReader) fill() error {
	for len(r.lines) == 0 && len(r.pieces) > 0 {
		s, err := r.v.pieceShard(r.pieces[0])
		if err != nil {
			return err
		}
		r.lines, r.pieces = s.lines(r.content), r.pieces[1:]
	}
	return nil
}

// walkReaders is walk for the lines of two readers.
func walkReaders(old, now *lineReader, tell func(old, now *line) error) error {
	for {
		if err := errors.Join(old.fill(), now.fill()); err != nil {
			return err
		}
		if len(old.lines) == 0 && len(now.lines) == 0 {
			return nil
		}
		var o, n *line
		switch c := compareHeads(old.lines, now.lines, func(l line) []byte { return l.key }); {
		case c < 0:
			o, old.lines = &old.lines[0], old.lines[1:]
		case c > 0:
			n, now.lines = &now.lines[0], now.lines[1:]
		default:
			o, n, old.lines, now.lines = &old.lines[0], &now.lines[0], old.lines[1:], now.lines[1:]
		}
		if err := tell(o, n); err != nil {
			return err
		}
	}
}

// historyKey is the series, and a name of the record.
func (b box) historyKey(id uint64, key []byte) []byte {
	name := b.name([]byte("record"), key)
	return append(key64(id), name[:16]...)
}

// addHistory notes that an entry shows a record in a new state. A record's
// value is the list of these entries, each as the distance from the one before.
func (w *writer) addHistory(id uint64, key []byte, entry uint64) error {
	k := w.s.box.historyKey(id, key)
	v, err := w.get(bucketHistory, k)
	if err != nil {
		return err
	}
	last := uint64(0)
	entries, err := decodeHistory(v)
	if err != nil {
		return err
	}
	if n := len(entries); n > 0 {
		if last = entries[n-1]; last == entry {
			return nil
		}
	}
	return w.put(bucketHistory, k, binary.AppendUvarint(bytes.Clone(v), entry-last))
}

func decodeHistory(b []byte) (entries []uint64, err error) {
	d, at := decoder{b: b}, uint64(0)
	for i := 0; len(d.b) > 0; i++ {
		n := d.uvarint()
		if i > 0 && n == 0 || at+n < at {
			d.failed, d.b = true, nil
		}
		at += n
		entries = append(entries, at)
	}
	if d.failed {
		return nil, errors.New("the history of a record is damaged")
	}
	return entries, nil
}
