package ops

import "testing"

// TestPagesOfAnotherVersion: what another version laid out may differ, but for
// what it found.
func TestPagesOfAnotherVersion(t *testing.T) {
	for _, c := range []struct {
		path, by string
		may      bool
	}{
		{"index.html", Generator(), false},
		{"index.html", "evidenced v0.0.1", true},
		{"controls/change-approval/control.txt", "evidenced v0.0.1", true},
		{"result.json", "evidenced v0.0.1", false},
		{"gaps.jsonl", "evidenced v0.0.1", false},
	} {
		if got := mayDiffer(c.path, c.by); got != c.may {
			t.Errorf("%s by %s: %t", c.path, c.by, got)
		}
	}
}
