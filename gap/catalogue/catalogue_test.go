package catalogue

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/evidenced/evidenced/gap/result"
)

// The shape of the criteria: how many each series has.
var series = map[string]int{"CC1": 5, "CC2": 3, "CC3": 4, "CC4": 2, "CC5": 3, "CC6": 8, "CC7": 5, "CC8": 1, "CC9": 2,
	"A1": 3, "C1": 2, "PI1": 5, "P1": 1, "P2": 1, "P3": 2, "P4": 3, "P5": 2, "P6": 7, "P7": 1, "P8": 1}

// ours is the embedded catalogue.
func ours(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultCriteria(t *testing.T) {
	c := ours(t)
	got := map[string]int{}
	for _, cr := range c.Criteria {
		s, n, _ := strings.Cut(cr.ID, ".")
		if got[s]++; fmt.Sprint(got[s]) != n {
			t.Errorf("%s stands where %s.%d belongs", cr.ID, s, got[s])
		}
	}
	if diff := gocmp.Diff(series, got); diff != "" || len(c.Criteria) != 61 {
		t.Errorf("%d criteria (-want +got):\n%s", len(c.Criteria), diff)
	}
}

// testIDs are the tests that other rooms know by name.
const testIDs = `
aws.cloudtrail.encrypted aws.cloudtrail.logging aws.cloudtrail.multi-region aws.cloudtrail.validation
aws.iam.key-age-90 aws.iam.password-policy aws.iam.root-mfa aws.iam.root-no-access-key aws.iam.root-unused
aws.iam.unused-creds-90 aws.iam.user-console-mfa aws.s3.encrypted aws.s3.public-block aws.s3.versioning
entra.ca.legacy-auth-blocked entra.ca.mfa-all entra.global-admins entra.user.inactive-90 entra.user.mfa-capable
github.branch.admins-bound github.branch.checks-required github.branch.force-push-blocked github.branch.pr-required
github.branch.stale-dismissed github.org.2fa-required github.org.admins github.org.base-permission github.org.members-2fa
github.pr.approved-last-push github.pr.checks-passed github.pr.independent-approval github.pr.ticket-linked
gitlab.2fa gitlab.branch.protected gitlab.mr.independent-approval gitlab.owners gws.super-admins gws.user.2sv gws.user.inactive-90
okta.super-admins okta.token.not-super-admin okta.user.factor-active okta.user.inactive-90`

func TestDefaultTests(t *testing.T) {
	var got []string
	for _, ts := range ours(t).Tests() {
		got = append(got, ts.ID)
		if ts.Remediation == "" || ts.Procedure == "" || ts.Frequency == "" || ts.Family == "" || ts.Control == "" {
			t.Errorf("%s is not complete: %+v", ts.ID, ts)
		}
	}
	for _, id := range strings.Fields(testIDs) {
		if !slices.Contains(got, id) {
			t.Errorf("%s is gone: the simulator plants what it finds", id)
		}
	}
}

func TestParseGivesBackTheCatalogue(t *testing.T) {
	c := ours(t)
	b, err := c.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(c, again, cmpopts.IgnoreUnexported(Catalogue{}, Calendar{})); diff != "" || again.Digest() != c.Digest() {
		t.Errorf("digest %s, then %s:\n%s", c.Digest(), again.Digest(), diff)
	}
	other := bytes.Replace(b, []byte("r.root_mfa"), []byte("r.root_xyz"), 1)
	if changed, err := Parse(other); err != nil || changed.Digest() == c.Digest() {
		t.Errorf("a changed predicate has the same digest, or %v", err)
	}
	if _, err := Parse(bytes.Replace(b, []byte("r.root_mfa"), []byte("r.root_mfa +"), 1)); err == nil || !strings.Contains(err.Error(), "aws.iam.root-mfa: pass") {
		t.Errorf("a predicate that does not compile: %v", err)
	}
}

// good is a control that loads; the cases of TestLoadErrors break one line of it.
const good = `id: one
title: One
family: test
description: d
procedure: p
tests:
  - id: t1
    title: T
    kind: aws.thing
    when: r.on
    pass: r.ok
    detail: '"why"'
    criteria: [CC6.1, A1.1]
    basis: own
    severity: high
    sla_days: 2
`

func loadWith(t testing.TB, files map[string]string) (*Catalogue, error) {
	t.Helper()
	b, err := os.ReadFile("catalog/" + criteriaFile)
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{criteriaFile: {Data: b}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Load(fsys)
}

func TestLoadErrors(t *testing.T) {
	if _, err := loadWith(t, map[string]string{"one.yaml": good}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"family: test", "famly: test", `one.yaml:3: unknown field "famly"`},
		{"    kind: aws.thing", "    kind: aws.thing\n    knd: x", `one.yaml:10: unknown field "knd"`},
		{"pass: r.ok", "pass: r.ok +", "one.yaml:11: test t1: pass: ERROR"},
		{"pass: r.ok", "pass: size(id)", "one.yaml:11: test t1: pass: gives int, want bool"},
		{"pass: r.ok", "pass: clock == clock", "one.yaml:11: test t1: pass: ERROR"},
		{"when: r.on", "when: rr.on", "one.yaml:10: test t1: when: ERROR"},
		{`detail: '"why"'`, "detail: '1'", "one.yaml:12: test t1: detail: gives int, want string"},
		{"    pass: r.ok\n", "", "one.yaml:7: test t1: pass: ERROR"},
		{"CC6.1, A1.1", "CC6.1, CC6.9", `one.yaml:13: criterion "CC6.9" is not in criteria.yaml`},
		{"CC6.1, A1.1", "CC6.1, CC6.1", `one.yaml:13: criterion "CC6.1" stands here twice`},
		{"[CC6.1, A1.1]", "[]", "one.yaml:7: test t1 holds no criteria"},
		{"severity: high", "severity: worst", `one.yaml:15: test t1: severity "worst"`},
		{"sla_days: 2", "sla_days: -2", "one.yaml:16: test t1: sla_days -2"},
		{"sla_days: 2", "sla_days: two", "one.yaml:16: "},
		{"kind: aws.thing", "kind: aws.thing\n    mode: some", `one.yaml:10: test t1: mode "some"`},
		{"kind: aws.thing", "kind: aws.thing\n    max: 3", "one.yaml:10: test t1: max goes with mode at_most"},
		{"basis: own", "basis: ''", "one.yaml:7: test t1 needs title, kind and basis"},
		{"- id: t1", "- id: ''", "one.yaml:7: a test needs an id"},
		{"id: one", "id: ''", "one.yaml:1: a control needs id, title and family"},
		{"title: One", "title: One\ntitle: Two", "one.yaml:3: "},
		{"id: one", "id: [", "one.yaml:"},
		{good, "", "one.yaml:1: the file is empty"},
		{good, good + "---\n" + good, "one.yaml:1: more than one YAML document"},
	} {
		_, err := loadWith(t, map[string]string{"one.yaml": strings.Replace(good, c.old, c.new, 1)})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q instead of %q:\n got %v\nwant %s", c.new, c.old, err, c.want)
		}
	}
}

func TestLoadRefusesRepeats(t *testing.T) {
	_, err := loadWith(t, map[string]string{"one.yaml": good, "two.yaml": good})
	if err == nil || err.Error() != "two.yaml:1: control one stands in two files" {
		t.Errorf("same control: %v", err)
	}
	_, err = loadWith(t, map[string]string{"one.yaml": good, "two.yaml": strings.Replace(good, "id: one", "id: two", 1)})
	if err == nil || err.Error() != "two.yaml:7: test t1 stands in the catalogue twice" {
		t.Errorf("same test: %v", err)
	}
	_, err = Load(fstest.MapFS{criteriaFile: {Data: []byte("criteria:\n  - {id: A, title: a}\n  - {id: A, title: b}\n")}})
	if err == nil || err.Error() != "criteria.yaml:3: criterion A stands here twice" {
		t.Errorf("same criterion: %v", err)
	}
	if _, err := Load(fstest.MapFS{}); err == nil {
		t.Error("an empty folder loaded")
	}
}

// FuzzLoad: no control file crashes the loader, and one that loads gives a
// catalogue that can be written and read back. Run it with -fuzzminimizetime 10x:
// the seeds are long, and to shorten each find takes minutes otherwise.
func FuzzLoad(f *testing.F) {
	f.Add(good)
	names, err := filepath.Glob("catalog/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := loadWith(t, map[string]string{"x.yaml": text})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.yaml:") {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		b, err := c.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(b); err != nil || again.Digest() != c.Digest() {
			t.Fatalf("%v\n%s", err, b)
		}
	})
}

func TestEveryCatalogueFileIsLoaded(t *testing.T) {
	names, err := fs.Glob(embedded, "catalog/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, c := range ours(t).Controls {
		ids["catalog/"+c.ID+".yaml"] = true
	}
	ids["catalog/"+criteriaFile], ids["catalog/"+calendarFile] = true, true
	if got := slices.Sorted(maps.Keys(ids)); !slices.Equal(got, names) {
		t.Errorf("files %v, controls %v: a control stands in the file of its name", names, got)
	}
}

// TestEveryCriterionIsHeld: nothing of the 61 is left to chance. What no test
// shows is somebody's duty.
func TestEveryCriterionIsHeld(t *testing.T) {
	cat := ours(t)
	held := map[string]bool{}
	for _, ids := range cat.CriteriaOf() {
		for _, id := range ids {
			held[id] = true
		}
	}
	for _, c := range cat.Criteria {
		if !held[c.ID] {
			t.Errorf("no test and no duty holds %s", c.ID)
		}
	}
}

func TestCatalogueOfCategories(t *testing.T) {
	cat := ours(t)
	for categories, want := range map[string]int{"security": 33, "security availability": 36, "confidentiality": 2, "privacy processing_integrity": 23,
		"availability confidentiality privacy processing_integrity security": 61} {
		c := cat.For(strings.Fields(categories))
		if len(c.Criteria) != want {
			t.Errorf("%s: %d criteria, want %d", categories, len(c.Criteria), want)
		}
		b, err := c.Canonical()
		if err == nil {
			_, err = Parse(b)
		}
		if err != nil {
			t.Errorf("%s: it cannot be read again: %v", categories, err)
		}
		for _, ctl := range c.Controls {
			for _, tt := range ctl.Tests {
				if len(tt.Criteria) == 0 {
					t.Errorf("%s: %s holds nothing", categories, tt.ID)
				}
			}
		}
	}
	if all := cat.For(slices.Sorted(maps.Keys(Categories))); all.Digest() != cat.Digest() {
		t.Error("all categories are not the whole")
	}
}

func TestOwnCatalogue(t *testing.T) {
	own := fstest.MapFS{
		"mine.yaml":              {Data: []byte("id: mine\ntitle: Mine\nfamily: access\ndescription: d\nprocedure: p\nduties:\n  - {id: mine.tea, title: tea, per: month, evidence: leaves, severity: low, basis: own, criteria: [CC1.1]}\n")},
		"security-training.yaml": {Data: []byte("id: security-training\ntitle: Ours\nfamily: people\ndescription: d\nprocedure: p\n")},
		"calendar.yaml":          {Data: []byte("name: berlin\nzone: Europe/Berlin\nweekend: [Saturday, Sunday]\nholidays: [2026-10-03]\n")},
	}
	cat, err := LoadOver(own)
	if err != nil {
		t.Fatal(err)
	}
	training, _ := cat.Control("security-training")
	if _, ok := cat.Control("mine"); !ok || training.Title != "Ours" || len(training.Duties) != 0 || cat.Calendar.Name != "berlin" {
		t.Errorf("%+v, calendar %+v", training, cat.Calendar)
	}
	if _, err := LoadOver(fstest.MapFS{"calendar.yaml": {Data: []byte("name: x\nzone: UTC\nweekend: [Caturday]\n")}}); err == nil || !strings.Contains(err.Error(), "calendar.yaml:3: ") {
		t.Errorf("a weekend of no day: %v", err)
	}
}

// TestFormerControls: an id that is no more leads to those that came after it,
// is not given to another control, and cannot be replaced.
func TestFormerControls(t *testing.T) {
	cat := ours(t)
	for old := range former {
		if _, ok := cat.Control(old); ok {
			t.Errorf("%s is a control again", old)
		}
		for _, id := range SplitInto(old) {
			if _, ok := cat.Control(id); !ok || !slices.Contains(Former(id), old) {
				t.Errorf("%s was split into %s, which came of %v", old, id, Former(id))
			}
		}
	}
	own := fstest.MapFS{"calendar.yaml": {Data: []byte("name: x\n")}, "odd.yaml": {Data: []byte("odd")},
		"x.yaml": {Data: []byte("# ours\nid: risk\ntitle: Risk\nfamily: risk\ndescription: d\nprocedure: p\n")}}
	_, err := LoadOver(own)
	if want := "x.yaml:2: control risk of ours was split into risk-assessment, risk-treatment: name your files"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if len(SplitInto("mine"))+len(Former("mine")) > 0 {
		t.Error("a control of somebody's own came of one of ours")
	}
}

// TestFamilies: each family of ours has its place and its title, and one of
// somebody's own comes last.
func TestFamilies(t *testing.T) {
	cat := ours(t)
	var ids []string
	n := 0
	for _, f := range cat.Families() {
		if ids = append(ids, f.ID); f.Title == f.ID || len(f.Controls) == 0 {
			t.Errorf("family %s: title %q, %d controls", f.ID, f.Title, len(f.Controls))
		}
		n += len(f.Controls)
	}
	if !slices.Equal(ids, result.FamilyIDs()) || n != len(cat.Controls) {
		t.Errorf("families %v with %d controls of %d, want all of %v", ids, n, len(cat.Controls), result.FamilyIDs())
	}
}
