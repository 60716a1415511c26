package catalogue

import (
	"cmp"
	"slices"
)

// Duty is recurring work that a person does, and brings evidence of: a review
// each quarter, a risk assessment each year.
type Duty struct {
	ID       string   `json:"id" yaml:"id"`
	Title    string   `json:"title" yaml:"title"`
	Control  string   `json:"control" yaml:"-"`
	Family   string   `json:"family" yaml:"-"`
	Criteria []string `json:"criteria" yaml:"criteria"`
	// Per is month, quarter or year: once in each of the calendar that ends in
	// the period. WithinDays is instead the age that the newest evidence may have
	// on any day of the period. One of the two is set.
	Per        string `json:"per,omitempty" yaml:"per"`
	WithinDays int    `json:"within_days,omitempty" yaml:"within_days"`
	// Early tells that a month, quarter or year may be done before it has ended. Without
	// it, what is done before its last day does not count for it: the rest is still owed.
	Early bool `json:"early,omitempty" yaml:"early"`
	// GraceDays is how long after it was due it is still in time.
	GraceDays int `json:"grace_days" yaml:"grace_days"`
	// RemindDays is how long before it is due it is announced.
	RemindDays int `json:"remind_days" yaml:"remind_days"`
	// Evidence says what to bring.
	Evidence    string `json:"evidence" yaml:"evidence"`
	Severity    string `json:"severity" yaml:"severity"`
	Basis       string `json:"basis" yaml:"basis"`
	Remediation string `json:"remediation" yaml:"remediation"`
	Procedure   string `json:"procedure" yaml:"procedure"`
}

// Duties returns every duty, sorted by id.
func (c *Catalogue) Duties() []Duty {
	var all []Duty
	for _, ctl := range c.Controls {
		all = append(all, ctl.Duties...)
	}
	slices.SortFunc(all, func(a, b Duty) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// finishDuty checks one duty and fills what follows from where it stands.
func (c *Catalogue) finishDuty(ctl *Control, j int, path string, criteria, seen map[string]bool, fail failFunc) error {
	d := &ctl.Duties[j]
	d.Control, d.Family = ctl.ID, ctl.Family
	switch {
	case d.ID == "" || d.Title == "" || d.Evidence == "" || d.Basis == "":
		return fail(path, "a duty needs id, title, evidence and basis")
	case seen[d.ID] || c.rules[d.ID] != nil:
		return fail(path+".id", "%s stands in the catalogue twice", d.ID)
	case len(d.Criteria) == 0:
		return fail(path+".id", "duty %s holds no criteria", d.ID)
	case (d.Per == "") == (d.WithinDays == 0):
		return fail(path+".id", "duty %s needs per or within_days, and not both", d.ID)
	case d.Per != "" && !slices.Contains([]string{"month", "quarter", "year"}, d.Per):
		return fail(path+".per", "duty %s: per %q is none of month, quarter, year", d.ID, d.Per)
	case d.Early && d.Per == "":
		return fail(path+".early", "duty %s: early is of use with per only", d.ID)
	case d.WithinDays < 0 || d.WithinDays > 3650 || d.GraceDays < 0 || d.GraceDays > 365 || d.RemindDays < 0 || d.RemindDays > 365:
		return fail(path+".id", "duty %s: days are not negative, and at most 3650, and 365 of grace and reminding", d.ID)
	case !slices.Contains(severities, d.Severity):
		return fail(path+".severity", "duty %s: severity %q is none of critical, high, medium, low", d.ID, d.Severity)
	}
	seen[d.ID] = true
	return checkCriteriaIDs(d.Criteria, path, criteria, fail)
}
