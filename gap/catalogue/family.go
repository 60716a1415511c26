package catalogue

import (
	"slices"

	"github.com/evidenced/evidenced/gap/result"
)

// Family is what an auditor reads together.
type Family struct {
	ID    string
	Title string
	// Controls are sorted by id.
	Controls []Control
}

// Families returns the controls by family, in the order in which an auditor expects them.
func (c *Catalogue) Families() (all []Family) {
	controls := slices.Clone(c.Controls)
	slices.SortStableFunc(controls, func(a, b Control) int { return result.CompareFamilies(a.Family, b.Family) })
	for _, ctl := range controls {
		if len(all) == 0 || all[len(all)-1].ID != ctl.Family {
			all = append(all, Family{ID: ctl.Family, Title: result.FamilyTitle(ctl.Family)})
		}
		f := &all[len(all)-1]
		f.Controls = append(f.Controls, ctl)
	}
	return all
}
