package rule

import (
	"slices"
	"strings"
	"testing"
)

// TestReads shows that the engine knows what a predicate reads, without which
// a change would be overlooked.
func TestReads(t *testing.T) {
	comp, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		src                 string
		keys                string
		all, now, effective bool
	}{
		{"r.a && r['b'] == 1 || has(r.c)", "a b c", false, false, false},
		{"r.a.b.c == 1", "a", false, false, false},
		{"r[id] == 1", "", true, false, false},
		{"size(r) > 1", "", true, false, false},
		{"r.list.exists(x, x == r.z)", "list z", false, false, false},
		{"older_than(r.at, 3)", "at", false, false, false},
		{"now > timestamp(r.at)", "at", false, true, false},
		{"effective < now", "", false, true, true},
		{"r.all(k, k != 'x')", "", true, false, false},
	} {
		r, part, err := comp.Rule("", c.src, "")
		if err != nil {
			t.Errorf("%s: %s: %v", c.src, part, err)
			continue
		}
		slices.Sort(r.Keys)
		if got := strings.Join(r.Keys, " "); r.All != c.all || !c.all && got != c.keys || r.now != c.now || r.Effective != c.effective {
			t.Errorf("%s: keys %q all %v now %v effective %v", c.src, got, r.All, r.now, r.Effective)
		}
	}
}
