package anchor

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Checkpoint is a signed C2SP tlog-checkpoint, and what it says.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   evidence.Hash
	Signed []byte
	// Earlier are the roots of the same log's smaller checkpoints, by their size.
	Earlier map[uint64]evidence.Hash
}

// continues says why a log is not the one that a checkpoint of no more entries is of.
func (cp Checkpoint) continues(seen Checkpoint) error {
	root, ok := cp.Earlier[seen.Size]
	if seen.Size == cp.Size {
		root, ok = cp.Root, true
	}
	if !ok || root != seen.Root || seen.Origin != cp.Origin {
		return ErrFork
	}
	return nil
}

// Receipt is what a place answered. Bytes have the form that the place's
// evidence.AnchorType says; At is the time that it states, if it states one.
type Receipt struct {
	Bytes []byte
	At    *time.Time
}

// Place is somewhere that a checkpoint is shown.
type Place interface {
	Type() evidence.AnchorType
	// Name is its name in the configuration, To where it is.
	Name() string
	To() string
	// Show shows a checkpoint. A nil error means that the place has it for good,
	// and that the receipt was checked.
	Show(ctx context.Context, cp Checkpoint) (Receipt, error)
}

// Log is what is needed of a store.
type Log interface {
	evidence.Log
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
	Checkpoint() (signed []byte, size uint64, err error)
	Checkpoints() iter.Seq2[evidence.Checkpoint, error]
	// Consistency proves that the log of newer entries begins with that of older.
	Consistency(older, newer uint64) ([]evidence.Hash, error)
}

// patience bounds how long one place may take.
const patience = 2 * time.Minute

// Run shows the newest checkpoint to every place that has not seen it, at once,
// and writes down what came of it, in one append. That append makes a newer
// checkpoint; a log that has grown by such entries only is not shown again. A
// place that failed is in what is returned, with its error.
func Run(ctx context.Context, log Log, places []Place) ([]evidence.Anchor, error) {
	cp, err := newest(log)
	if err != nil {
		return nil, err
	}
	seen, err := whatWasSeen(log)
	if err != nil {
		return nil, err
	}
	var todo []Place
	for _, p := range places {
		if at, ok := seen.by[p.Name()]; !ok || at < seen.size {
			todo = append(todo, p)
		}
	}
	if len(todo) == 0 {
		return nil, nil
	}
	shown := showAll(ctx, cp, todo)
	if err := record(ctx, log, shown); err != nil {
		return shown, fmt.Errorf("write down who saw the checkpoint of %d entries: %w", cp.Size, err)
	}
	return shown, nil
}

// newest reads the newest checkpoint of a log.
func newest(log Log) (cp Checkpoint, err error) {
	signed, size, err := log.Checkpoint()
	if err != nil {
		return cp, fmt.Errorf("read the newest checkpoint: %w", err)
	}
	if size == 0 {
		return cp, errors.New("there is no checkpoint to show yet: nothing was collected")
	}
	if cp, err = ParseCheckpoint(signed); err != nil {
		return cp, err
	}
	cp.Earlier = map[uint64]evidence.Hash{}
	for c, err := range log.Checkpoints() {
		if err != nil {
			return cp, fmt.Errorf("read the checkpoints: %w", err)
		}
		old, err := ParseCheckpoint(c.Signed)
		if err != nil {
			return cp, err
		}
		cp.Earlier[old.Size] = old.Root
	}
	return cp, nil
}

// ParseCheckpoint reads what a checkpoint says. It checks no signature.
func ParseCheckpoint(signed []byte) (cp Checkpoint, err error) {
	lines := strings.SplitN(string(signed), "\n", 5)
	if len(lines) != 5 || lines[3] != "" || lines[0] == "" {
		return cp, errors.New("it is no checkpoint")
	}
	cp = Checkpoint{Origin: lines[0], Signed: signed}
	if cp.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(cp.Size, 10) != lines[1] {
		return cp, fmt.Errorf("the size of the checkpoint is %.40q", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(cp.Root) {
		return cp, fmt.Errorf("the root of the checkpoint is %.80q", lines[2])
	}
	copy(cp.Root[:], root)
	return cp, nil
}

// sightings are what the log says was shown.
type sightings struct {
	// size counts the entries up to the newest that is no anchor.
	size uint64
	// by is the largest size that each place has seen.
	by map[string]uint64
}

func whatWasSeen(log Log) (s sightings, err error) {
	s.by = map[string]uint64{}
	for e, err := range log.Entries(0) {
		if err != nil {
			return s, fmt.Errorf("read the log: %w", err)
		}
		if e.Type != evidence.EntryAnchor {
			s.size = e.Index + 1
			continue
		}
		var a evidence.Anchor
		if err := e.DecodeBody(evidence.EntryAnchor, &a); err != nil {
			return s, err
		}
		if a.Error == "" {
			s.by[a.Name] = max(s.by[a.Name], a.Size)
		}
	}
	return s, nil
}

func showAll(ctx context.Context, cp Checkpoint, places []Place) []evidence.Anchor {
	out := make([]evidence.Anchor, len(places))
	var wg sync.WaitGroup
	for i, p := range places {
		wg.Go(func() { out[i] = show(ctx, cp, p) })
	}
	wg.Wait()
	return out
}

func show(ctx context.Context, cp Checkpoint, p Place) evidence.Anchor {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := evidence.Anchor{Type: p.Type(), Name: p.Name(), To: p.To(), Size: cp.Size, Root: cp.Root, Digest: evidence.HashOf(cp.Signed)}
	receipt, err := p.Show(ctx, cp)
	if err != nil {
		a.Error = oneLine(err.Error())
		return a
	}
	a.Receipt, a.At = receipt.Bytes, receipt.At
	return a
}

// oneLine makes another side's words fit for an entry, and for a terminal, and
// bounds what they take.
func oneLine(s string) string {
	s = evidence.Printable(strings.Join(strings.Fields(s), " "))
	if len(s) > 2000 {
		return strings.ToValidUTF8(s[:2000], "") + "…"
	}
	return s
}

// record writes what came of it; a context that has ended does not matter any more.
func record(ctx context.Context, log Log, shown []evidence.Anchor) error {
	return log.Append(context.WithoutCancel(ctx), func(w evidence.Writer) error {
		for _, a := range shown {
			e, err := evidence.WithBody(evidence.EntryAnchor, a)
			if err == nil {
				_, err = w.Entry(e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
