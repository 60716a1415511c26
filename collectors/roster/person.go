package roster

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// table is what was kept of a file.
type table struct {
	cfg  *Config
	rows *csv.Reader
	at   map[string]int // the place of each field in a row
}

func readTable(cfg *Config, text string) (*table, error) {
	t := &table{cfg: cfg, rows: csv.NewReader(strings.NewReader(text)), at: map[string]int{}}
	head, err := t.rows.Read()
	if err != nil || len(head) < 2 || head[0] != lineField {
		return nil, collectors.Incomplete("%s: what was kept of the file is no table", cfg.File)
	}
	for i, f := range head[1:] {
		t.at[f] = i + 1
	}
	return t, nil
}

// column is the name by which the file calls a field.
func (t *table) column(field string) string {
	if c := t.cfg.Columns[field]; c != "" {
		return c
	}
	return field
}

// maxMistakes bounds those that one error tells of.
const maxMistakes = 5

// people gives everybody, or the first mistakes.
func (t *table) people() ([]evidence.Record, error) {
	var all []evidence.Record
	var wrong []error
	seen := map[string]string{} // line by "id X" and "e-mail X"
	for len(wrong) < maxMistakes {
		row, err := t.rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, collectors.Incomplete("%s: what was kept of the file is no table: %v", t.cfg.File, err)
		}
		p := person{table: t, row: row, a: collectors.Attributes{}}
		if err := p.read(seen); err != nil {
			wrong = append(wrong, err)
			continue
		}
		all = append(all, evidence.Record{ID: p.id, Name: p.name, Attributes: p.a})
	}
	switch {
	case len(wrong) > 0:
		return nil, fmt.Errorf("%w: %w", collectors.ErrIncomplete, errors.Join(wrong...))
	case len(all) == 0:
		return nil, collectors.Incomplete("%s: there is nobody in it", t.cfg.File)
	}
	return all, nil
}

// person is one row.
type person struct {
	*table
	row      []string
	id, name string
	emails   []string
	a        collectors.Attributes
}

func (p *person) value(field string) string {
	if i, ok := p.at[field]; ok && i < len(p.row) {
		return p.row[i]
	}
	return ""
}

// wrong is a mistake in a field, by file, line and column.
func (p *person) wrong(field, format string, args ...any) error {
	return fmt.Errorf("%s:%s: column %q: %s", p.cfg.File, p.row[0], p.column(field), fmt.Sprintf(format, args...))
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
		v := p.value(f)
		p.a.Text(f, &v)
	}
	p.readLogins()
	return nil
}

func (p *person) readID() error {
	_, mapped := p.at["id"]
	switch p.id = p.value("id"); {
	case p.id != "":
		return nil
	case mapped:
		return p.wrong("id", "it is empty, and who it is cannot be told")
	case p.value("email") == "":
		return p.wrong("email", "it is empty, and there is no column id")
	}
	p.id = strings.ToLower(p.value("email"))
	return nil
}

// readEmails reads the addresses, in lower case.
func (p *person) readEmails() error {
	others := strings.FieldsFunc(p.value("other_emails"), func(r rune) bool { return strings.ContainsRune(",; \n\r\t", r) })
	if e := p.value("email"); e != "" {
		if !isEmail(e) {
			return p.wrong("email", "%.100q is no e-mail address", e)
		}
		p.emails = append(p.emails, strings.ToLower(e))
	}
	for _, e := range others {
		if !isEmail(e) {
			return p.wrong("other_emails", "%.100q is no e-mail address", e)
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
		if _, mapped := p.at["id"]; !mapped {
			field = "email"
		}
		return p.wrong(field, "%.100q stands on line %s already", p.id, line)
	}
	seen["id "+p.id] = p.row[0]
	for _, e := range p.emails {
		if line, twice := seen["email "+e]; twice {
			field := "email"
			if e != strings.ToLower(p.value("email")) {
				field = "other_emails"
			}
			return p.wrong(field, "%.100q stands on line %s already", e, line)
		}
		seen["email "+e] = p.row[0]
	}
	return nil
}

// readWords reads what may hold certain words only.
func (p *person) readWords() error {
	for _, f := range []string{"type", "status"} {
		v := p.value(f)
		if v == "" {
			continue
		}
		word := p.cfg.word(f, v)
		if !slices.Contains(words[f], word) {
			return p.wrong(f, "%.100q is none of %s; say under values.%s what it means", v, strings.Join(words[f], ", "), f)
		}
		p.a[f] = word
	}
	return nil
}

func (p *person) readDates() error {
	for _, f := range []string{"start", "end", "reviewed"} {
		v := p.value(f)
		if v == "" {
			continue
		}
		day, err := time.Parse(p.cfg.Dates, v)
		if err != nil {
			return p.wrong(f, "%.100q is no date of the form %s", v, p.cfg.Dates)
		}
		p.a[f] = day.Format(iso)
	}
	if start, end := p.a["start"], p.a["end"]; start != nil && end != nil && end.(string) < start.(string) {
		return p.wrong("end", "%s is before the start, %s", end, start)
	}
	return nil
}

// readName takes the name, or first and last name, or what else tells who it is.
func (p *person) readName() {
	p.name = p.value("name")
	if p.name == "" {
		p.name = strings.TrimSpace(p.value("first_name") + " " + p.value("last_name"))
	}
	if p.name == "" {
		p.name = p.id
	}
}

func (p *person) readLogins() {
	logins := map[string]any{}
	for f := range p.at {
		if source, ok := strings.CutPrefix(f, login); ok && p.value(f) != "" {
			logins[source] = p.value(f)
		}
	}
	if len(logins) > 0 {
		p.a["logins"] = logins
	}
}
