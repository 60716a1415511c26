package population

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

const wantDraw = "1 980 ed17161be7e94fefed013072e9986fdccce3b2d033c79e060b14f726ce6e7f79"

func itemsOf(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{Stream: "github/github.pull_request/acme", ID: fmt.Sprint(i), Name: "n", At: from.Add(time.Duration(i) * time.Hour)}
	}
	return items
}

// TestDrawIsTheSameInAnyOrder: who lists the population otherwise draws the same.
func TestDrawIsTheSameInAnyOrder(t *testing.T) {
	a, err := NewDraw("acme 2026", "change", "github.pull_request", itemsOf(1000), 25)
	if err != nil {
		t.Fatal(err)
	}
	mixed := itemsOf(1000)
	rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	b, err := NewDraw("acme 2026", "change", "github.pull_request", mixed, 25)
	if err != nil || !slices.Equal(a.Picks, b.Picks) || a.Seed != b.Seed {
		t.Fatalf("%v\n%v\n%v", err, a, b)
	}
	// The numbers are those that docs/bundle.md lets anyone compute; this one was, with Python's hashlib.
	if got := fmt.Sprint(a.Picks[0].Number, a.Picks[24].Number, a.Seed); got != wantDraw {
		t.Errorf("got %s", got)
	}
}

// TestItemIsCanonical: an item is written as anyone would write it.
func TestItemIsCanonical(t *testing.T) {
	for _, it := range []Item{{}, {Stream: "a/b/c", Scope: "s", ID: "1\"", Name: "ü\n", At: from.Add(5)}, {Stream: "a", ID: "2", At: from}} {
		want, err := evidence.Canonical(it)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := it.append(nil); err != nil || string(got) != string(want) {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	if _, err := (Item{Name: "\xff"}).append(nil); err == nil {
		t.Error("bytes that are no text were written")
	}
}

// TestDrawFollowsThePopulation: one item more, one less or another engagement
// is another draw, and every run of the period gives one item.
func TestDrawFollowsThePopulation(t *testing.T) {
	base, _ := NewDraw("e", "c", "k", itemsOf(997), 25)
	for i, p := range base.Picks {
		if lo, hi := i*997/25+1, (i+1)*997/25; p.Number < lo || p.Number > hi {
			t.Errorf("pick %d is number %d, not in %d-%d", i, p.Number, lo, hi)
		}
	}
	other, _ := NewDraw("e", "c", "k", itemsOf(998), 25)
	named, _ := NewDraw("f", "c", "k", itemsOf(997), 25)
	if base.Seed == other.Seed || base.Seed == named.Seed || base.Digest != named.Digest {
		t.Error("the seed does not follow from engagement and population")
	}
	if all, err := NewDraw("e", "c", "k", itemsOf(7), 7); err != nil || len(all.Picks) != 7 || all.Picks[6].Number != 7 {
		t.Errorf("%+v, %v", all, err)
	}
	if none, err := NewDraw("e", "c", "k", nil, 0); err != nil || len(none.Picks) != 0 {
		t.Errorf("%+v, %v", none, err)
	}
	for _, bad := range [][]Item{itemsOf(3), append(itemsOf(9), itemsOf(1)...)} {
		if _, err := NewDraw("e", "c", "k", bad, 5); err == nil {
			t.Errorf("%d items: want an error", len(bad))
		}
	}
}

// TestDrawIsFair: over many engagements every item is drawn about as often as any other.
func TestDrawIsFair(t *testing.T) {
	drawn := make([]int, 20)
	for e := range 4000 {
		d, err := NewDraw(fmt.Sprint(e), "c", "k", itemsOf(20), 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Picks {
			drawn[p.Number-1]++
		}
	}
	for i, n := range drawn {
		if n < 680 || n > 920 { // 800 expected; five standard deviations
			t.Errorf("item %d was drawn %d times of 800", i, n)
		}
	}
}

func TestSampleSizes(t *testing.T) {
	for _, tt := range SizeTables {
		for _, n := range []int{0, 1, 4, 5, 10, 11, 50, 51, 250, 251, 100_000} {
			if got := tt.Size(n); got > n || got < 0 || n > 0 && got == 0 {
				t.Errorf("%s draws %d of %d", tt.ID, got, n)
			}
		}
	}
	if y, k := SizeTables[0].Size, SizeTables[1].Size; y(10) != 10 || y(11) != 8 || y(251) != 25 || k(51) != 6 || k(250) != 25 || k(6) != 5 {
		t.Errorf("%d %d %d, %d %d %d", y(10), y(11), y(251), k(51), k(250), k(6))
	}
}

func BenchmarkDraw(b *testing.B) {
	items := itemsOf(1_000_000)
	for b.Loop() {
		if _, err := NewDraw("e", "c", "k", items, 25); err != nil {
			b.Fatal(err)
		}
	}
}
