package collectors

import (
	"context"
	"errors"
	"runtime"
	"testing"
)

// TestEachEndedWithoutResult: a part whose goroutine was ended from within is not
// one that was read.
func TestEachEndedWithoutResult(t *testing.T) {
	errs := Each(t.Context(), 2, 2, func(_ context.Context, i int) error {
		if i == 1 {
			runtime.Goexit()
		}
		return nil
	})
	if errs[0] != nil || !errors.Is(errs[1], ErrEnded) {
		t.Errorf("errors %v", errs)
	}
}
