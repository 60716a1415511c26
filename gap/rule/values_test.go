package rule

import (
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// TestMapsAreOrdered: a comprehension over a map has one result.
func TestMapsAreOrdered(t *testing.T) {
	comp, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for src, want := range map[string]string{`r.logins.map(k, k + r.logins[k]).join(" ")`: "aD bC cB dA", `r.list[0].map(k, k).join("")`: "xyz"} {
		for range 50 {
			x, err := comp.Expression(src)
			if err != nil {
				t.Fatal(err)
			}
			rec := evidence.Record{Attributes: map[string]any{"logins": map[string]any{"d": "A", "a": "D", "c": "B", "b": "C"},
				"list": []any{map[string]any{"z": true, "x": int64(1), "y": nil}}}}
			var c Context
			c.SetRecord(&rec, evidence.Stream{})
			out, _, err := x.Eval(&c)
			if err != nil || out.Value() != want {
				t.Fatalf("%s is %v, %v; want %s", src, out, err, want)
			}
		}
	}
}
