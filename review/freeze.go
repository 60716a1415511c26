package review

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
)

// Access is the view that a campaign is frozen from.
const Access evidence.Kind = "access"

// peopleJoin is the join of Access that says whose an account is.
const peopleJoin = "people"

// maxAge is how old a reading may be that a campaign is frozen from.
const maxAge = 8 * 24 * time.Hour

// Freeze gives a row for every active account, and one for each thing it was
// granted, from the rows of the view access as they were last read. It refuses a
// source that was not read whole, or not lately: what was not seen cannot be
// reviewed. Of sources, only those named are taken, or all.
func Freeze(rows []gap.Row, from []gap.ViewSource, sources []string, at time.Time) ([]Row, []evidence.ReviewSource, error) {
	wanted := func(source string) bool { return len(sources) == 0 || slices.Contains(sources, source) }
	var read []evidence.ReviewSource
	accounts := false
	for _, s := range from {
		switch {
		case s.Join != peopleJoin && !wanted(s.Stream.Source):
			continue
		case !s.Complete:
			return nil, nil, fmt.Errorf("%s was not read whole in its last slot: mend that first, a review of a part is none", s.Stream)
		case at.Sub(s.Read) > maxAge:
			return nil, nil, fmt.Errorf("%s was last read on %s: collect it first", s.Stream, s.Read.Format(time.DateOnly))
		}
		read = append(read, evidence.ReviewSource{Stream: s.Stream, Read: s.Read})
		accounts = accounts || s.Join == ""
	}
	for _, name := range sources {
		if !slices.ContainsFunc(from, func(s gap.ViewSource) bool { return s.Stream.Source == name && s.Join == "" }) {
			return nil, nil, fmt.Errorf("source %s has no accounts that were read", name)
		}
	}
	if !accounts {
		return nil, nil, fmt.Errorf("no accounts were read: collect a source that has some")
	}
	var out []Row
	for _, r := range rows {
		if active, said := r.Fields["active"].(bool); wanted(r.Stream.Source) && (active || !said) {
			out = append(out, accountRows(r)...)
		}
	}
	slices.SortFunc(out, compareRows)
	return out, read, nil
}

func accountRows(r gap.Row) []Row {
	base := Row{Stream: r.Stream, ID: r.ID, Account: text(r.Fields, "login"), Email: text(r.Fields, "email"), LastUsed: text(r.Fields, "last_used"), Owners: Owners(r)}
	if base.Account == "" {
		base.Account = r.Name
	}
	base.Privileged = flag(r.Fields, "privileged", true)
	base.Machine = flag(r.Fields, "human", false)
	out := []Row{base}
	for _, g := range r.Joined["grants"] {
		granted := base
		granted.Grant, granted.GrantKey, granted.Privileged = text(g.Fields, "grant"), text(g.Fields, "key"), flag(g.Fields, "privileged", true)
		if granted.Grant != "" && granted.GrantKey != "" {
			out = append(out, granted)
		}
	}
	for i := range out {
		out[i].Key = NewKey(r.Stream, r.Scope, r.ID, out[i].GrantKey)
	}
	slices.SortStableFunc(out, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(out, func(a, b Row) bool { return a.Key == b.Key })
}

func text(m map[string]any, name string) string { s, _ := m[name].(string); return s }

// flag gives whether a field is yes; nil where it is not said.
func flag(m map[string]any, name string, yes bool) *bool {
	v, ok := m[name].(bool)
	if !ok {
		return nil
	}
	is := v == yes
	return &is
}

// Owners gives the addresses of the people to whom the roster says that an
// account of the view access belongs.
func Owners(account gap.Row) []string {
	var out []string
	for _, p := range account.Joined["people"] {
		list, _ := p.Fields["keys"].([]any)
		for _, k := range list {
			if s, ok := k.(string); ok {
				if mail, ok := strings.CutPrefix(s, "mail:"); ok && !slices.Contains(out, mail) {
					out = append(out, mail)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
