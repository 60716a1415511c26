package evidence

import "testing"

// TestKnownWords: of what a program says of its own accord, known words alone are kept,
// as it may quote any file that it was led to.
func TestKnownWords(t *testing.T) {
	known := []string{"bad config line", "Permission denied"}
	for text, want := range map[string]string{
		"": "", " \n": "",
		"fatal: bad config line 1 in file /etc/shadow":   "bad config line",
		"Permission denied\nbad config line PRIVATE+KEY": "bad config line; Permission denied",
		"fatal: bad shallow line: PRIVATE+KEY+x":         "it gave a reason in words that are not known, and so are not kept",
	} {
		if got := KnownWords(text, known); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
