package all

import (
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
