package schedule

import (
	"strings"
	"sync"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// deaths is a memory in which the readings of some streams never ended.
type deaths struct {
	mu           sync.Mutex // streams are read side by side
	of           map[evidence.Kind]int
	begun, ended map[evidence.Kind]int
}

func (d *deaths) Begin(st evidence.Stream) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun[st.Kind]++
	return d.of[st.Kind], nil
}

func (d *deaths) End(st evidence.Stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended[st.Kind]++
}

// TestWhatKillsIsGivenUp: a stream whose reading killed the process twice is not read for
// that slot again, which is failed and not retried; what died once is read again, and
// nothing else is kept waiting.
func TestWhatKillsIsGivenUp(t *testing.T) {
	r := newRig(t, &world{scopes: []evidence.Scope{"a"}})
	d := &deaths{of: map[evidence.Kind]int{"w.state": 2, "w.event": 1}, begun: map[evidence.Kind]int{}, ended: map[evidence.Kind]int{}}
	r.runner.opt.Attempts = d
	got := r.tick(day(1, 6))
	if len(got) != 3 || !strings.Contains(got[1]+got[2], "failed") {
		t.Fatalf("%q", got)
	}
	for _, run := range r.told {
		given := run.Stream.Kind == "w.state"
		if (run.Outcome == evidence.Failed) != given || given && (run.Reason.Class != evidence.Internal || !strings.Contains(run.Reason.Detail, "died 2 times")) {
			t.Errorf("%s %s %v", run.Stream, run.Outcome, run.Reason)
		}
	}
	if d.ended["w.state"] != 1 || d.ended["w.event"] != 1 || d.ended["w.root"] != 1 {
		t.Errorf("ended %v", d.ended)
	}
	delete(d.of, "w.state")
	if got := r.tick(day(1, 7)); len(got) != 0 {
		t.Errorf("tried again in the same slot: %q", got)
	}
	for _, line := range r.tick(day(2, 6)) {
		if !strings.Contains(line, "collected") {
			t.Errorf("the next slot: %q", line)
		}
	}
}
