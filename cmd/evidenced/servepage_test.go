package main

import (
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/serve"
)

// TestServePage holds docs/serve.md to the program: its configurations are read,
// its commands run in the daemon, its metrics are there.
func TestServePage(t *testing.T) {
	b, err := os.ReadFile("../../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	n := 0
	for block := range strings.SplitSeq(page, "\n\n") {
		if !strings.HasPrefix(block, "    ") || strings.HasPrefix(block, "    evidenced ") {
			continue
		}
		n++
		text := "organization: Acme\nperiod: {start: 2026-01-01, end: 2026-06-30}\nsources: {aws: {}}\n" + strings.ReplaceAll("\n"+block, "\n    ", "\n")
		if _, err := (config.Reader{Specs: all.Specs(), Checks: []config.Check{schedulesParse}}).Parse("serve.md", []byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	if n != 2 {
		t.Errorf("%d configurations in docs/serve.md", n)
	}
	m := serve.NewMetrics("1")
	w := httptest.NewRecorder()
	m.Slot("aws", "collected")
	m.Sources(map[string]time.Time{"aws": demo.Start})
	m.Handler(func() {}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, name := range regexp.MustCompile("`(evidenced_[a-z_]+)`").FindAllStringSubmatch(page, -1) {
		if !strings.Contains(w.Body.String(), name[1]+"{") {
			t.Errorf("there is no metric %s", name[1])
		}
	}
}
