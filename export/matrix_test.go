package export

import (
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
)

// TestBroughtBeforeTheSplit: what was filed under a control that is no more is
// told of those that it was split into.
func TestBroughtBeforeTheSplit(t *testing.T) {
	act := func(entry uint64, title string, controls ...string) evidence.Act {
		u := &evidence.Upload{Controls: controls, Title: title, By: "ann", Effective: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
		return evidence.Act{Entry: entry, Upload: u}
	}
	uploads := []evidence.Act{act(1, "Courses", "people"), act(2, "Drill", "security-training", "people"), act(3, "Fire", "physical")}
	for id, want := range map[string]string{
		"security-training": "\nBrought for this control\n  2026-03-02: Courses, entry 1, by ann, filed under people\n  2026-03-02: Drill, entry 2, by ann\n",
		"mine":              "",
	} {
		var s strings.Builder
		if broughtText(&s, catalogue.Control{ID: id}, uploads); s.String() != want {
			t.Errorf("%s: got %q, want %q", id, s.String(), want)
		}
	}
}
