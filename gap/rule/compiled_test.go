package rule_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/rule"
)

var start = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// hard are expressions that the catalogue may come to hold, each with something
// in which a shortcut might differ from CEL.
var hard = []string{
	"r.a", "!r.a", "r.a && r.b", "r.a || r.b", "!(r.a && !r.b) || r.c", "r.a ? r.b : r.c", "has(r.a) ? r.a : r.b", "has(r.a.b) && r.a.b", `r["a"] == r["b"]`,
	"r.a == r.b", "r.a != r.b", `r.a == "x"`, "r.a == 1", "r.a < r.b", "r.a >= 3", "r.a + r.b", "r.a + r.b == r.c", "[r.a] + r.b", `[r.a, "x"]`, "r", "r.a[r.b]",
	`r.a in ["x", "y"]`, "r.a in [1, 2]", "r.a in []", "r.a in r.b", `"x" in r.a`, "size(r.a) > 2", "r.a.size() == size(r.b)", "string(r.a)", "string(timestamp(r.a))",
	`r.a.contains("x")`, "r.a.startsWith(r.b)", "r.a.endsWith(r.b)", `r.a.substring(r.a.indexOf("/") + 1)`, "r.a.substring(r.b)", "r.a.lowerAscii()", `r.a.indexOf("")`,
	"r.a.exists(x, x == r.b)", "r.a.all(x, x)", "r.a.exists(a, a.a)", "r.a.exists(a, has(a.b) && a.b in r.b)", "r.a.map(x, x)", `r.a.map(r, "k" + r)`, "r.a.exists(x, x.exists(x, x))",
	"r.a.all(x, r.b.exists(y, x == y))", "r.a.filter(x, x)", "r.a.map(x, x, 1)", "r.a.exists_one(x, x)", "r.a.exists(x, r.b || x)", `r.a.map(x, r.b.map(y, x + y))`,
	`r.a.matches("^x+/")`, `r.a.matches(r.b)`, `r.a || r.b.matches("(?i)X|y$")`, `r.a.exists(x, x.matches("x"))`, "r.a && timestamp(r.b) + duration(r.c) < effective", "r.a ? r.b % 2 : r.c", "r.a.all(x, x % 2 == 0)", "r.a % 2 == 0 || r.b",
	"older_than(r.a, 5)", "older_than(r.a, r.b)", "!older_than(r.a, 5) || r.b", "older_than(timestamp(r.a), 3)", "workdays_passed(r.a, r.b)", "age_days(r.a) > 2", "r.a.exists(x, older_than(x, 1))",
	`unknown("x") || r.a`, "id + name + source + stream + scope", `id == r.a || scope in ["s"]`, "r.a.map(x, x).map(y, [y])", "r.a.exists(id, id == name)", "-1 < r.a", "timestamp(r.a) <= effective", "effective > timestamp(r.a)", `r.a ? unknown("y") : r.b`, "r.a + 9223372036854775807 > 0",
}

// TestShortcutsAgreeWithCEL: of every expression of the catalogue and of those
// above, on random records, what a shortcut is sure of is what CEL says, and
// it holds no longer than by CEL.
func TestShortcutsAgreeWithCEL(t *testing.T) {
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	all := expressions(cat)
	own := len(all)
	all = append(all, hard...)
	comp, err := rule.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	short, sure := 0, 0
	for i, src := range all {
		x, err := comp.Expression(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		if !x.HasShortcut() {
			continue
		}
		short++
		was := sure
		must := i < own && comp.Fallbacks(src) == 0
		for n := 0; n < 300 || sure == was && must && n < 30_000; n++ {
			sure += agree(t, cat, src, x, randomRecord(rnd, src))
		}
		if sure == was && must {
			t.Errorf("the shortcut of %s is never sure", src)
		}
	}
	t.Logf("%d of %d expressions have a shortcut, which was sure %d times", short, len(all), sure)
	if short*10 < len(all)*9 {
		t.Errorf("only %d of %d expressions have a shortcut", short, len(all))
	}
}

// expressions returns those of tests and views.
func expressions(cat *catalogue.Catalogue) (all []string) {
	for _, ts := range cat.Tests() {
		all = append(all, ts.Pass)
		if ts.When != "" {
			all = append(all, ts.When)
		}
	}
	for _, v := range cat.Views {
		for _, p := range v.From {
			for _, f := range p.Fields {
				all = append(all, f)
			}
		}
	}
	return all
}

// agree reports whether the shortcut was sure: 1 or 0.
func agree(t *testing.T, cat *catalogue.Catalogue, src string, x *rule.Expression, rec evidence.Record) int {
	var a, b rule.Context
	for _, on := range []*rule.Context{&a, &b} {
		on.Start(start, cat.Calendar)
		on.SetRecord(&rec, evidence.Stream{Source: "okta", Kind: "okta.user", Scope: "acme"})
	}
	got, sure := x.Shortcut(&a)
	if !sure {
		return 0
	}
	out, _, err := x.Eval(&b)
	if err != nil {
		t.Fatalf("%s: the shortcut gives %v, CEL %v, of %s", src, got, err, shorten(rec))
	}
	want, ok := rule.Native(out)
	if !ok || !gocmp.Equal(got, want) {
		t.Fatalf("%s: the shortcut gives %v, CEL %v, of %s", src, got, want, shorten(rec))
	}
	if a.Until() > b.Until() { // it may ask sooner than is needed
		t.Fatalf("%s: holds until %d by the shortcut, %d by CEL, of %s", src, a.Until(), b.Until(), shorten(rec))
	}
	return 1
}

func shorten(rec evidence.Record) string { return fmt.Sprintf("%.2000v", rec) }

var (
	keyNames  = regexp.MustCompile(`\w+\.(\w+)|\["(\w+)"\]`)
	textsUsed = regexp.MustCompile(`"([^"]*)"|'([^']*)'`)
)

// randomRecord says, of each name that an expression has behind a dot, nothing
// or anything: rarely what is asked for.
func randomRecord(rnd *rand.Rand, src string) evidence.Record {
	g := generator{Rand: rnd, texts: []string{"", "x", "y", "k/x", "Ä/ö", "\xff", "2026-06-20T00:00:00Z", "2026-06-26T00:00:00Z", "2026-06-29", "2026-06-28T10:00:00.5Z", "2026-06-30T00:00:00+02:00", "0000-01-01T00:00:00Z", strings.Repeat("ab", 3000)}}
	for _, m := range textsUsed.FindAllStringSubmatch(src, -1) {
		g.texts = append(g.texts, m[1]+m[2])
		g.keys = append(g.keys, m[1]+m[2])
	}
	for _, m := range keyNames.FindAllStringSubmatch(src, -1) {
		g.keys = append(g.keys, m[1]+m[2])
	}
	g.kind = rnd.IntN(9)
	rec := evidence.Record{Kind: "okta.user", ID: g.text(), Name: g.text(), Attributes: g.members(3)}
	if at := start.Add(-time.Duration(rnd.IntN(300)) * time.Hour); rnd.IntN(2) == 0 {
		rec.Effective = &at
	}
	return rec
}

type generator struct {
	*rand.Rand
	keys, texts []string
	kind        int // of value that this record likes
}

func (g *generator) text() string { return g.texts[g.IntN(len(g.texts))] }

func (g *generator) members(depth int) map[string]any {
	m := map[string]any{}
	if depth == 0 {
		return m
	}
	for _, k := range g.keys {
		switch g.IntN(6) {
		case 0:
		case 1:
			m[k] = g.members(max(depth-2, 0))
		default:
			m[k] = g.value(depth)
		}
	}
	return m
}

func (g *generator) value(depth int) any {
	kind := g.kind
	if g.IntN(3) == 0 {
		kind = g.IntN(9)
	}
	switch kind {
	case 0, 1:
		return g.IntN(2) == 0
	case 2, 3:
		return g.text()
	case 4:
		return int64(g.IntN(7) - 2)
	case 5, 6:
		return g.elements(depth)
	case 7:
		return g.members(max(depth-1, 0))
	}
	return []any{1.5, 2.0, nil, int64(1) << 62, time.Duration(1).Seconds()}[g.IntN(5)]
}

func (g *generator) elements(depth int) any {
	if depth == 0 {
		return []any{}
	}
	if g.IntN(100) == 0 {
		return g.many()
	}
	out := []any{}
	kind := g.kind
	g.kind = []int{0, 2, 4, 7, 5}[g.IntN(5)]
	for range g.IntN(4) {
		out = append(out, g.value(depth-1))
	}
	g.kind = kind
	return out
}

// many is a long list, of the same each.
func (g *generator) many() []any {
	v, out := g.value(0), []any{} // 0: no long list of long lists
	for range 100 + g.IntN(3000) {
		out = append(out, v)
	}
	return out
}
