package timeline

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/gap/result"
)

const control = `id: one
title: One
family: test
description: d
procedure: p
tests:
  - {id: one.ok, title: ok, kind: a.thing, pass: r.ok, criteria: [CC6.1], basis: own, severity: high, sla_days: 2}
`

const example = `A thing that is mended.
-- one.yaml --
` + control + `-- setup --
period 07-01 07-05
as-of 2026-07-05
-- runs --
07-01 s/a.thing/x collected
  t {"ok":false}   # not yet

07-02..07-04 s/a.thing/x collected
  t {"ok":true}
-- gaps --
deviation one.ok s/a.thing/x t
  after - seen 07-01T06:01..07-01T06:01 fixed 07-02T06:01 due 07-03T06:01 fixed_in_sla
  not so: ok
`

func run(t *testing.T, text string) (*Timeline, *result.Result) {
	t.Helper()
	tl, err := Parse("x.txtar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := tl.Catalogue(nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := tl.Run(context.Background(), cat)
	if err != nil {
		t.Fatal(err)
	}
	return tl, res
}

// TestCompare: what is expected and comes is no difference; what does not come is one, with its line.
func TestCompare(t *testing.T) {
	tl, res := run(t, example)
	if d := tl.Compare(res); len(d) != 0 || !tl.Expects() {
		t.Fatalf("%+v", d)
	}
	if got := string(tl.Updated(res)); got != example {
		t.Errorf("written again it is otherwise:\n%s", got)
	}
	tl, res = run(t, strings.Replace(example, "fixed_in_sla", "open", 1))
	d := tl.Compare(res)
	if len(d) != 1 || d[0].Section != "gaps" || d[0].Line != 20 || !strings.Contains(d[0].Diff, "-   after - seen") || !strings.Contains(d[0].Diff, "+   after - seen") || !strings.Contains(d[0].Diff, "    not so: ok") {
		t.Errorf("%+v", d)
	}
	if got := string(tl.Updated(res)); got != example {
		t.Errorf("updated it is\n%s", got)
	}
}

// TestMistakesNameTheirLine: whoever writes a timeline is told where it is wrong.
func TestMistakesNameTheirLine(t *testing.T) {
	for from, c := range map[string]struct{ to, want string }{
		"as-of 2026-07-05":                          {"as-of july", `x.txtar:12: "july" is no time`},
		"period 07-01":                              {"perod 07-01", `x.txtar:11: "perod 07-01 07-05" is no line of a setup`},
		"07-01 s/a.thing/x collected":               {"07-01 s/a.thing/x colected", `x.txtar:14: outcome "colected" is none of`},
		"07-02..07-04 s/a.thing/x":                  {"07-02..07-01 s/a.thing/x", `x.txtar:17: "07-02..07-01" goes back`},
		`  t {"ok":true}`:                           {`  t {"ok":}`, `x.txtar:18: the attributes are no JSON`},
		`  t {"ok":false}   # not yet`:              {`  t and more`, `x.txtar:15: "t and more" is no record`},
		"-- gaps --":                                {"-- gasp --", `x.txtar:19: section "gasp" is none of`},
		"collected\n  t {\"ok\":true}":              {"missed kept=4\n", `x.txtar:17: kept=4: a missed run has no certificate`},
		"07-01 07-05":                               {"07-05 07-01", `x.txtar:1: the setup needs the lines`},
		"-- runs --\n07-01 s/a.thing/x collected\n": {"-- runs --\n", `x.txtar:14: a record, which is set in, stands under a run`},
	} {
		if !strings.Contains(example, from) {
			t.Fatalf("the example has no %q", from)
		}
		if _, err := Parse("x.txtar", []byte(strings.Replace(example, from, c.to, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.to, err, c.want)
		}
	}
	tl, err := Parse("x.txtar", []byte(strings.Replace(example, "pass: r.ok", "pass: r.ok +", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tl.Catalogue(nil); err == nil || !strings.HasPrefix(err.Error(), "x.txtar: line 9: one.yaml:7: ") {
		t.Errorf("%v", err)
	}
}

// FuzzParse: no text makes it panic, and what is read can be written again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	files, _ := filepath.Glob("../testdata/*.txtar")
	for _, file := range files[:min(len(files), 5)] {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tl, err := Parse("x", data)
		if err != nil || len(tl.log.runs) > 50 {
			return
		}
		again := join(tl.comment, tl.sections)
		comment, sections := split(again)
		if second := join(comment, sections); !bytes.Equal(again, second) {
			t.Errorf("%q is written again as %q", again, second)
		}
	})
}
