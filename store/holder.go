package store

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// The holder file says who holds the store, for the message that another
// process prints. The lock itself is bbolt's; a stale holder file means nothing.

func holderPath(path string) string { return path + ".holder" }

func writeHolder(path string) error {
	text := fmt.Sprintf("process %d, %s, since %s\n", os.Getpid(), strings.Join(os.Args[:min(len(os.Args), 3)], " "), time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(holderPath(path), []byte(text), 0o600); err != nil {
		return fmt.Errorf("note who holds the store: %w", err)
	}
	return nil
}

func readHolder(path string) string {
	b, err := os.ReadFile(holderPath(path))
	if err != nil || len(b) > 4096 {
		return "it did not say which: perhaps one that only reads, such as `evidenced store check`"
	}
	return strings.TrimSpace(string(b))
}

func removeHolder(path string) { _ = os.Remove(holderPath(path)) }
