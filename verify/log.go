package verify

import (
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
	for _, m := range c.b.Manifest.Files {
		if c.ended() {
			return
		}
		if !strings.HasPrefix(m.Path, "evidence/records/") && !strings.HasPrefix(m.Path, "evidence/exchanges/") && !strings.HasPrefix(m.Path, "evidence/files/") {
			continue
		}
		ref, ok := c.refs[m.Path]
		if !ok {
			c.fail("evidence", m.Path, "no entry of the log names it")
			continue
		}
		delete(c.refs, m.Path)
		if t, erased := c.custody.erased[ref.Hash]; erased {
			c.fail("evidence", m.Path, "entry %d says that it was erased, and it is in the bundle", t)
		}
		c.blob(m, ref)
	}
	for path, ref := range c.refs {
		if _, erased := c.custody.erased[ref.Hash]; erased {
			c.res.Checked.Erased++
			continue
		}
		c.fail("evidence", path, "the log names it, but it is not in the bundle")
	}
}

func (c *check) blob(m Member, ref evidence.Ref) {
	if m.SHA256 != ref.Hash || m.Size != ref.Size {
		c.fail("evidence", m.Path, "its hash or size is not the one in the log")
		return
	}
	if strings.HasPrefix(m.Path, "evidence/files/") {
		c.res.Checked.Uploads++ // any bytes
		return
	}
	if strings.HasPrefix(m.Path, "evidence/records/") {
		c.res.Checked.Records += countLines(c, m, ref, c.b.Records(ref))
	} else {
		c.res.Checked.Exchanges += countLines(c, m, ref, lines[json.RawMessage](c.b, m.Path, evidence.MaxLine))
	}
}

// countLines reads each line of a blob, and compares their number with the log's.
func countLines[T any](c *check, m Member, ref evidence.Ref, all iter.Seq2[T, error]) (n int) {
	for _, err := range all {
		if err == nil {
			err = c.ctx.Err()
		}
		if err != nil {
			c.fail("evidence", m.Path, "%w", err)
			return n
		}
		n++
	}
	if n != ref.Count {
		c.fail("evidence", m.Path, "it holds %d lines, the log says %d", n, ref.Count)
	}
	return n
}
