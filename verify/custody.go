package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// slack is how far the clocks of the log and of who saw it may be apart.
const slack = 10 * time.Minute

// custody follows what the log says of itself: who signed it, who else saw it,
// what was taken out of it.
type custody struct {
	// named is when the newest entry that names a blob was recorded; erased is
	// the entry that is its tombstone.
	named  map[evidence.Hash]time.Time
	erased map[evidence.Hash]uint64
	// points are the checkpoints that were found sound, by size.
	points map[uint64]point
	// lastBy are the keys that signed the newest checkpoint.
	lastBy []key
}

// point is a sound checkpoint, and when the newest entry that it covers was recorded.
type point struct {
	root     evidence.Hash
	signed   string
	recorded time.Time
}

// signed notes a checkpoint that was found sound.
func (c *custody) signed(cp checkpoint, w *logWalk) {
	if c.points == nil {
		c.points = map[uint64]point{}
	}
	c.points[uint64(cp.size)] = point{cp.root, w.signed.Signed, w.last.Recorded}
}

// firstKey finds the key that the log began with: the old one of its first
// change of the key, or that of the manifest.
func (c *check) firstKey() bool {
	first := c.b.Manifest.Log.Key
	for e, err := range c.b.Entries(0) {
		if err != nil {
			break // the log's own check says so
		}
		if e.Type != evidence.EntryKey {
			continue
		}
		var change evidence.KeyChange
		if e.DecodeBody(evidence.EntryKey, &change) == nil {
			first = change.Old
		}
		break
	}
	k, err := parseKey(first)
	if err != nil {
		c.fail("signature", entriesName, "the key that the log began with: %w", err)
		return false
	}
	c.signer, c.keys = k, []string{first}
	return true
}

func (c *check) manifestKey() key {
	k, _ := parseKey(c.b.Manifest.Log.Key) // it was parsed before
	return k
}

// signers are the keys whose signatures the next checkpoint bears.
func (c *check) signers() []key {
	by := []key{c.signer}
	if c.before != nil {
		by = append(by, *c.before)
	}
	c.custody.lastBy = by
	return by
}

// held takes an entry for what it says of the log itself.
func (c *check) held(e evidence.Entry) {
	if c.custody.named == nil {
		c.custody.named, c.custody.erased = map[evidence.Hash]time.Time{}, map[evidence.Hash]uint64{}
	}
	for _, ref := range e.Refs() {
		c.custody.named[ref.Hash] = e.Recorded
		delete(c.custody.erased, ref.Hash)
	}
	for _, ref := range e.Blobs {
		c.refs[filesPath(ref.Hash)] = ref
	}
	var err error
	switch e.Type {
	case evidence.EntryErasure:
		err = c.erasure(e)
	case evidence.EntryKey:
		err = c.keyChange(e)
	case evidence.EntryAnchor:
		err = c.anchor(e)
	case evidence.EntryAgent:
		c.wentBack(e)
	case evidence.EntryRun, evidence.EntryConfig, evidence.EntryCatalogue, evidence.EntryDecision, evidence.EntryReview, evidence.EntryUpload:
	default:
		c.res.Complete = false
		c.res.Unknown = append(c.res.Unknown, fmt.Sprintf("entry %d is of the type %.40q, which this verifier does not know: use a newer one", e.Index, e.Type))
	}
	if err != nil {
		c.fail("custody", entriesName, "entry %d: %w", e.Index, err)
	}
}

// wentBack lists an entry that says that the log did not begin with the one that
// its key had signed.
func (c *check) wentBack(e evidence.Entry) {
	act, ok, err := evidence.ActOf(e)
	if err != nil || !ok || act.Rollback == nil {
		return
	}
	r := act.Rollback
	c.res.WentBack = append(c.res.WentBack, fmt.Sprintf("entry %d, %s: the key had signed %d entries, and the log had %d; %s went on with it: %s", e.Index,
		e.Recorded.UTC().Format("2006-01-02 15:04"), r.Had, r.Has, r.By, r.Reason))
}

// erasure checks a tombstone: it can only speak of what was named before.
func (c *check) erasure(e evidence.Entry) error {
	var body evidence.Erasure
	if err := e.DecodeBody(evidence.EntryErasure, &body); err != nil {
		return err
	}
	for _, ref := range body.Blobs {
		at, ok := c.custody.named[ref.Hash]
		switch {
		case !ok:
			return fmt.Errorf("it erases %s, which no entry before it names", ref.Hash)
		case !at.Before(body.Before):
			return fmt.Errorf("it erases %s as older than %s, and an entry of %s names it", ref.Hash, body.Before.Format(time.RFC3339), at.Format(time.RFC3339))
		}
		c.custody.erased[ref.Hash] = e.Index
	}
	return nil
}

// keyChange follows the log to its next key, if the old one and the new one
// have both signed this very change.
func (c *check) keyChange(e evidence.Entry) error {
	var body evidence.KeyChange
	if err := e.DecodeBody(evidence.EntryKey, &body); err != nil {
		return err
	}
	next, err := parseKey(body.New)
	if err != nil {
		return err
	}
	if body.Old != c.keys[len(c.keys)-1] {
		return fmt.Errorf("it changes another key than the one in force, %s", c.signer)
	}
	if next.name != c.signer.name {
		return errors.New("the new key is that of another log")
	}
	text, err := openNote([]byte(body.Note), c.signer, next)
	if err != nil {
		return fmt.Errorf("the change of the key: %w", err)
	}
	if text != evidence.KeyChangeText(c.signer.name, e.Index, body.Old, body.New) {
		return errors.New("the keys have signed another change than this one")
	}
	old := c.signer
	c.before, c.signer = &old, next
	c.keys = append(c.keys, body.New)
	c.res.Checked.KeyChanges++
	return nil
}

// anchor checks what somebody else saw of the log against the log.
func (c *check) anchor(e evidence.Entry) error {
	var body evidence.Anchor
	if err := e.DecodeBody(evidence.EntryAnchor, &body); err != nil {
		return err
	}
	if body.Error != "" {
		return nil // it was not shown; that is on record, and proves nothing
	}
	p, ok := c.custody.points[body.Size]
	switch {
	case !ok:
		return fmt.Errorf("the bundle has no checkpoint of %d entries, which was shown to %.80q", body.Size, body.Name)
	case p.root != body.Root || evidence.HashOf([]byte(p.signed)) != body.Digest:
		return fmt.Errorf("%.80q saw another checkpoint of %d entries than the one in the bundle", body.Name, body.Size)
	}
	c.res.Checked.Anchors++
	at, checked, err := c.receipt(body, p)
	if err != nil || !checked {
		return err
	}
	if at.Before(p.recorded.Add(-slack)) || at.After(e.Recorded.Add(slack)) {
		return fmt.Errorf("%.80q saw the checkpoint at %s, the log says that it was made after %s and recorded as seen at %s: one of the clocks is wrong",
			body.Name, at.Format(time.RFC3339), p.recorded.Format(time.RFC3339), e.Recorded.Format(time.RFC3339))
	}
	c.res.Checked.Witnessed++
	return nil
}

// receipt checks what the other side answered, if the reader gave what it takes.
func (c *check) receipt(a evidence.Anchor, p point) (at time.Time, checked bool, err error) {
	switch a.Type {
	case evidence.AnchorTimestamp:
		if c.opt.Timestamp == nil {
			return at, false, nil
		}
		at, err = c.opt.Timestamp(a.Receipt, a.Digest)
	case evidence.AnchorWitness:
		var known bool
		if at, known, err = c.cosignature(string(a.Receipt), p); !known && err == nil {
			return at, false, nil
		}
	default:
		return at, false, nil // there is nothing in the bundle to check it with
	}
	if err != nil {
		return at, false, fmt.Errorf("the receipt of %.80q: %w", a.Name, err)
	}
	return at, true, nil
}

// cosignature checks the line of a witness whose key the reader gave.
func (c *check) cosignature(line string, p point) (at time.Time, known bool, err error) {
	text, _, ok := strings.Cut(p.signed, "\n\n")
	if !ok {
		return at, false, errors.New("not a signed note")
	}
	for _, vkey := range c.opt.Witnesses {
		w, err := parseWitness(vkey)
		if err != nil {
			return at, false, err
		}
		if strings.HasPrefix(line, "— "+w.name+" ") {
			at, err = w.open(text+"\n", line)
			return at, true, err
		}
	}
	return at, false, nil
}
