package store_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/store/storetest"
)

// TestConformance: the bbolt file is a store, plain and encrypted.
func TestConformance(t *testing.T) {
	seal, err := store.NewSealer(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]store.Sealer{"plain": nil, "sealed": seal} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB, folder string, key *store.Key, now func() time.Time) storetest.Store {
				t.Helper()
				s, err := store.Open(filepath.Join(folder, "evidence.db"), store.Options{Key: key, Seal: by, Now: now})
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}
