package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/evidenced/evidenced/evidence"
)

// A patch makes the lines of a shard from those of an older one. It is a list
// of operations, each a varint of count<<2|operation, that walk both shards
// from their beginning; lines that the older one does not have follow as text.
const (
	opCopy    = iota // lines of the older shard
	opDrop           // lines of the older shard that are no more
	opReplace        // new lines, each in the place of one of the older shard
	opInsert         // new lines
)

// preface is how much of the older shard's beginning inserted lines are
// compressed against: they look like other lines of the same kind.
const preface = 16 << 10

var errPatch = errors.New("a patch does not fit what it is to be applied to")

// shard is a run of whole lines of a blob.
type shard struct {
	text []byte
	ends []int // where each line ends, behind its newline
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

// span gives the text of the lines from..to.
func (s *shard) span(from, to int) []byte {
	if from >= to {
		return nil
	}
	begin := 0
	if from > 0 {
		begin = s.ends[from-1]
	}
	return s.text[begin:s.ends[to-1]]
}

// line is one line of a blob, with its newline, and its key.
type line struct{ text, key []byte }

func (s *shard) lines(c evidence.Content) []line {
	out := make([]line, len(s.ends))
	for i := range out {
		text := s.span(i, i+1)
		out[i] = line{text, keyOf(c, text)}
	}
	return out
}

// patch is a patch that is being made.
type patch struct {
	ops       []byte
	op, count uint64
	text      []byte
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

// diff makes the patch from old to now.
func diff(old, now []line) *patch {
	p := &patch{}
	// Readers of lines that are there already do not fail.
	_ = walkReaders(&lineReader{lines: old}, &lineReader{lines: now}, func(o, n *line) error {
		switch {
		case n == nil:
			p.add(opDrop)
			return nil
		case o == nil:
			p.add(opInsert)
		case bytes.Equal(o.text, n.text):
			p.add(opCopy)
			return nil
		default:
			p.add(opReplace)
		}
		p.text = append(p.text, n.text...)
		return nil
	})
	p.flush()
	return p
}

// eachOp reads the operations of a patch and checks them against the number of
// lines that the older shard has. It tells where in it each one stands.
func eachOp(ops []byte, lines int, do func(op, n, at int) error) error {
	at := 0
	for len(ops) > 0 {
		v, size := binary.Uvarint(ops)
		if size <= 0 || v>>2 == 0 {
			return fmt.Errorf("%w: an operation is cut", errPatch)
		}
		ops = ops[size:]
		op, n := int(v&3), v>>2
		if op != opInsert && n > uint64(lines-at) || n > maxFrame {
			return fmt.Errorf("%w: it wants %d lines after line %d of %d", errPatch, n, at, lines)
		}
		if err := do(op, int(n), at); err != nil {
			return err
		}
		if op != opInsert {
			at += int(n)
		}
	}
	return nil
}

// dictionary gives the old text that the text of a patch is compressed
// against: the beginning of the shard if lines are inserted, then every line
// that is replaced.
func (s *shard) dictionary(ops []byte) ([]byte, error) {
	var replaced []byte
	inserts := false
	err := eachOp(ops, len(s.ends), func(op, n, at int) error {
		inserts = inserts || op == opInsert
		if op == opReplace {
			replaced = append(replaced, s.span(at, at+n)...)
		}
		return nil
	})
	if inserts {
		replaced = append(bytes.Clone(s.text[:min(len(s.text), preface)]), replaced...)
	}
	return replaced, err
}

// apply makes the shard that the patch describes. Size is the number of bytes
// that it must have.
func (s *shard) apply(ops, text []byte, size int) (*shard, error) {
	added := newShard(text)
	out, next := make([]byte, 0, size), 0
	err := eachOp(ops, len(s.ends), func(op, n, at int) error {
		switch op {
		case opCopy:
			out = append(out, s.span(at, at+n)...)
		case opReplace, opInsert:
			if n > len(added.ends)-next {
				return fmt.Errorf("%w: it has %d new lines, and needs more", errPatch, len(added.ends))
			}
			out = append(out, added.span(next, next+n)...)
			next += n
		}
		if len(out) > size {
			return fmt.Errorf("%w: it makes more than %d bytes", errPatch, size)
		}
		return nil
	})
	if err == nil && (next != len(added.ends) || len(out) != size) {
		err = fmt.Errorf("%w: it makes %d bytes, not %d", errPatch, len(out), size)
	}
	return newShard(out), err
}
