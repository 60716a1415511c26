package roster

import (
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/sheet"
	"github.com/evidenced/evidenced/evidence"
)

// people returns everybody, or the first mistakes.
func people(cfg *Config, t *sheet.Table) ([]evidence.Record, error) {
	var all []evidence.Record
	seen := map[string]string{} // line by "id X" and "e-mail X"
	err := t.Each(func(r *sheet.Row) error {
		p := person{Row: r, words: cfg.Values, a: collectors.Attributes{}}
		if err := p.read(seen); err != nil {
			return err
		}
		all = append(all, evidence.Record{ID: p.id, Name: p.name, Attributes: p.a})
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, collectors.Incomplete("%s: there is nobody in it", cfg.File)
	}
	return all, nil
}

// person is one row.
type person struct {
	*sheet.Row
	words    sheet.Words
	id, name string
	emails   []string
	a        collectors.Attributes
}

// read fills in the person.
func (p *person) read(seen map[string]string) error {
	steps := []func() error{p.readEmails, p.readID, func() error { return p.unique(seen) }, p.readWords, p.readDates}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	p.readName()
	for _, f := range []string{"title", "department", "manager", "owner", "purpose"} {
		v := p.Value(f)
		p.a.Text(f, &v)
	}
	p.readLogins()
	return nil
}

func (p *person) readID() error {
	mapped := p.Has("id")
	switch p.id = p.Value("id"); {
	case p.id != "":
		return nil
	case mapped:
		return p.Wrong("id", "it is empty, and who it is cannot be told")
	case p.Value("email") == "":
		return p.Wrong("email", "it is empty, and there is no column id")
	}
	p.id = strings.ToLower(p.Value("email"))
	return nil
}

// readEmails reads the addresses, in lower case.
func (p *person) readEmails() error {
	others := strings.FieldsFunc(p.Value("other_emails"), func(r rune) bool { return strings.ContainsRune(",; \n\r\t", r) })
	if e := p.Value("email"); e != "" {
		if !isEmail(e) {
			return p.Wrong("email", "%.100q is no e-mail address", e)
		}
		p.emails = append(p.emails, strings.ToLower(e))
	}
	for _, e := range others {
		if !isEmail(e) {
			return p.Wrong("other_emails", "%.100q is no e-mail address", e)
		}
		p.emails = append(p.emails, strings.ToLower(e))
	}
	slices.Sort(p.emails)
	p.emails = slices.Compact(p.emails)
	if len(p.emails) > 0 {
		p.a.Set("emails", p.emails)
	}
	return nil
}

func isEmail(s string) bool {
	user, host, ok := strings.Cut(s, "@")
	return ok && user != "" && host != "" && !strings.ContainsAny(s, " \t\r\n,;<>\"") && !strings.Contains(host, "@")
}

// unique holds that nobody stands there twice.
func (p *person) unique(seen map[string]string) error {
	if line, twice := seen["id "+p.id]; twice {
		field := "id"
		if !p.Has("id") {
			field = "email"
		}
		return p.Wrong(field, "%.100q stands on line %s already", p.id, line)
	}
	seen["id "+p.id] = p.Line()
	for _, e := range p.emails {
		if line, twice := seen["email "+e]; twice {
			field := "email"
			if e != strings.ToLower(p.Value("email")) {
				field = "other_emails"
			}
			return p.Wrong(field, "%.100q stands on line %s already", e, line)
		}
		seen["email "+e] = p.Line()
	}
	return nil
}

// readWords reads what may hold certain words only.
func (p *person) readWords() error {
	for _, f := range []string{"type", "status"} {
		v := p.Value(f)
		if v == "" {
			continue
		}
		word := p.words.Ours(f, v)
		if !slices.Contains(words[f], word) {
			return p.Wrong(f, "%.100q is none of %s; say under values.%s what it means", v, strings.Join(words[f], ", "), f)
		}
		p.a[f] = word
	}
	return nil
}

func (p *person) readDates() error {
	for _, f := range []string{"start", "end", "reviewed", "changed"} {
		day, err := p.Date(f)
		if err != nil {
			return err
		}
		p.a.Text(f, &day)
	}
	if start, end := p.a["start"], p.a["end"]; start != nil && end != nil && end.(string) < start.(string) {
		return p.Wrong("end", "%s is before the start, %s", end, start)
	}
	return nil
}

// readName takes the name, or first and last name, or what else tells who it is.
func (p *person) readName() {
	p.name = p.Value("name")
	if p.name == "" {
		p.name = strings.TrimSpace(p.Value("first_name") + " " + p.Value("last_name"))
	}
	if p.name == "" {
		p.name = p.id
	}
}

// several returns the logins of a cell: who has more than one at a source has
// them with commas or semicolons between.
func several(cell string) (all []string) {
	for _, l := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(",;\n\r\t", r) }) {
		if l = strings.TrimSpace(l); l != "" {
			all = append(all, l)
		}
	}
	return all
}

func (p *person) readLogins() {
	logins, others := map[string]any{}, []string{}
	for _, f := range p.Fields() {
		source, ok := strings.CutPrefix(f, login)
		if !ok {
			continue
		}
		all := several(p.Value(f))
		if len(all) == 0 {
			continue
		}
		logins[source] = all[0]
		for _, l := range all[1:] {
			others = append(others, source+":"+strings.ToLower(l))
		}
	}
	if len(logins) > 0 {
		p.a["logins"] = logins
	}
	if len(others) > 0 {
		p.a.Set("other_logins", others)
	}
}
