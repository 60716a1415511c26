package transport

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// writer is somebody who writes to a file while a clock goes on.
type writer struct {
	*clock
	path  string
	steps []string // what is added to it at each sleep
}

func (w *writer) Sleep(ctx context.Context, d time.Duration) error {
	err := w.clock.Sleep(ctx, d)
	if len(w.steps) == 0 || w.steps[0] == "" {
		w.steps = w.steps[min(1, len(w.steps)):]
		return err
	}
	old, readErr := os.ReadFile(w.path)
	text := string(old) + w.steps[0]
	w.steps = w.steps[1:]
	return errors.Join(err, readErr, os.WriteFile(w.path, []byte(text), 0o600), os.Chtimes(w.path, w.Now(), w.Now()))
}

// TestWaitUntilStable: a file is read once nobody has written to it for a while, and one
// that ends in the middle of a line after a longer while.
func TestWaitUntilStable(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		age   time.Duration
		steps []string
		slept []time.Duration
		want  string // in the error
	}{
		"old":                {"a\nb\n", time.Hour, nil, nil, ""},
		"just old enough":    {"a\nb\n", stableFor, nil, nil, ""},
		"new":                {"a\nb\n", time.Second, nil, []time.Duration{4 * time.Second}, ""},
		"still written":      {"a\n", 0, []string{"b\n", "c\n"}, []time.Duration{stableFor, stableFor, stableFor}, ""},
		"never left alone":   {"a\n", 0, slices.Repeat([]string{"b\n"}, 100), nil, "a b.csv is being written to: write it under another name"},
		"cut, old":           {"a\nb", stableForCut, nil, nil, ""},
		"cut, new":           {"a\nb", 10 * time.Second, nil, []time.Duration{50 * time.Second}, ""},
		"cut, then whole":    {"a\nb", 50 * time.Second, []string{"c\n"}, []time.Duration{10 * time.Second, stableFor}, ""},
		"cut for ever":       {"a\nb", 0, []string{"c", "d"}, nil, "does not end with the end of a line"},
		"truncated":          {"", time.Second, []string{"a\n"}, []time.Duration{59 * time.Second, stableFor}, ""},
		"ahead of our clock": {"a\nb\n", -time.Hour, nil, []time.Duration{stableFor}, ""},
		"ahead, and written": {"a\nb\n", -time.Hour, []string{"c\n"}, []time.Duration{stableFor, stableFor}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := &writer{clock: newClock(), steps: tt.steps}
			s := cabinet(t, tt.text, Options{Now: w.Now, Sleep: w.Sleep})
			w.path = s.filePath()
			if err := os.Chtimes(w.path, w.Now().Add(-tt.age), w.Now().Add(-tt.age)); err != nil {
				t.Fatal(err)
			}
			r, xs, err := fileOf(s, t.Context(), collectors.FileRead{Name: "a b.csv", Keep: firstLine})
			if tt.want != "" {
				if !errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), tt.want) || len(xs) != 1 || xs[0].Answered() {
					t.Fatalf("%v, %+v", err, xs)
				}
				return
			}
			if whole := tt.text + strings.Join(tt.steps, ""); err != nil || r.Size != int64(len(whole)) || !slices.Equal(w.slept, tt.slept) {
				t.Errorf("read %d of %d bytes after %v: %v", r.Size, len(whole), w.slept, err)
			}
		})
	}
}

// TestWaitUntilStableStops: who is told to stop waits for no file.
func TestWaitUntilStableStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := fileOf(cabinet(t, "x\n", Options{Sleep: sleepRealTime}), ctx, collectors.FileRead{Name: "a b.csv", Keep: firstLine}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
