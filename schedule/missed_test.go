package schedule

import (
	"context"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// sink is a log that counts what it is given, and how much memory is in use meanwhile.
type sink struct {
	most uint64
	n    int
	last time.Time
	t    *testing.T
}

func (s *sink) Append(_ context.Context, add func(evidence.Writer) error) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.most = max(s.most, m.HeapAlloc)
	return add(s)
}

func (s *sink) AppendIf(ctx context.Context, _ uint64, add func(evidence.Writer) error) error {
	return s.Append(ctx, add)
}

func (s *sink) Entry(e evidence.Entry) (evidence.Entry, error) {
	if s.n++; e.Run.Due.Before(s.last) {
		s.t.Fatalf("%s is written after %s", e.Run.Due, s.last)
	}
	s.last = e.Run.Due
	return e, nil
}

func (s *sink) Blob(evidence.Series, io.Reader, int) (evidence.Ref, error) {
	return evidence.Ref{}, nil
}

// TestMissedAreStreamed: what was missed in years is written in the order in which
// it was due, and never held as a whole.
func TestMissedAreStreamed(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	s := &sink{t: t}
	r.runner.log = s
	r.runner.opt.Progress = func(evidence.Run, int, int) {}
	hourly, err := Parse("0 * * * *")
	if err != nil {
		t.Fatal(err)
	}
	var all []slotRange
	for _, k := range []evidence.Kind{"w.root", "w.state", "w.event"} {
		all = append(all, newSlotRange(evidence.Stream{Source: "w", Kind: k, Scope: "a"}, hourly, day(1, 0), day(1, 0).AddDate(20, 0, 0)))
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tick := r.runner.tick()
	if err := tick.appendMissedRanges(t.Context(), all, false); err != nil {
		t.Fatal(err)
	}
	if s.n != count(all) || s.n != 3*24*(20*365+5) || tick.lost["w"] != s.n || len(tick.runs) != 0 {
		t.Errorf("%d of %d were written, %d are held", s.n, count(all), len(tick.runs))
	}
	if grown := int64(s.most) - int64(before.HeapAlloc); grown > 8<<20 { // as a whole they are 100 MB
		t.Errorf("%d bytes are held of %d slots", grown, s.n)
	}
}

// TestWindows: the windows of ranges hold each slot once, whichever way they are walked.
func TestWindows(t *testing.T) {
	hourly, err := Parse("0 * * * *")
	if err != nil {
		t.Fatal(err)
	}
	daily, err := Parse("")
	if err != nil {
		t.Fatal(err)
	}
	all := []slotRange{newSlotRange(evidence.Stream{}, hourly, day(1, 3), day(4, 7)), newSlotRange(evidence.Stream{}, daily, day(2, 6), day(9, 6)), {}, newSlotRange(evidence.Stream{}, daily, day(2, 7), day(3, 5))}
	if n := []int{all[0].n, all[1].n, all[3].n}; !slices.Equal(n, []int{76, 7, 0}) {
		t.Fatalf("%v slots", n)
	}
	for _, back := range []bool{false, true} {
		var got []time.Time
		for from, to := range windows(all, back) {
			for _, s := range all {
				got = slices.AppendSeq(got, s.between(from, to))
			}
		}
		if len(got) != count(all) {
			t.Errorf("newest first %v: %d slots, want %d", back, len(got), count(all))
		}
	}
	if due, rest := all[1].newest(); !due.Equal(day(9, 6)) || rest.n != 6 || len(slices.Collect(rest.between(day(1, 0), day(20, 0)))) != 6 {
		t.Errorf("newest %s, %d before it", due, rest.n)
	}
}
