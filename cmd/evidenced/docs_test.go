package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/ops"
)

var update = flag.Bool("update", false, "write the generated documents anew")

// TestGenerated holds every generated document to what the code declares.
// `go generate ./cmd/evidenced` writes them anew.
func TestGenerated(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "set, so that the example can be read")
	for path, make := range map[string]func() ([]byte, error){
		"../../docs/api.yaml":          apiDocument,
		"../../docs/sources.md":        sourcesPage,
		"../../docs/controls.md":       controlsPage,
		"../../config/example.yaml":    examplePage,
		"../../deploy/aws/policy.json": policyOf("aws", ""),
		"../../deploy/aws/role.tf":     policyOf("aws", "terraform"),
		"../../deploy/aws/role.json":   policyOf("aws", "cloudformation"),
		"../../deploy/github/app.json": policyOf("github", ""),
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, err := make()
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s is not what the code declares; run `go generate ./cmd/evidenced`", path)
			}
		})
	}
}

func policyOf(name, as string) func() ([]byte, error) {
	return func() ([]byte, error) {
		var stdout bytes.Buffer
		err := (&app{stdout: &stdout}).permissions(name, as)
		return stdout.Bytes(), err
	}
}

func examplePage() ([]byte, error) {
	b := config.Example("Acme Inc", demo.Start, all.Specs(), func(string) bool { return true })
	_, err := config.Reader{Specs: all.Specs()}.Parse("example.yaml", b)
	return b, err
}

// sourcesPage is the reference of every source: kinds, calls, rights, settings.
func sourcesPage() ([]byte, error) {
	var b strings.Builder
	b.WriteString("# Sources\n\nGenerated from the collectors' own declarations. Every source also takes `schedule` (a cron spec of five fields, UTC unless it\nbegins with `CRON_TZ=Zone`), `schedules` (specs of single kinds, by kind) and, where it asks a web\nserver, `endpoint`.\n")
	for _, s := range all.Specs() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```yaml\n%s\n```\n\n| kind | mode | one record is |\n|---|---|---|\n", s.Name, s.Doc, strings.TrimSpace(string(s.Sample)))
		for _, k := range s.Kinds {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Kind, mode(k), k.Doc)
		}
		b.WriteString("\n| call | rights | for | why |\n|---|---|---|---|\n")
		for _, c := range s.Calls {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, code(c.Permissions), kinds(c.Kinds), c.Why)
		}
	}
	return []byte(b.String()), nil
}

func mode(k collectors.KindSpec) string {
	text := string(k.Mode)
	if k.Late > 0 {
		text += ", re-read for " + k.Late.String()
	}
	if k.Kept > 0 {
		text += fmt.Sprintf(", kept by the source for %d days", int(k.Kept.Hours())/24)
	}
	return text
}

func code(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return "`" + strings.Join(words, "`, `") + "`"
}

func kinds(ks []evidence.Kind) string {
	if len(ks) == 0 {
		return "every kind"
	}
	words := make([]string, len(ks))
	for i, k := range ks {
		words[i] = string(k)
	}
	return code(words)
}

// controlsPage is the catalogue as a page.
func controlsPage() ([]byte, error) {
	cat, err := catalogue.Default()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# Controls and tests\n\nGenerated from `gap/catalogue/catalog`. A predicate is CEL over one record; an attribute that the source did not state makes the verdict\n`unknown`. SLA days are suggested defaults: no criterion prescribes a number. What no test shows is a duty: a person brings the evidence.\n\nYour own controls are YAML files of the same form, in the folder that `catalogue` names in the configuration: a file takes the place of the\none of the same name here, or is added; `calendar.yaml` holds your time zone and holidays.\n")
	b.WriteString("\n| control | what is promised | criteria | tests | duties |\n|---|---|---|---|---|\n")
	for _, f := range cat.Families() {
		for _, c := range f.Controls {
			fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %d | %d |\n", c.ID, c.ID, c.Title, strings.Join(ops.CriteriaOf(cat, c), ", "), len(c.Tests), len(c.Duties))
		}
	}
	for _, f := range cat.Families() {
		fmt.Fprintf(&b, "\n## %s\n", f.Title)
		for _, c := range f.Controls {
			controlBlock(&b, c)
		}
	}
	b.WriteString("\n## Views\n\nA test may read a view instead of a kind: rows of several kinds under shared names, joined with those of other views. What is joined\ncounts only once everything was read again and still says so.\n\n| view | what a row is | made of | joined with |\n|---|---|---|---|\n")
	for _, v := range cat.Views {
		var joins []string
		for _, name := range slices.Sorted(maps.Keys(v.Join)) {
			joins = append(joins, fmt.Sprintf("%s (`%s`)", name, v.Join[name].View))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", v.Kind, v.Title, kinds(cat.Parts(v)), strings.Join(joins, ", "))
	}
	return []byte(b.String()), nil
}

// controlBlock is one control on that page.
func controlBlock(b *strings.Builder, c catalogue.Control) {
	fmt.Fprintf(b, "\n### %s\n\n%s. %s\n\n*Tested by:* %s\n", c.ID, c.Title, strings.TrimSpace(c.Description), strings.TrimSpace(c.Procedure))
	if len(c.Tests) > 0 {
		b.WriteString("\n| test | passes when | criteria | severity | SLA days | mapping rests on |\n|---|---|---|---|---|---|\n")
	}
	for _, t := range c.Tests {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %d | %s |\n", t.ID, t.Title, strings.Join(t.Criteria, ", "), t.Severity, t.SLADays, t.Basis)
	}
	if len(c.Duties) > 0 {
		b.WriteString("\n| duty | what, and what to bring | how often | criteria | severity | mapping rests on |\n|---|---|---|---|---|---|\n")
	}
	for _, d := range c.Duties {
		fmt.Fprintf(b, "| `%s` | %s. %s | %s | %s | %s | %s |\n", d.ID, d.Title, strings.TrimSpace(d.Evidence), cmp.Or(d.Per, fmt.Sprintf("%d days", d.WithinDays)), strings.Join(d.Criteria, ", "), d.Severity, d.Basis)
	}
}
