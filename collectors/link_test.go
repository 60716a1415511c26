package collectors

import (
	"strings"
	"testing"
)

func TestNextLink(t *testing.T) {
	tests := []struct {
		in, want string
		ok       bool
	}{
		{"", "", false},
		{`<https://a/2>; rel="next"`, "https://a/2", true},
		{`<https://a/2>; rel=next`, "https://a/2", true},
		{`<https://a/2>;REL="Next prefetch"`, "https://a/2", true},
		{`<https://a/1>; rel="prev", <https://a/3,4>; rel="next", <https://a/9>; rel="last"`, "https://a/3,4", true},
		{`<https://a/1>; title="x, <https://b/2>; rel=\"next\""; rel="prev"`, "", false},
		{`<https://a/1>; rel="nextish"`, "", false},
		{`<https://a/2; rel="next"`, "", false},
		{`https://a/2; rel="next"`, "", false},
	}
	for _, tt := range tests {
		if got, ok := NextLink(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %q, %v; want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	f.Add(`<https://a/1>; rel="prev", <https://a/3>; rel="next"`)
	f.Add(`<>;rel=next`)
	f.Add(`<a>;rel="\`)
	f.Fuzz(func(t *testing.T, v string) {
		if got, ok := NextLink(v); ok && !strings.Contains(v, "<"+got+">") {
			t.Fatalf("%q is not a target of %q", got, v)
		}
	})
}
