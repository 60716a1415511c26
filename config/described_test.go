package config_test

import (
	"os"
	"slices"
	"testing"

	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
)

// TestDescribed: every source can be read back from the text that the log has of
// it, and opened offline: re-performance learns from it which scopes are expected.
func TestDescribed(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "set, so that the example can be read")
	b, err := os.ReadFile("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Reader{Specs: all.Specs()}.Parse("example.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Redacted()
	if err != nil {
		t.Fatal(err)
	}
	again, err := config.Described(string(text), all.Specs())
	if err != nil || len(again) != len(c.Sources) || len(again) == 0 {
		t.Fatalf("%d of %d sources: %v", len(again), len(c.Sources), err)
	}
	for i, s := range again {
		if s.Spec.Name != c.Sources[i].Spec.Name || s.Config.Base().Schedule != c.Sources[i].Config.Base().Schedule || !slices.Equal(s.Config.Base().Kinds, c.Sources[i].Config.Base().Kinds) {
			t.Errorf("%s comes back as %s with %+v", c.Sources[i].Spec.Name, s.Spec.Name, s.Config.Base())
		}
		if _, err := transport.Open(s.Spec, s.Config, transport.Options{Offline: true}, nil); err != nil {
			t.Errorf("%s cannot be opened: %v", s.Spec.Name, err)
		}
	}
}

// FuzzDescribed: the text is from a bundle, and so from anybody.
func FuzzDescribed(f *testing.F) {
	f.Add("aws:\n  schedule: 0 6 * * *\n  kinds: [aws.region]\n")
	f.Add("aws: &a [*a]\n")
	f.Add("a: {b: {c: [}")
	specs := all.Specs()
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = config.Described(text, specs) // whatever it is, it ends
	})
}
