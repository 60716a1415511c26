package gap

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// forger makes snapshots that nobody wrote, and uses the engines of those that are
// restored.
type forger struct {
	cat    *catalogue.Catalogue
	p      result.Period
	logs   []testLog
	bodies [][]byte // of true snapshots
}

func newForger(t testing.TB) *forger {
	f := &forger{cat: testCatalogue(t, everyCatalogue()), p: result.Period{From: start, To: start.Add(4 * result.Day)},
		logs: []testLog{newWorld(t, 5, 6, true).log, logOf(t, lives(2, 6, false), 2)}}
	e := NewEngine(f.cat, f.p, WithRoots(worldRoots), WithActs([]evidence.Act{{Entry: 3, At: start, Upload: &evidence.Upload{Title: "t", Duties: []string{"d"}, By: "ann", Effective: start}}}))
	for i := range f.logs[0].runs {
		f.bodies = append(f.bodies, bodyOf(t, e, nil))
		for n := range f.logs {
			if l := &f.logs[n]; i < len(l.runs) {
				if err := e.Observe(l.runs[i], LinesOf(l, l.runs[i])); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return f
}

// try reports whether a body, under a true header and hash, could be restored.
// Then the engine must not panic.
func (f *forger) try(t testing.TB, body []byte) bool {
	e, _, err := Restore(bytes.NewReader(bodyOf(t, NewEngine(f.cat, f.p, WithRoots(worldRoots)), body)), f.cat, f.p, WithRoots(worldRoots))
	if err != nil {
		if !errors.Is(err, ErrSnapshotDamaged) {
			t.Fatal(err)
		}
		return false
	}
	e.Result(f.p.To)
	for _, v := range f.cat.Views {
		e.Rows(v.Kind)
	}
	for i := range f.logs {
		for _, run := range f.logs[i].runs {
			if err := e.Observe(run, LinesOf(&f.logs[i], run)); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.Result(f.p.To)
	return true
}

// FuzzRestore: a snapshot that nobody wrote is an error, or an engine that can be
// used.
func FuzzRestore(f *testing.F) {
	forge := newForger(f)
	for i := 0; i < len(forge.bodies); i += 5 {
		f.Add(forge.bodies[i])
	}
	f.Fuzz(func(t *testing.T, body []byte) { forge.try(t, body) })
}

// TestForgedSnapshots: likewise of true ones with some bytes changed.
func TestForgedSnapshots(t *testing.T) {
	forge := newForger(t)
	rnd := rand.New(rand.NewPCG(4, 5))
	restored := 0
	for range forgeries {
		body := bytes.Clone(forge.bodies[rnd.IntN(len(forge.bodies))])
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(body))
			body[i] = []byte{0, 1, body[i] + 1, body[i] - 1, body[i] ^ 1<<rnd.IntN(8), byte(rnd.IntN(256))}[rnd.IntN(6)]
		}
		restored += pick(forge.try(t, body), 1, 0)
	}
	if restored < forgeries/20 {
		t.Errorf("only %d of %d could be restored: what follows is not tested", restored, forgeries)
	}
	t.Logf("%d of %d could be restored", restored, forgeries)
}

const forgeries = 1000

// bodyOf returns the part of a snapshot after its header and before its hash; or,
// where there is a body, the snapshot that has it.
func bodyOf(t testing.TB, e *Engine, body []byte) []byte {
	all := snapshotOf(t, e)
	header := e.snapshotHeader()
	from := bytes.Index(all, header) + len(header)
	if body == nil {
		return all[from : len(all)-sha256.Size]
	}
	doc := append(bytes.Clone(all[:from]), body...)
	sum := sha256.Sum256(doc)
	return append(doc, sum[:]...)
}
