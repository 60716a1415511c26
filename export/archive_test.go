package export

import (
	"context"
	"errors"
	"io"
	"testing"
)

// TestStopsWithinAFile: who calls an export off does not wait for a large blob.
func TestStopsWithinAFile(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a, err := newArchive(ctx, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	err = a.file("large", func(w io.Writer) error {
		for range 100 {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				return err
			}
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
