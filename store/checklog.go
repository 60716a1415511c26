package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/evidenced/evidenced/evidence"
)

// logChecker rebuilds the log from its leaves.
type logChecker struct {
	*checker
	tree        frontier
	key         string // the verifier key in force
	before      string // the one before it, for the checkpoint that covers the change
	last        evidence.Entry
	checkpoints func() (evidence.Checkpoint, error, bool)
	next        *evidence.Checkpoint
}

// leaves rebuilds the tree from the leaves and compares it, at every
// checkpoint, with what was signed, and with the stored hashes.
func (c *checker) leaves(ctx context.Context) error {
	l := &logChecker{checker: c}
	first, current, err := c.keys()
	if err != nil {
		return err
	}
	l.key = first
	stored := &storedHashes{s: c.s, next: []byte{}}
	pull, stop := iter.Pull2(c.s.Checkpoints())
	defer stop()
	l.checkpoints = pull
	for leaf, err := range c.s.Leaves(0) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := l.leaf(leaf, stored); err != nil {
			return err
		}
	}
	if l.key != current {
		c.problem("the log ends signed by %s, the store says %s", evidence.Printable(l.key), evidence.Printable(current))
	}
	return l.finish(stored)
}

// keys returns the verifier key that the log began with, and the one in force:
// the old key of its first change, or the only one.
func (c *checker) keys() (first, current string, err error) {
	current = c.s.VerifierKey()
	for e, err := range c.s.Entries(0) {
		if err != nil {
			return "", "", err
		}
		if e.Type != evidence.EntryKey {
			continue
		}
		var k evidence.KeyChange
		if err := e.DecodeBody(evidence.EntryKey, &k); err != nil {
			return "", "", err
		}
		return k.Old, current, nil
	}
	return current, current, nil
}

func (l *logChecker) leaf(leaf []byte, stored *storedHashes) error {
	n := l.report.Entries
	var e evidence.Entry
	if err := evidence.DecodeCanonical(leaf, &e); err != nil {
		l.problem("entry %d: %v", n, err)
	}
	l.entry(n, e)
	hashes, err := l.tree.add(tlog.RecordHash(leaf))
	if err != nil {
		return err
	}
	if err := stored.expect(hashes); err != nil {
		l.problem("%v", err)
		stored.lost = true
	}
	l.report.Entries++
	l.last = e
	return l.signed()
}

// entry checks what an entry says of itself, and records what it names.
func (l *logChecker) entry(n uint64, e evidence.Entry) {
	if e.Index != n {
		l.problem("entry %d says it is entry %d", n, e.Index)
	}
	if e.Recorded.Before(l.last.Recorded) {
		l.problem("entry %d was recorded before the one before it", n)
	}
	switch e.Type {
	case evidence.EntryErasure:
		l.erasure(n, e)
		return
	case evidence.EntryKey:
		l.keyChange(n, e)
	}
	for _, ref := range e.Refs() {
		l.refs[ref.Hash] = named{n, ref.Size}
	}
	l.loose = append(l.loose, e.Blobs...)
	if e.Run != nil && len(e.Refs()) > 0 {
		l.runs[e.Run.Stream] = append(l.runs[e.Run.Stream], n)
		l.keeps(content{e.Run.Stream, evidence.ContentRecords}, e.Run.Records)
		l.keeps(content{e.Run.Stream, evidence.ContentExchanges}, e.Run.Exchanges)
	}
}

// keeps records that there are blobs of a series.
func (c *checker) keeps(of content, ref *evidence.Ref) {
	if ref != nil {
		c.kept[of] = true
	}
}

func (l *logChecker) erasure(n uint64, e evidence.Entry) {
	var body evidence.Erasure
	if err := e.DecodeBody(evidence.EntryErasure, &body); err != nil {
		l.problem("%v", err)
	}
	for _, ref := range body.Blobs {
		if _, ok := l.refs[ref.Hash]; !ok {
			l.problem("entry %d: it erases the blob %s, which no entry before it names", n, ref.Hash)
		}
		l.erased[ref.Hash] = n
	}
}

// keyChange follows the log to its next key, if both have signed.
func (l *logChecker) keyChange(n uint64, e evidence.Entry) {
	var k evidence.KeyChange
	if err := e.DecodeBody(evidence.EntryKey, &k); err != nil {
		l.problem("%v", err)
		return
	}
	if err := checkKeyChange(k, n, l.key); err != nil {
		l.problem("entry %d: %v", n, err)
	}
	l.before, l.key = l.key, k.New
}

func checkKeyChange(k evidence.KeyChange, index uint64, inForce string) error {
	if k.Old != inForce {
		return fmt.Errorf("it changes the key %s, in force is %s", evidence.Printable(k.Old), evidence.Printable(inForce))
	}
	old, err1 := note.NewVerifier(k.Old)
	next, err2 := note.NewVerifier(k.New)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("a key of the change: %w", err)
	}
	signed, err := note.Open([]byte(k.Note), note.VerifierList(old, next))
	if err != nil {
		return fmt.Errorf("the change of the key: %w", err)
	}
	if len(signed.Sigs) != 2 || signed.Text != evidence.KeyChangeText(old.Name(), index, k.Old, k.New) {
		return errors.New("both keys must sign the change of the key, and this very one")
	}
	return nil
}

// signed compares the checkpoint of this size, if there is one, with the tree.
func (l *logChecker) signed() error {
	if l.next == nil {
		cp, err, ok := l.checkpoints()
		if err != nil || !ok {
			return err
		}
		l.next = &cp
	}
	if l.next.Size > l.report.Entries {
		return nil
	}
	cp := *l.next
	l.next = nil
	l.report.Checkpoints++
	if err := l.checkpoint(cp); err != nil {
		l.problem("checkpoint of %d entries: %v", cp.Size, err)
	}
	return nil
}

func (l *logChecker) checkpoint(cp evidence.Checkpoint) error {
	if cp.Size != l.report.Entries {
		return errors.New("it is out of its place")
	}
	v, err := note.NewVerifier(l.key)
	if err != nil {
		return fmt.Errorf("verifier key: %w", err)
	}
	n, err := note.Open(cp.Signed, note.VerifierList(v))
	if err != nil {
		return err
	}
	if n.Text != checkpointText(v.Name(), cp.Size, evidence.Hash(l.tree.root())) {
		return errors.New("it was signed over another log")
	}
	return l.alsoSigned(cp)
}

// alsoSigned wants the old key's signature, too, where the key was changed.
func (l *logChecker) alsoSigned(cp evidence.Checkpoint) error {
	if l.before == "" {
		return nil
	}
	v, err := note.NewVerifier(l.before)
	l.before = ""
	if err == nil {
		_, err = note.Open(cp.Signed, note.VerifierList(v))
	}
	return err
}

func (l *logChecker) finish(stored *storedHashes) error {
	if l.next != nil {
		l.problem("checkpoint of %d entries: the log has only %d", l.next.Size, l.report.Entries)
	}
	if _, err, more := l.checkpoints(); err != nil || more {
		return errors.Join(err, errors.New("there are checkpoints beyond the log"))
	}
	if err := stored.end(); err != nil {
		l.problem("%v", err)
	}
	_, size, err := l.s.Checkpoint()
	if err == nil && size != l.report.Entries {
		l.problem("the last checkpoint covers %d of %d entries", size, l.report.Entries)
	}
	return err
}

// frontier is the tree of the leaves seen so far, as the roots of its complete
// subtrees, largest first: all that a new leaf needs.
type frontier struct {
	n     uint64
	roots []tlog.Hash
}

// add returns the hashes that a leaf completes, in the order in which
// golang.org/x/mod/sumdb/tlog stores them.
func (f *frontier) add(leaf tlog.Hash) ([]tlog.Hash, error) {
	done := []tlog.Hash{leaf}
	for n := f.n; n&1 == 1; n >>= 1 {
		if len(f.roots) == 0 {
			return nil, errors.New("the tree has lost a subtree")
		}
		left := f.roots[len(f.roots)-1]
		f.roots = f.roots[:len(f.roots)-1]
		done = append(done, tlog.NodeHash(left, done[len(done)-1]))
	}
	f.roots = append(f.roots, done[len(done)-1])
	f.n++
	return done, nil
}

// root is the RFC 6962 root of the tree.
func (f *frontier) root() tlog.Hash {
	if len(f.roots) == 0 {
		return tlog.Hash(evidence.HashOf(nil))
	}
	h := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.roots[i], h)
	}
	return h
}

// storedHashes walks the stored hashes of the tree in their order.
type storedHashes struct {
	s    *Store
	at   uint64
	rows [][2][]byte
	next []byte
	lost bool // it went wrong already
}

func (h *storedHashes) fill() error {
	if len(h.rows) > 0 || h.next == nil {
		return nil
	}
	return h.s.view(func(v view) (err error) {
		h.rows, h.next, err = v.batch(bucketHashes, h.next)
		return err
	})
}

// expect compares the next stored hashes with those that the leaves make.
func (h *storedHashes) expect(want []tlog.Hash) error {
	if h.lost {
		return nil
	}
	for _, w := range want {
		if err := h.fill(); err != nil {
			return err
		}
		if len(h.rows) == 0 || fromKey(h.rows[0][0]) != h.at || !bytes.Equal(h.rows[0][1], w[:]) {
			return fmt.Errorf("tree hash %d is not the hash of the leaves", h.at)
		}
		h.rows = h.rows[1:]
		h.at++
	}
	return nil
}

func (h *storedHashes) end() error {
	if err := h.fill(); err != nil {
		return err
	}
	if len(h.rows) > 0 && !h.lost {
		return fmt.Errorf("the tree has more hashes than the %d that the leaves make", h.at)
	}
	return nil
}
