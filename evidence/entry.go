package evidence

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// EntryType sorts the entries of the log.
type EntryType string

const (
	// EntryRun: a slot ended; Run says how.
	EntryRun EntryType = "run"
	// EntryConfig: the configuration that was in force from here on; Body is its redacted text.
	EntryConfig EntryType = "config"
	// EntryCatalogue: the catalogue that was in force from here on; Body names its version and digest.
	EntryCatalogue EntryType = "catalogue"
	// EntryAgent: the agent started, stopped, or saw its clock jump.
	EntryAgent EntryType = "agent"
	// EntryDecision: a person decided something, such as to accept a gap.
	EntryDecision EntryType = "decision"
)

// Entry is one leaf of the log. Its canonical JSON is what is hashed.
type Entry struct {
	// Index is the position in the log, from 0. The log assigns it.
	Index uint64 `json:"index"`
	// Recorded is when the log took the entry; it never goes back.
	Recorded time.Time       `json:"recorded"`
	Type     EntryType       `json:"type"`
	Run      *Run            `json:"run,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"`
}

// Writer takes what one Append adds.
type Writer interface {
	// Blob stores the bytes of r under their hash. Count is the number of
	// records or exchanges they hold.
	Blob(r io.Reader, count int) (Ref, error)
	// Entry adds a leaf; the log sets Index and Recorded and returns the entry as written.
	Entry(e Entry) (Entry, error)
}

// Log is an append-only log. There is no other verb.
type Log interface {
	// Append runs add in one transaction. When it returns nil, everything that
	// add wrote is durable and covered by a signed checkpoint; otherwise
	// nothing of it is there.
	Append(ctx context.Context, add func(Writer) error) error
}

// Checkpoint is a signed statement of the log's size and root.
type Checkpoint struct {
	// Size is the number of leaves.
	Size uint64
	// Signed is the C2SP checkpoint, a signed note.
	Signed []byte
}
