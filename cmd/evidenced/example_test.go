package main

import (
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/schedule"
)

// TestExampleSettings: what the example only shows, as a comment, can be taken
// out of it as it stands. Of the three keys one may be used.
func TestExampleSettings(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "set")
	b, err := examplePage()
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, mark := range []string{"  # encryption:", "  #   aws_kms:", "  # retention:", "  #   - {", "# anchors:", "#   - {", "# notify:", "# serve:", "#   socket:",
		"#   listen:", "#   ##", "#   hosts:", "#   jitter:"} {
		if !strings.Contains(text, "\n"+mark) {
			t.Fatalf("the example does not show %q", mark)
		}
		text = strings.ReplaceAll(text, "\n"+mark, "\n"+strings.Replace(mark, "# ", "", 1))
	}
	c, err := config.Reader{Specs: all.Specs(), Checks: []config.Check{schedulesParse}}.Parse("example.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if c.Store.Encryption == nil || len(c.Store.Retention) != 1 || len(c.Anchors) != 5 || len(c.Notify) != 6 || len(c.Serve.Hosts) != 1 {
		t.Errorf("%+v, %d anchors", c.Store, len(c.Anchors))
	}
}

func schedulesParse(c collectors.Config) error {
	_, _, err := schedule.Specs(c.Base())
	return err
}
