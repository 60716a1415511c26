package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/review"
	"github.com/evidenced/evidenced/store"
)

// TestPeriodPage runs every command of docs/period.md, in its order, on a small
// company. What a person would look up (a gap, a row, an entry) is looked up,
// and the days of the page are put where they belong today.
func TestPeriodPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/period.md")
	if err != nil {
		t.Fatal(err)
	}
	p := &periodPage{t: t, now: time.Now().UTC()}
	p.company()
	n := 0
	for line := range strings.Lines(string(page)) {
		if command, ok := strings.CutPrefix(line, "    evidenced "); ok {
			p.run(strings.TrimSpace(command))
			n++
		}
	}
	if n < 20 {
		t.Errorf("%d commands on the page", n)
	}
}

type periodPage struct {
	t   *testing.T
	now time.Time
}

// company makes the folder in which the commands are run.
func (p *periodPage) company() {
	p.t.Chdir(p.t.TempDir())
	p.configure(p.now.AddDate(0, 0, -100), p.now.AddDate(0, 0, 100))
	for name, text := range map[string]string{"minutes.pdf": "minutes", "training.csv": "ann,yes\n"} {
		p.must(os.WriteFile(name, []byte(text), 0o600))
	}
	key, err := store.NewKey("evidenced/acme", nil)
	p.must(err)
	p.must(key.WriteFile("evidence.key"))
	at := p.now.Add(-time.Hour).Truncate(time.Second)
	s, err := store.Open("evidence.db", store.Options{Key: key, Now: func() time.Time { return at }})
	p.must(err)
	p.must(s.Append(context.Background(), func(w evidence.Writer) error {
		return appendAccess(w, at, []string{"bob@acme.example:admins", "xavier@acme.example"})
	}))
	p.must(s.Close())
}

func (p *periodPage) configure(from, to time.Time) {
	p.must(os.WriteFile("evidenced.yaml", fmt.Appendf(nil, `organization: Acme
period: {start: %s, end: %s}
sources:
  okta: {schedule: "0 0 1 1 *", url: "https://acme.okta.com", token: x}
`, from.Format(time.DateOnly), to.Format(time.DateOnly)), 0o600))
}

func (p *periodPage) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

var word = regexp.MustCompile(`"[^"]*"|\S+`)

// run runs one command of the page. What is open is no failure, but a mistake is.
func (p *periodPage) run(command string) {
	day := func(days int) string { return p.now.AddDate(0, 0, days).Format(time.DateOnly) }
	quarter := fmt.Sprintf("%d-Q%d", p.now.Year(), (int(p.now.Month())+2)/3)
	if strings.HasPrefix(command, "bridge-letter") {
		p.configure(p.now.AddDate(0, 0, -100), p.now.AddDate(0, 0, -10))
	}
	if strings.Contains(command, "filled.csv") {
		b, err := os.ReadFile("sheet.csv")
		p.must(err)
		p.must(os.WriteFile("filled.csv", []byte(strings.ReplaceAll(string(b)+"\n", ",,\n", ",keep,\n")), 0o600))
	}
	var args []string
	for _, w := range word.FindAllString(command, -1) {
		w = strings.Trim(w, `"`)
		switch w {
		case "GAP":
			w = p.gap()
		case "ROW":
			w = p.row(quarter)
		case "ENTRY":
			w = p.entry()
		}
		args = append(args, strings.NewReplacer("2026-Q1", quarter, "2026-01-20", day(-20), "2026-04-15", day(14), "2026-06-01", day(60), "2026-08-31", day(-1)).Replace(w))
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), args, &stdout, &stderr); code != exitOK && code != exitIncomplete {
		p.t.Errorf("evidenced %s: exit code %d\n%s%s", command, code, stdout.String(), stderr.String())
	}
}

// answer reads what a command prints as JSON.
func (p *periodPage) answer(v any, args ...string) {
	var stdout, stderr bytes.Buffer
	run(context.Background(), append(args, "--json"), &stdout, &stderr)
	if err := json.Unmarshal(stdout.Bytes(), v); err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
}

func (p *periodPage) gap() string {
	var list struct{ Gaps []struct{ ID, Test string } }
	p.answer(&list, "gaps", "--all")
	for _, g := range list.Gaps {
		if g.Test == "id.account.linked" {
			return g.ID
		}
	}
	p.t.Fatal("there is no gap of an account that belongs to nobody")
	return ""
}

func (p *periodPage) row(name string) string {
	var c struct{ List []review.Decided }
	p.answer(&c, "review", "show", name)
	return c.List[0].Key
}

func (p *periodPage) entry() string {
	var list struct {
		Uploads []struct {
			ID    uint64
			Files []evidence.UploadFile
		}
	}
	p.answer(&list, "evidence", "list", "--manual")
	for _, u := range list.Uploads {
		if u.Files[0].Name == "minutes.pdf" {
			return fmt.Sprint(u.ID)
		}
	}
	p.t.Fatal("the minutes are not there")
	return ""
}
