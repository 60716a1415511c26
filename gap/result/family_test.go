package result

import (
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFamilyOrder(t *testing.T) {
	if got := []string{"tea", "privacy", "arts", "governance"}; !slices.Equal(slices.SortedFunc(slices.Values(got), CompareFamilies), []string{"governance", "privacy", "arts", "tea"}) || FamilyTitle("tea") != "tea" {
		t.Error("families that are not ours do not come last, by name")
	}
}

func TestFamilies(t *testing.T) {
	share := func(p float64) *float64 { return &p }
	res := Result{Controls: []ControlResult{{Family: "tea", Status: Pass, Expected: 1, Complete: 1}, {Family: "risk", Status: Fail, Open: 1, Deviating: 2, Deviations: 5, Expected: 2, Complete: 1},
		{Family: "risk", Status: Provided, Population: 3, Owed: 2, Done: 1}, {Family: "arts", Status: ManualEvidence}}}
	want := []FamilyResult{{Family: "risk", Controls: 2, Statuses: map[Verdict]int{Fail: 1, Provided: 1}, Population: 3, Deviating: 2, Open: 1, Coverage: share(50), Activities: share(50)},
		{Family: "arts", Controls: 1, Statuses: map[Verdict]int{ManualEvidence: 1}},
		{Family: "tea", Controls: 1, Statuses: map[Verdict]int{Pass: 1}, Coverage: share(100)}}
	if diff := gocmp.Diff(want, res.Families(), cmpopts.IgnoreUnexported(FamilyResult{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNature: whether deviations stand alone follows from the distinct items of a
// control, not from how many tests read them.
func TestNature(t *testing.T) {
	for _, c := range []struct {
		r    ControlResult
		want Nature
	}{
		{ControlResult{Population: 100}, ""},
		{ControlResult{Population: 100, Deviating: 5, Deviations: 40}, Isolated},
		{ControlResult{Population: 100, Deviating: 6, Deviations: 6}, Systematic},
		{ControlResult{Population: 9, Deviating: 9, Deviations: 9}, Judgement},
		{ControlResult{Population: 1000, Deviating: 1, Deviations: 2, recurring: true}, Systematic},
	} {
		if c.r.Finish(); c.r.Nature != c.want {
			t.Errorf("%+v: %q, want %q", c.r, c.r.Nature, c.want)
		}
	}
}
