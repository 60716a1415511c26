package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMentions(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "evidenced.yaml")
	for _, tt := range []struct{ text, want string }{
		{"definitions: sources\nsources: {}\n", filepath.Join(dir, "sources")},
		{"definitions: /etc/evidenced/sources\n", "/etc/evidenced/sources"},
		{"sources: {}\n", ""},
		{"definitions: [a]\n", ""},
		{"definitions:\n", ""},
		{"definitions: 'a\n", ""},
		{"", ""},
	} {
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Mentions(path).Definitions; got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := Mentions(filepath.Join(dir, "none.yaml")).Definitions; got != "" {
		t.Errorf("of no file: %q", got)
	}
}
