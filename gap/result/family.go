package result

import (
	"cmp"
	"slices"
)

// familyOrder are the families that our catalogue has, in the order of the
// criteria that they stand for: CC1 and CC2 first, privacy last.
var familyOrder = [][2]string{{"governance", "Governance"}, {"people", "People"}, {"risk", "Risk"}, {"access", "Access"},
	{"mfa", "Second factors"}, {"physical", "Places, media and devices"}, {"network", "Network"}, {"encryption", "Encryption"},
	{"vulnerability", "Weaknesses"}, {"logging", "Logging and monitoring"}, {"incident", "Incidents"}, {"change", "Change"}, {"vendors", "Vendors"},
	{"continuity", "Continuity"}, {"availability", "Backups"}, {"data", "Confidential data"}, {"processing", "Processing"}, {"privacy", "Privacy"}}

// FamilyIDs returns the families that our catalogue has, in their order.
func FamilyIDs() []string {
	ids := make([]string, len(familyOrder))
	for i, f := range familyOrder {
		ids[i] = f[0]
	}
	return ids
}

func familyPlace(id string) int {
	if i := slices.IndexFunc(familyOrder, func(f [2]string) bool { return f[0] == id }); i >= 0 {
		return i
	}
	return len(familyOrder)
}

// CompareFamilies orders families as an auditor expects them; those that are not
// ours come last, by name.
func CompareFamilies(a, b string) int {
	return cmp.Or(cmp.Compare(familyPlace(a), familyPlace(b)), cmp.Compare(a, b))
}

// FamilyTitle returns the title of a family: its own name where it is not one of ours.
func FamilyTitle(id string) string {
	if i := familyPlace(id); i < len(familyOrder) {
		return familyOrder[i][1]
	}
	return id
}

// FamilyResult sums up the controls of a family over the period.
type FamilyResult struct {
	Family string
	// Controls is how many it has, Statuses how many of them have each status.
	Controls int
	Statuses map[Verdict]int
	// Population, Deviating and Open are the sums over its controls of what they count,
	// each item once for a control.
	Population int
	Deviating  int
	Open       int
	// Coverage is over the slots that the tests of its controls need, Activities over
	// the occurrences that are owed; nil of none.
	Coverage   *float64
	Activities *float64

	expected, complete, owed, done int
}

// Families sums the controls up by family, in the order in which an auditor expects them.
func (r *Result) Families() (all []FamilyResult) {
	controls := slices.Clone(r.Controls)
	slices.SortStableFunc(controls, func(a, b ControlResult) int { return CompareFamilies(a.Family, b.Family) })
	for _, c := range controls {
		if len(all) == 0 || all[len(all)-1].Family != c.Family {
			all = append(all, FamilyResult{Family: c.Family, Statuses: map[Verdict]int{}})
		}
		all[len(all)-1].plus(c)
	}
	return all
}

func (f *FamilyResult) plus(c ControlResult) {
	f.Controls++
	f.Statuses[c.Status]++
	f.Population += c.Population
	f.Deviating += c.Deviating
	f.Open += c.Open
	f.expected, f.complete = f.expected+c.Expected, f.complete+c.Complete
	f.owed, f.done = f.owed+c.Owed, f.done+c.Done
	f.Coverage, f.Activities = share(f.complete, f.expected), share(f.done, f.owed)
}
