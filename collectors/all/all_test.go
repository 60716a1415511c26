package all

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/collectortest"
)

func TestDeclarations(t *testing.T) {
	specs := Specs()
	if !slices.IsSortedFunc(specs, func(a, b collectors.Spec) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the list is not in order of name")
	}
	names := map[string]bool{}
	for _, s := range specs {
		t.Run(s.Name, func(t *testing.T) { collectortest.Check(t, s) })
		if names[s.Name] {
			t.Errorf("two sources are named %s", s.Name)
		}
		names[s.Name] = true
	}
}

// TestWith: a user's own definition stands beside ours, and never in place of one.
func TestWith(t *testing.T) {
	own, err := os.ReadFile("../rest/definitions/okta.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("acmeid.yaml", strings.NewReplacer("name: okta\n", "name: acmeid\n", "kind: okta.", "kind: acmeid.").Replace(string(own)))
	specs, err := With(dir)
	if err != nil || !slices.ContainsFunc(specs, func(s collectors.Spec) bool { return s.Name == "acmeid" }) || len(specs) != len(Specs())+1 {
		t.Errorf("%d sources, %v", len(specs), err)
	}
	write("okta.yaml", string(own))
	if _, err := With(dir); err == nil || !strings.Contains(err.Error(), "okta is a source already") {
		t.Errorf("a name that is taken: %v", err)
	}
	write("okta.yaml", "name: okta\nkinds: 7\n")
	if _, err := With(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "okta.yaml")+":2: ") {
		t.Errorf("a mistake: %v", err)
	}
	if _, err := With(filepath.Join(dir, "none")); err == nil {
		t.Error("no folder, and no error")
	}
}

// TestNamed: a source found by its name is the one of the whole list.
func TestNamed(t *testing.T) {
	whole := Specs()
	var names []string
	for _, s := range whole {
		names = append(names, s.Name)
	}
	named := Named(append(names, "none", "../okta", "okta")...)
	if len(named) != len(whole) {
		t.Fatalf("%d of %d sources", len(named), len(whole))
	}
	for i, s := range named {
		w := whole[i]
		if s.Name != w.Name || s.Rules != w.Rules || s.Root != w.Root || len(s.Kinds) != len(w.Kinds) || len(s.Calls) != len(w.Calls) || s.Doc != w.Doc {
			t.Errorf("%s differs from %s", s.Name, w.Name)
		}
	}
}
