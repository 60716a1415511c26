package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/population"
)

// blockOf gives the block of a page that is of that language.
func blockOf(t *testing.T, page, lang string) string {
	t.Helper()
	_, text, ok := strings.Cut(page, "```"+lang+"\n")
	text, _, closed := strings.Cut(text, "```\n")
	if !ok || !closed {
		t.Fatalf("the page has no block of %s", lang)
	}
	return text
}

// TestSamplePage holds docs/sample.md to the draw: its example comes out as it
// says, by the program and by the script that needs none of it.
func TestSamplePage(t *testing.T) {
	b, err := os.ReadFile("../../docs/sample.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	lines := blockOf(t, page, "jsonl")
	var items []population.Item
	for line := range strings.Lines(lines) {
		var it population.Item
		if err := json.Unmarshal([]byte(line), &it); err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	d, err := population.NewDraw("Acme 2026", "change-approval", "github.pull_request", items, 3)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("    %s\n    %s\n", d.Digest, d.Seed)
	var want strings.Builder
	fmt.Fprintln(&want, d.Digest, d.Seed)
	for _, p := range d.Picks {
		fmt.Fprintln(&want, p.Number, p.ID)
	}
	says := fmt.Sprintf("the numbers %d, %d and %d are drawn: `%s`, `%s` and `%s`", d.Picks[0].Number, d.Picks[1].Number, d.Picks[2].Number, d.Picks[0].ID, d.Picks[1].ID, d.Picks[2].ID)
	if !strings.Contains(page, text) || !strings.Contains(page, says) {
		t.Errorf("the page does not say\n%s%s", text, says)
	}
	for _, table := range population.SizeTables {
		if !strings.Contains(page, "| `"+table.ID+"`") || !strings.Contains(page, "| "+table.Title+" |") {
			t.Errorf("the page does not have the table %s: %s", table.ID, table.Title)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"population.jsonl": lines, "draw.py": blockOf(t, page, "python")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	python, err := exec.LookPath("python3")
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal("python3 is not here, so the script of docs/sample.md was not run")
	case err != nil:
		t.Skip("SKIPPED: python3 is not here, so the script of docs/sample.md was not run")
	}
	cmd := exec.Command(python, "draw.py", "population.jsonl", "Acme 2026", "change-approval", "github.pull_request", "3")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil || string(out) != want.String() {
		t.Errorf("%v: the script says\n%s, want\n%s", err, out, want.String())
	}
}
