package collectors

import (
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// TestUntil: a window may end early, but not before it begins or after its end.
func TestUntil(t *testing.T) {
	from := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	w := evidence.Window{From: from, To: from.Add(time.Hour)}
	for after, want := range map[time.Duration]time.Duration{time.Minute: time.Minute, 0: time.Hour, -time.Minute: time.Hour, 2 * time.Hour: time.Hour} {
		out := NewOutput("x.y")
		out.Until(from.Add(after))
		if got := out.Reading().Window(w); got.From != from || got.To != from.Add(want) {
			t.Errorf("until %s: %v", after, got)
		}
	}
	out := NewOutput("x.y")
	out.Until(from)
	if got := out.Reading().Window(evidence.Window{}); got != nil {
		t.Errorf("a state has the window %v", got)
	}
}
