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
	res := Result{Controls: []ControlResult{{Family: "tea", Status: Pass, Expected: 1, Complete: 1}, {Family: "risk", Status: Fail, Open: 1, Expected: 2, Complete: 1},
		{Family: "risk", Status: Provided, Population: 3, Expected: 2, Complete: 2}}}
	want := []FamilyResult{{Family: "risk", Controls: 2, Statuses: map[Verdict]int{Fail: 1, Provided: 1}, Population: 3, Open: 1, Coverage: 75},
		{Family: "tea", Controls: 1, Statuses: map[Verdict]int{Pass: 1}, Coverage: 100}}
	if diff := gocmp.Diff(want, res.Families(), cmpopts.IgnoreUnexported(FamilyResult{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
