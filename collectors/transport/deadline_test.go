package transport

import (
	"errors"
	"runtime"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

// TestEndedWithoutResult: a collector that ends its goroutine is neither waited
// for nor taken for one that has read everything.
func TestEndedWithoutResult(t *testing.T) {
	_, err := withDeadline(t.Context(), func() (int, error) { runtime.Goexit(); return 1, nil })
	if !errors.Is(err, collectors.ErrEnded) {
		t.Errorf("error %v", err)
	}
}
