package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCataloguePage holds docs/catalogue.md to the program: its control is read
// without a warning, and its timeline comes out as it says.
func TestCataloguePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/catalogue.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, lang := range map[string]string{"wiki.yaml": "yaml", "wiki.txtar": "txtar"} {
		text := blockOf(t, string(page), lang)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"catalogue", "lint", dir}, {"catalogue", "test", dir}} {
		var stdout, stderr strings.Builder
		if code := run(context.Background(), args, &stdout, &stderr); code != exitOK || strings.Contains(stdout.String(), "note:") {
			t.Errorf("%v: exit code %d\n%s%s", args, code, stdout.String(), stderr.String())
		}
	}
}
