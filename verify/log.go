package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

const (
	checkpointsName = "log/checkpoints.jsonl"
	proofsName      = "log/proofs.jsonl"
	latestName      = "log/checkpoint"
)

// checkpointLine is one line of log/checkpoints.jsonl.
type checkpointLine struct {
	Size   int    `json:"size"`
	Signed string `json:"signed"`
}

// proofLine is one line of log/proofs.jsonl.
type proofLine struct {
	Index int             `json:"index"`
	Leaf  evidence.Hash   `json:"leaf"`
	Proof []evidence.Hash `json:"proof"`
}

// logWalk is what one pass over the log needs.
type logWalk struct {
	last   evidence.Entry
	leaves []evidence.Hash
	next   func() (checkpointLine, error, bool)
	signed checkpointLine
	more   bool
	// covered is the size of the last checkpoint.
	covered int
}

// log rebuilds the tree from the leaves and compares it, at every checkpoint,
// with what was signed at the time; so nothing was changed, left out, put in or
// moved since.
func (c *check) log() {
	next, stop := iter.Pull2(lines[checkpointLine](c.b, checkpointsName, maxSmall))
	defer stop()
	w := &logWalk{next: next}
	if !c.firstKey() {
		return
	}
	c.advance(w)
	if err := c.walk(w); err != nil {
		c.fail("log", entriesName, "%w", err)
		return
	}
	if w.covered != c.tree.size && !w.more {
		c.fail("checkpoint", checkpointsName, "the last checkpoint covers %d entries, the log has %d", w.covered, c.tree.size)
	}
	if w.more {
		c.fail("checkpoint", checkpointsName, "a checkpoint covers %d entries, the log has %d", w.signed.Size, c.tree.size)
	}
	c.end()
	c.leafProofs(w.leaves)
	c.logRead = !c.ended()
}

// walk goes through the entries. An error is for a log that cannot be read on.
func (c *check) walk(w *logWalk) error {
	for raw, err := range lines[json.RawMessage](c.b, entriesName, maxEntry) {
		switch {
		case err != nil:
			return err
		case c.tree.size == c.b.Manifest.Log.Size:
			return fmt.Errorf("it has more entries than the %d that the manifest says", c.tree.size)
		case c.ended():
			return errors.New("there is too much wrong with it to go on")
		}
		if err := c.entry(w, raw); err != nil {
			return fmt.Errorf("entry %d: %w", c.tree.size-1, err)
		}
		for w.more && w.signed.Size <= c.tree.size && !c.ended() {
			c.checkpoint(w)
			w.covered = w.signed.Size
			c.advance(w)
		}
	}
	return nil
}

func (c *check) advance(w *logWalk) {
	before := w.signed.Size
	line, err, ok := w.next()
	switch {
	case ok && err != nil:
		c.fail("checkpoint", checkpointsName, "%w", err)
		ok = false
	case ok && line.Size <= before:
		c.fail("checkpoint", checkpointsName, "a checkpoint of %d entries after one of %d", line.Size, before)
		ok = false
	}
	w.signed, w.more = line, ok
}

// entry adds one leaf and checks that it stands where and when it says.
func (c *check) entry(w *logWalk, raw []byte) error {
	n := c.tree.size
	leaf := evidence.LeafHash(raw)
	c.tree.add(leaf)
	w.leaves = append(w.leaves, leaf)
	c.res.Checked.Entries++
	var e evidence.Entry
	if err := evidence.DecodeCanonical(raw, &e); err != nil {
		return err
	}
	if e.Index != uint64(n) {
		c.fail("log", entriesName, "entry %d says it is entry %d", n, e.Index)
	}
	if e.Recorded.Before(w.last.Recorded) {
		c.fail("log", entriesName, "entry %d was recorded before the one before it", n)
	}
	if n > 0 && !e.Recorded.Equal(w.last.Recorded) && w.covered != n {
		c.fail("checkpoint", checkpointsName, "entry %d was appended after entry %d, and no checkpoint of %d entries was signed between them: one was taken out", n, n-1, n)
	}
	w.last = e
	if err := c.declared(e); err != nil {
		return err
	}
	c.held(e)
	if e.Run != nil {
		c.run(n, e.Recorded, *e.Run)
	}
	return nil
}

// checkpoint compares the signed root of the current size with the tree.
func (c *check) checkpoint(w *logWalk) {
	c.res.Checked.Checkpoints++
	cp, err := openCheckpoint([]byte(w.signed.Signed), c.signers()...)
	c.before = nil
	switch {
	case err != nil:
		c.fail("checkpoint", checkpointsName, "size %d: %v", w.signed.Size, err)
	case cp.size != w.signed.Size || cp.size != c.tree.size:
		c.fail("checkpoint", checkpointsName, "size %d: it is out of order, or says %d", w.signed.Size, cp.size)
	case cp.root != c.tree.root():
		c.fail("checkpoint", checkpointsName, "size %d: it was signed over another log", cp.size)
	default:
		c.custody.signed(cp, w)
	}
}

// end compares the whole log with the manifest and the newest checkpoint.
func (c *check) end() {
	root := c.tree.root()
	if m := c.b.Manifest.Log; m.Size != c.tree.size || m.Root != root {
		c.fail("log", entriesName, "the log has %d entries and root %s, the manifest says %d and %s", c.tree.size, root, m.Size, m.Root)
	}
	latest, err := c.b.Read(latestName, maxSmall)
	if err != nil {
		c.fail("checkpoint", latestName, "%v", err)
		return
	}
	if c.signer.String() != c.manifestKey().String() {
		c.fail("signature", manifestName, "it was signed by %s, in force at the end of the log is %s", c.manifestKey(), c.signer)
	}
	by := []key{c.signer}
	if c.custody.lastBy != nil { // it is that which covers the change of the key
		by = c.custody.lastBy
	}
	cp, err := openCheckpoint(latest, by...)
	switch {
	case err != nil:
		c.fail("checkpoint", latestName, "%v", err)
	case cp.size != c.tree.size || cp.root != root:
		c.fail("checkpoint", latestName, "it covers %d entries, the log has %d, or their roots differ", cp.size, c.tree.size)
	}
}

// leafProofs checks the inclusion proofs, which let one item be shown without
// the whole log: one for each entry, in order.
func (c *check) leafProofs(leaves []evidence.Hash) {
	root, size := c.tree.root(), c.tree.size
	for p, err := range lines[proofLine](c.b, proofsName, maxSmall) {
		n := c.res.Checked.Proofs
		switch {
		case err != nil:
			c.fail("proof", proofsName, "%w", err)
		case n == size:
			c.fail("proof", proofsName, "there are more proofs than the %d entries", size)
			return
		case p.Index != n || leaves[n] != p.Leaf:
			c.fail("proof", proofsName, "entry %d: the proof is for another leaf", n)
		case !included(p.Leaf, n, size, p.Proof, root):
			c.fail("proof", proofsName, "entry %d: the proof does not lead to the root", n)
		}
		if c.ended() {
			return
		}
		c.res.Checked.Proofs++
	}
	if c.res.Checked.Proofs != size {
		c.fail("proof", proofsName, "%d proofs for %d entries", c.res.Checked.Proofs, size)
	}
}

// evidence compares the evidence files with what the log names.
func (c *check) evidence() {
	c.b.wasErased(evidence.Hash{}) // it reads the tombstones once, for all
	c.b.known = newSums()
	var named []Member
	for _, m := range c.b.Manifest.Files {
		if !strings.HasPrefix(m.Path, "evidence/records/") && !strings.HasPrefix(m.Path, "evidence/exchanges/") && !strings.HasPrefix(m.Path, "evidence/files/") {
			continue
		}
		if _, ok := c.refs[m.Path]; !ok {
			c.fail("evidence", m.Path, "no entry of the log names it")
			continue
		}
		named = append(named, m)
	}
	each(c, named, func(m Member) counted { return c.b.count(c.ctx, m, c.refs[m.Path]) }, func(m Member, n counted) {
		ref := c.refs[m.Path]
		if t, erased := c.custody.erased[ref.Hash]; erased {
			c.fail("evidence", m.Path, "entry %d says that it was erased, and it is in the bundle", t)
		}
		c.counted(m, ref, n)
	})
	if c.ended() {
		return
	}
	for path, ref := range c.refs {
		if _, ok := c.b.Member(path); ok {
			continue
		}
		if _, erased := c.custody.erased[ref.Hash]; erased {
			c.res.Checked.Erased++
			continue
		}
		c.fail("evidence", path, "the log names it, but it is not in the bundle")
	}
}

// counted is how many lines a file of evidence has, or why they cannot be read.
type counted struct {
	lines int
	err   error
}

// count reads each line of a file of evidence, in the form that it must have.
func (b *Bundle) count(ctx context.Context, m Member, ref evidence.Ref) counted {
	switch {
	case m.SHA256 != ref.Hash || m.Size != ref.Size:
		return counted{0, errors.New("its hash or size is not the one in the log")}
	case strings.HasPrefix(m.Path, "evidence/files/"):
		return counted{ref.Count, nil} // any bytes
	case strings.HasPrefix(m.Path, "evidence/records/"):
		return b.countRecords(ctx, ref)
	}
	return countLines(ctx, lines[json.RawMessage](b, m.Path, evidence.MaxLine))
}

// countRecords reads records. Most lines of a snapshot are those of the one before:
// a line that was read once need not be decoded again.
func (b *Bundle) countRecords(ctx context.Context, ref evidence.Ref) (n counted) {
	for line, err := range b.Lines(ref) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && !b.known.holds(line.Sum()) {
			if _, err = line.Record(); err == nil {
				b.known.add(line.Sum())
			}
		}
		if err != nil {
			n.err = err
			return n
		}
		n.lines++
	}
	return n
}

func countLines[T any](ctx context.Context, all iter.Seq2[T, error]) (n counted) {
	for _, err := range all {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			n.err = err
			return n
		}
		n.lines++
	}
	return n
}

// counted compares the number of lines with that of the log.
func (c *check) counted(m Member, ref evidence.Ref, n counted) {
	switch {
	case n.err != nil:
		c.fail("evidence", m.Path, "%w", n.err)
		return
	case n.lines != ref.Count:
		c.fail("evidence", m.Path, "it holds %d lines, the log says %d", n.lines, ref.Count)
	}
	switch {
	case strings.HasPrefix(m.Path, "evidence/files/"):
		c.res.Checked.Uploads++
	case strings.HasPrefix(m.Path, "evidence/records/"):
		c.res.Checked.Records += n.lines
	default:
		c.res.Checked.Exchanges += n.lines
	}
}
