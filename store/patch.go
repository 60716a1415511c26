package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/evidenced/evidenced/evidence"
)

// A patch makes the lines of a shard from those of an older one. It is a head
// and a text. The head is a list of operations that walk both shards from their
// beginning, each a varint of count<<2|operation, and then the lengths that the
// operations need, as columns of differences from the one before (zigzag
// varints): of each replaced line how many bytes of the old one its beginning
// and its end are, and how many new ones lie between; of each inserted line how
// many it has. The text is these new bytes.
const (
	opCopy    = iota // lines of the older shard
	opDrop           // lines of the older shard that are no more
	opReplace        // lines, each made from one of the older shard
	opInsert         // new lines
)

// preface is how much of the older shard's beginning inserted lines are
// compressed against: they look like other lines of the same kind.
const preface = 16 << 10

var errPatch = errors.New("a patch does not fit what it is to be applied to")

// shard is a run of complete lines of a blob.
type shard struct {
	text []byte
	ends []int // where each line ends, behind its newline
	// keyed are the lines with their keys, if they were read already.
	keyed []line
}

func newShard(text []byte) *shard {
	s := &shard{text: text}
	for at := 0; at < len(text); {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			n = len(text) - at - 1 // a last line without its newline
		}
		at += n + 1
		s.ends = append(s.ends, at)
	}
	return s
}

// joined makes a shard of lines, in memory of its own.
func joined(lines [][]byte, size int) *shard {
	s := &shard{text: make([]byte, 0, size), ends: make([]int, 0, len(lines))}
	for _, l := range lines {
		s.text = append(s.text, l...)
		s.ends = append(s.ends, len(s.text))
	}
	return s
}

// at returns a line.
func (s *shard) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = s.ends[i-1]
	}
	return s.text[begin:s.ends[i]]
}

// split returns the lines of the shard.
func (s *shard) split() [][]byte {
	out := make([][]byte, len(s.ends))
	for i := range out {
		out[i] = s.at(i)
	}
	return out
}

// line is one line of a blob, with its newline, and its key.
type line struct{ text, key []byte }

func (s *shard) lines(c evidence.Content) []line {
	if s.keyed != nil {
		return s.keyed
	}
	out := make([]line, len(s.ends))
	for i := range out {
		text := s.at(i)
		out[i] = line{text, keyOf(c, text)}
	}
	return out
}

// patch is a patch that is being made.
type patch struct {
	ops       []byte
	op, count uint64
	text      []byte
	dict      []byte // the old bytes that new ones came in the place of
	inserts   bool
	columns   [4]column // of a replaced line: beginning, end, between; of an inserted one: all
}

// column is a list of numbers, each near the one before.
type column struct {
	b    []byte
	last int
}

func (c *column) add(n int) {
	c.b = binary.AppendVarint(c.b, int64(n-c.last))
	c.last = n
}

func (p *patch) add(op uint64) {
	if op != p.op {
		p.flush()
		p.op = op
	}
	p.count++
}

func (p *patch) flush() {
	if p.count > 0 {
		p.ops = binary.AppendUvarint(p.ops, p.count<<2|p.op)
	}
	p.count = 0
}

// replace records how a line is made from another one.
func (p *patch) replace(old, now []byte) {
	begin, end := common(old, now)
	p.columns[0].add(begin)
	p.columns[1].add(end)
	p.columns[2].add(len(now) - begin - end)
	p.text = append(p.text, now[begin:len(now)-end]...)
	p.dict = append(p.dict, old[begin:len(old)-end]...)
}

// common returns how many bytes at the beginning and at the end two lines share.
func common(a, b []byte) (begin, end int) {
	n := min(len(a), len(b))
	for begin < n && a[begin] == b[begin] {
		begin++
	}
	for end < n-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return begin, end
}

// head returns the operations, their length before them, and the columns.
func (p *patch) head() []byte {
	h := append(binary.AppendUvarint(nil, uint64(len(p.ops))), p.ops...)
	for _, c := range p.columns {
		h = append(h, c.b...)
	}
	return h
}

// diff makes the patch from old to now.
func diff(old, now []line) *patch {
	p := &patch{}
	// Readers of lines that are there already do not fail.
	_ = walkReaders(&lineReader{lines: old}, &lineReader{lines: now}, func(o, n *line) error {
		switch {
		case n == nil:
			p.add(opDrop)
		case o == nil:
			p.add(opInsert)
			p.inserts = true
			p.columns[3].add(len(n.text))
			p.text = append(p.text, n.text...)
		case bytes.Equal(o.text, n.text):
			p.add(opCopy)
		default:
			p.add(opReplace)
			p.replace(o.text, n.text)
		}
		return nil
	})
	p.flush()
	return p
}

// dictionary is the old text that new text is compressed against: the beginning
// of the shard if lines are inserted, then what is replaced.
func dictionary(old [][]byte, inserts bool, replaced []byte) []byte {
	if !inserts {
		return replaced
	}
	var d []byte
	for i := 0; i < len(old) && len(d) < preface; i++ {
		d = append(d, old[i]...)
	}
	return append(d[:min(len(d), preface)], replaced...)
}

// plan is the head of a patch, read against the lines that it is applied to.
type plan struct {
	old      [][]byte
	runs     []run
	replaced []edit // in their order, one for each line
	inserted []int  // the lengths of the lines
	lines    int    // that it makes
	built    int    // bytes of all replaced lines
	text     int    // bytes of the patch's text
	dict     []byte
}

// run is one operation: n lines, of the old shard from at on.
type run struct{ op, n, at int }

// edit is how a line is made from an old one.
type edit struct{ begin, end, fresh int }

// readHead reads a head. It refuses one that needs what is not there, or makes
// not size bytes.
func readHead(head []byte, old [][]byte, size int) (*plan, error) {
	d := &decoder{b: head}
	ops := &decoder{b: d.bytes(int(d.bounded(uint64(len(head)))))}
	p := &plan{old: old}
	if err := p.walk(ops, size); err != nil {
		return nil, err
	}
	if err := p.lengths(d); err != nil {
		return nil, err
	}
	return p, p.measure(size)
}

// walk reads the operations.
func (p *plan) walk(ops *decoder, size int) error {
	at := 0
	for len(ops.b) > 0 {
		v := ops.uvarint()
		r := run{op: int(v & 3), n: int(v >> 2), at: at}
		left := len(p.old) - at
		if r.op == opInsert {
			left = size - len(p.inserted)
		}
		if ops.failed || r.n <= 0 || r.n > left {
			return fmt.Errorf("%w: it wants %d lines after line %d of %d", errPatch, r.n, at, len(p.old))
		}
		p.add(r)
		if r.op != opInsert {
			at += r.n
		}
	}
	return nil
}

func (p *plan) add(r run) {
	p.runs = append(p.runs, r)
	if r.op != opDrop {
		p.lines += r.n
	}
	switch r.op {
	case opReplace:
		p.replaced = append(p.replaced, make([]edit, r.n)...)
	case opInsert:
		p.inserted = append(p.inserted, make([]int, r.n)...)
	}
}

// lengths reads the columns.
func (p *plan) lengths(d *decoder) error {
	last := 0
	next := func() int {
		n := int64(last) + d.varint()
		if n < 0 || n > maxFrame {
			d.failed, n = true, 0
		}
		last = int(n)
		return last
	}
	for i := range p.replaced {
		p.replaced[i].begin = next()
	}
	last = 0
	for i := range p.replaced {
		p.replaced[i].end = next()
	}
	last = 0
	for i := range p.replaced {
		p.replaced[i].fresh = next()
	}
	last = 0
	for i := range p.inserted {
		p.inserted[i] = next()
	}
	if d.failed || len(d.b) > 0 {
		return fmt.Errorf("%w: its lengths are damaged", errPatch)
	}
	return nil
}

// measure checks that the runs fit the old lines and make size bytes, and
// gathers the dictionary.
func (p *plan) measure(size int) error {
	var dict []byte
	sum, edits := 0, p.replaced
	for _, r := range p.runs {
		if r.op != opCopy && r.op != opReplace {
			continue
		}
		for i, old := range p.old[r.at : r.at+r.n] {
			if r.op == opCopy {
				sum += len(old)
				continue
			}
			e := edits[i]
			if e.begin+e.end > len(old) {
				return fmt.Errorf("%w: it keeps more of a line than there is", errPatch)
			}
			dict = append(dict, old[e.begin:len(old)-e.end]...)
			p.built += e.begin + e.end + e.fresh
			p.text += e.fresh
		}
		if r.op == opReplace {
			edits = edits[r.n:]
		}
	}
	sum += p.built
	for _, n := range p.inserted {
		sum += n
		p.text += n
	}
	if sum != size {
		return fmt.Errorf("%w: it makes %d bytes, not %d", errPatch, sum, size)
	}
	p.dict = dictionary(p.old, len(p.inserted) > 0, dict)
	return nil
}

// apply makes the lines, with the new bytes of the patch.
func (p *plan) apply(text []byte) ([][]byte, error) {
	if len(text) != p.text {
		return nil, fmt.Errorf("%w: it has %d new bytes, not %d", errPatch, len(text), p.text)
	}
	out, built := make([][]byte, 0, p.lines), make([]byte, 0, p.built)
	edits, inserted := p.replaced, p.inserted
	next := func(n int) (fresh []byte) {
		fresh, text = text[:n:n], text[n:]
		return fresh
	}
	for _, r := range p.runs {
		switch r.op {
		case opCopy:
			out = append(out, p.old[r.at:r.at+r.n]...)
		case opInsert:
			for _, n := range inserted[:r.n] {
				out = append(out, next(n))
			}
			inserted = inserted[r.n:]
		case opReplace:
			for i, e := range edits[:r.n] {
				old, at := p.old[r.at+i], len(built)
				built = append(append(append(built, old[:e.begin]...), next(e.fresh)...), old[len(old)-e.end:]...)
				out = append(out, built[at:len(built):len(built)])
			}
			edits = edits[r.n:]
		}
	}
	return out, nil
}

// changes reports the lines that the patch does not copy, of the old shard and of
// now, which is what the patch makes. Their keys are not read.
func (p *plan) changes(now *shard, report func(old, now *line) error) error {
	if len(now.ends) != p.lines {
		return fmt.Errorf("%w: it makes %d lines, not %d", errPatch, p.lines, len(now.ends))
	}
	at := 0
	for _, r := range p.runs {
		for i := range r.n {
			var o, n *line
			if r.op != opInsert {
				o = &line{text: p.old[r.at+i]}
			}
			if r.op != opDrop {
				n = &line{text: now.at(at)}
				at++
			}
			if r.op == opCopy {
				continue
			}
			if err := report(o, n); err != nil {
				return err
			}
		}
	}
	return nil
}
