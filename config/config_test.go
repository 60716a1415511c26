package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

type config struct {
	Common       collectors.Base   `yaml:",inline"`
	Organization string            `yaml:"organization"`
	Token        collectors.Secret `yaml:"token"`
	Regions      []string          `yaml:"regions"`
}

func (c *config) Base() *collectors.Base { return &c.Common }

func (c *config) Validate() error {
	if c.Organization == "" {
		return errors.New("organization is missing")
	}
	if c.Common.Schedule == "never" {
		return errors.New("schedule never fires")
	}
	if strings.Contains(c.Common.Schedule, "hunter2") {
		return fmt.Errorf("schedule %q never fires", c.Common.Schedule)
	}
	return collectors.ValidEndpoint(c.Common.Endpoint)
}

func (c *config) Hosts() []string { return nil }
func (c *config) Open(collectors.Env) (collectors.Collector, error) {
	return nil, errors.New("not here")
}

func specs() []collectors.Spec {
	return []collectors.Spec{{Name: "hub", Doc: "A code host.", NewConfig: func() collectors.Config { return &config{} },
		Sample: []byte("## The organisation.\norganization: acme\n# schedule: \"0 6 * * *\"\n")}}
}

const head = "organization: Acme Inc\nperiod: {start: 2026-07-01, end: 2026-12-31}\n"

func TestParse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("s3cret-from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HUB_ORG", "acme")
	c, err := Reader{Specs: specs()}.Parse(filepath.Join(dir, "evidenced.yaml"), []byte(head+"store: {path: data/e.db}\nsources:\n  hub: {organization: \"${env:HUB_ORG}\", token: \"${file:token}\", schedule: \"0 6 * * *\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	hub := c.Sources[0].Config.(*config)
	if hub.Organization != "acme" || hub.Token.Reveal() != "s3cret-from-file" || hub.Base().Schedule != "0 6 * * *" {
		t.Fatalf("got %+v", hub)
	}
	if want := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); !c.Period.To.Equal(want) {
		t.Fatalf("period ends before %s, want %s", c.Period.To, want)
	}
	if c.Store.Path != filepath.Join(dir, "data/e.db") || c.Store.Key != filepath.Join(dir, "data/e.key") {
		t.Fatalf("store %+v", c.Store)
	}
	text, err := c.Redacted()
	if err != nil || strings.Contains(string(text), "s3cret") || !strings.Contains(string(text), "[redacted]") || !strings.Contains(string(text), "0 6 * * *") {
		t.Fatalf("redacted text: %s %v", text, err)
	}
	if s := fmt.Sprintf("%v %+v %q %x", hub, hub, hub.Token, hub.Token); strings.Contains(s, "s3cret") || strings.Contains(s, "733363726574") {
		t.Fatalf("printed a secret: %s", s)
	}
}

// TestMistakes: file, line and remedy for each.
func TestMistakes(t *testing.T) {
	cases := []struct{ name, yaml, want string }{
		{"mistyped key", head + "sources:\n  hub:\n    organization: a\n    shedule: x\n", `c.yaml:6: unknown key "shedule"; did you mean "schedule"?`},
		{"mistyped top key", "organisation: Acme\n", `c.yaml:1: unknown key "organisation"; did you mean "organization"?`},
		{"unknown source", head + "sources:\n  hob: {}\n", `c.yaml:4: unknown source "hob"; did you mean "hub"?`},
		{"no sources", head, `c.yaml: sources is missing: name at least one of hub`},
		{"no organization", "period: {start: 2026-07-01, end: 2026-12-31}\nsources: {hub: {organization: a}}\n", "organization is missing"},
		{"bad date", "organization: A\nperiod:\n  start: yesterday\n  end: 2026-12-31\nsources: {hub: {organization: a}}\n", `c.yaml:3: period.start is "yesterday": want a date`},
		{"backwards", "organization: A\nperiod:\n  start: 2026-12-31\n  end: 2026-07-01\nsources: {hub: {organization: a}}\n", `c.yaml:4: period.end 2026-07-01 is before period.start 2026-12-31`},
		{"bad type", "organization: A\nperiod:\n  type: III\n  start: 2026-07-01\n  end: 2026-12-31\nsources: {hub: {organization: a}}\n", `c.yaml:3: period.type is "III": want I or II`},
		{"bad category", "organization: A\nperiod: {start: 2026-07-01, end: 2026-12-31, criteria: [securty]}\nsources: {hub: {organization: a}}\n", `period.criteria holds "securty"`},
		{"a kind that is none", head + "sources:\n  hub:\n    organization: a\n    kinds: [hub.nope]\n", `c.yaml:6: sources.hub: kinds holds "hub.nope", which is none of this source`},
		{"validation with a line", head + "sources:\n  hub:\n    organization: a\n    schedule: never\n", `c.yaml:6: sources.hub: schedule never fires`},
		{"validation of a missing key", head + "sources:\n  hub: {}\n", `c.yaml:4: sources.hub: organization is missing`},
		{"unset variable", head + "sources:\n  hub:\n    token: x\n    organization: ${env:NOT_SET_ANYWHERE}\n", `c.yaml:6: ${env:NOT_SET_ANYWHERE}: the environment variable NOT_SET_ANYWHERE is not set`},
		{"no such file", head + "sources:\n  hub:\n    organization: ${file:/nowhere/token}\n", `c.yaml:5: ${file:/nowhere/token}: open /nowhere/token: no such file`},
		{"bad reference", head + "sources:\n  hub:\n    token: ${vault:x}\n", `want ${env:NAME}, ${file:PATH}, ${aws-secret:NAME} or`},
		{"wrong type", head + "sources:\n  hub:\n    regions: {a: b}\n", `c.yaml:5: `},
		{"twice", head + "sources:\n  hub: {organization: a}\n  hub: {organization: b}\n", `c.yaml:5: `},
		{"not YAML", "organization: [\n", `c.yaml:1: `},
		{"deep brackets", head + "sources: " + strings.Repeat("[", 100000), `c.yaml:3: nested more than 32 deep`},
		{"deep maps", head + "sources: " + strings.Repeat("{a: ", 100000), `c.yaml:3: nested more than 32 deep`},
		{"deep dashes", head + "sources:\n" + strings.Repeat("- ", 100000), `c.yaml:4: nested more than 32 deep`},
		{"deep indentation", head + deepIndent(300), `more than 128 columns deep`},
		{"aliases", head + "a: &a [x, x]\nb: &b [*a, *a]\nsources: *b\n", `c.yaml:3: anchors and aliases are not taken here`},
		{"empty", "", `want one YAML document`},
		{"two documents", head + "---\nx: y\n", `want one YAML document`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Reader{Specs: specs()}.Parse("c.yaml", []byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if e := new(Error); !errors.As(err, &e) {
				t.Fatalf("%T is not an *Error: the program would not exit with 2", err)
			}
		})
	}
}

// TestMissingSecret: a credential that is not there fails what needs it, not the file.
func TestMissingSecret(t *testing.T) {
	c, err := Reader{Specs: specs()}.Parse("c.yaml", []byte(head+"sources:\n  hub:\n    organization: a\n    token: ${env:NOT_SET_ANYWHERE}\n"))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Sources[0].Config.(*config).Token.Check()
	if !errors.Is(err, collectors.ErrUnauthenticated) || !strings.Contains(err.Error(), "${env:NOT_SET_ANYWHERE}: the environment variable NOT_SET_ANYWHERE is not set") {
		t.Fatal(err)
	}
}

func deepIndent(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestMistakeNeverQuotesASecret(t *testing.T) {
	t.Setenv("HUB_TOKEN", "hunter2hunter2")
	_, err := Reader{Specs: specs()}.Parse("c.yaml", []byte(head+"sources:\n  hub:\n    token: ${env:HUB_TOKEN}\n    regions: {a: b}\n    tokn: ${env:HUB_TOKEN}\n"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %v", err)
	}
}

// TestNothingResolvedIsQuoted: what a reference gave stands in no error and in
// no log, wherever in the file it was put by mistake.
func TestNothingResolvedIsQuoted(t *testing.T) {
	for _, secret := range []string{"hunter2hunter2", "it's \"hunter2\" \x1b", "-----BEGIN\nhunter2: #\nsecond-line\n"} {
		t.Setenv("VALUE", secret)
		for name, text := range map[string]string{
			"schedule":     head + "sources: {hub: {organization: a, schedule: \"${env:VALUE}\"}}\n",
			"endpoint":     head + "sources: {hub: {organization: a, endpoint: \"${env:VALUE}\"}}\n",
			"regions":      head + "sources: {hub: {organization: a, regions: \"${env:VALUE}\"}}\n",
			"start":        "organization: a\nperiod: {start: \"${env:VALUE}\", end: 2026-12-31}\nsources: {hub: {organization: a}}\n",
			"type":         "organization: a\nperiod: {type: \"${env:VALUE}\", start: 2026-07-01, end: 2026-12-31}\nsources: {hub: {organization: a}}\n",
			"source":       head + "sources: {\"${env:VALUE}\": {organization: a}}\n",
			"key":          head + "sources: {hub: {organization: a, \"${env:VALUE}\": b}}\n",
			"organization": "organization: \"${env:VALUE}\"\nperiod: {start: 2026-07-01, end: 2026-12-31}\nsources: {hub: {organization: \"${env:VALUE}\", regions: [\"${env:VALUE}\"]}}\n",
		} {
			c, err := Reader{Specs: specs()}.Parse("c.yaml", []byte(text))
			said := fmt.Sprint(err)
			if err == nil {
				if c.Organization != secret {
					t.Errorf("%s: not usable: %q", name, c.Organization)
				}
				b, err := c.Redacted()
				if err != nil {
					t.Fatal(err)
				}
				said = string(b)
			}
			if strings.Contains(said, "hunter2") || strings.Contains(said, "second-line") || strings.ContainsRune(said, '\x1b') {
				t.Errorf("%s: %s", name, said)
			}
		}
	}
}

func TestExampleParses(t *testing.T) {
	b := Example("Acme Inc", time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), specs(), func(string) bool { return true })
	if _, err := (Reader{Specs: specs()}).Parse("c.yaml", b); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "sources:\n  hub: {organization: a}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("sources: {hub: null}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if strings.Contains(string(b), "${file") {
			return
		}
		if _, err := (Reader{Specs: specs()}).Parse("c.yaml", b); err != nil {
			if e := new(Error); !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
		}
	})
}
