package custody

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

// TestSecrets: the private half of the key is a secret, the public half is none.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	key, err := store.NewKey("evidenced/acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{}
	c.Store.Key = filepath.Join(dir, "evidence.key")
	if err := key.WriteFile(c.Store.Key); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(c.Store.Key)
	if err != nil {
		t.Fatal(err)
	}
	private := strings.Fields(string(b))[0]
	got := Secrets(c)
	if len(got) != 2 || got[0] != private || !strings.HasSuffix(private, "+"+got[1]) || slices.Contains(got, key.Verifier) {
		t.Errorf("%d secrets", len(got))
	}
	if got := Secrets(&config.Config{}); len(got) != 0 {
		t.Errorf("of no key: %d", len(got))
	}
}
