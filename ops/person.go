package ops

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
)

// viewPeople is the view whose rows are the people of the roster.
const viewPeople evidence.Kind = "person"

// hasRoster reports whether a configured source says who works here.
func hasRoster(s *session) (bool, error) {
	cat, err := s.judge.Catalogue()
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(cat.Views, func(v catalogue.View) bool { return v.Kind == viewPeople })
	if i < 0 {
		return false, nil
	}
	kinds := cat.Parts(cat.Views[i])
	for _, src := range s.config.Sources {
		for _, k := range src.Spec.Kinds {
			if slices.Contains(kinds, k.Kind) {
				return true, nil
			}
		}
	}
	return false, nil
}

// person finds the one person of the roster whom a flag names, by name or
// address. Where the configuration has a roster, whoever is not in it, or is
// no longer employed, is refused; where it has none, the person is unverified.
func (s *session) person(ctx context.Context, flag, named string) (evidence.Person, error) {
	name, address := nameAndAddress(named)
	if named == "" {
		return evidence.Person{}, nil
	}
	roster, err := hasRoster(s)
	if err != nil {
		return evidence.Person{}, err
	}
	if !roster {
		return evidence.Person{Name: name, Email: address}, nil
	}
	rows, _, err := s.judge.Rows(ctx, viewPeople)
	if err != nil {
		return evidence.Person{}, err
	}
	var found []gap.Row
	for _, r := range rows {
		if isCalled(r, name, address) {
			found = append(found, r)
		}
	}
	switch {
	case len(rows) == 0:
		return evidence.Person{}, api.Errorf(api.Usage, "%s %s: the roster has not been collected yet: `evidenced collect now` reads it", flag, named)
	case len(found) == 0:
		return evidence.Person{}, api.Errorf(api.Usage, "%s %s: the roster has nobody of that name or address", flag, named)
	case len(found) > 1:
		return evidence.Person{}, api.Errorf(api.Usage, "%s %s: the roster has %d people of that name: give the address", flag, named, len(found))
	case ended(found[0], s.now()):
		return evidence.Person{}, api.Errorf(api.Usage, "%s %s: by the roster, %s no longer works here", flag, named, found[0].Name)
	}
	return evidence.Person{Name: found[0].Name, Email: emailOf(found[0], address), Verified: true}, nil
}

// acting returns the actor of an entry: as established, with the person whom
// the flag names, or else otherwise.
func (s *session) acting(ctx context.Context, a api.Actor, flag, named string, otherwise evidence.Person) (api.Actor, error) {
	p := otherwise
	if named != "" {
		var err error
		if p, err = s.person(ctx, flag, named); err != nil {
			return a, err
		}
	}
	if p != (evidence.Person{}) {
		a.Person = &p
	}
	return a, nil
}

// nameAndAddress takes "Ann Lee <ann@acme.example>" apart; either part may be missing.
func nameAndAddress(text string) (name, address string) {
	name, address, both := strings.Cut(strings.TrimSpace(text), "<")
	name, address = strings.TrimSpace(name), strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(address), ">"))
	if !both && strings.Contains(name, "@") {
		return "", name
	}
	return name, address
}

// isCalled reports whether a person of the roster has the address or, where
// none is named, the name or the id.
func isCalled(r gap.Row, name, address string) bool {
	if address != "" {
		return slices.ContainsFunc(references(r), func(ref string) bool { return strings.EqualFold(ref, address) })
	}
	return strings.EqualFold(r.Name, name) || strings.EqualFold(r.ID, name)
}

// references are the id and the addresses of a person, in lower case.
func references(r gap.Row) (out []string) {
	list, _ := r.Fields["refs"].([]any)
	for _, v := range list {
		if text, ok := v.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// emailOf returns the address by which a person was named, or the first that the roster has.
func emailOf(r gap.Row, address string) string {
	if address != "" {
		return strings.ToLower(address)
	}
	refs := references(r)
	if i := slices.IndexFunc(refs, func(ref string) bool { return strings.Contains(ref, "@") }); i >= 0 {
		return refs[i]
	}
	return ""
}

// ended reports a person whose employment is over by the roster's own word.
func ended(r gap.Row, now time.Time) bool {
	if status, _ := r.Fields["status"].(string); status == "ended" {
		return true
	}
	end, _ := r.Fields["end"].(string)
	day, err := time.Parse(time.DateOnly, end)
	return err == nil && day.AddDate(0, 0, 1).Before(now)
}

// samePerson compares whom a person named with a name of the owner: letters in
// any case, and of "Ann <ann@acme.example>" the address and the name as well.
func samePerson(named, owner string) bool {
	owner, named = strings.TrimSpace(owner), strings.TrimSpace(named)
	if owner == "" || named == "" {
		return false
	}
	name, address := nameAndAddress(named)
	return slices.ContainsFunc([]string{named, name, address}, func(part string) bool { return strings.EqualFold(part, owner) })
}
