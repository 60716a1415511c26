package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
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
	// EntryReview: a step of an access review; Body is the step.
	EntryReview EntryType = "review"
	// EntryUpload: a person added a file; Blobs names it, Body says what it is.
	EntryUpload EntryType = "upload"
	// EntryErasure: blobs were erased, as the retention policy says; Body is an Erasure.
	EntryErasure EntryType = "erasure"
	// EntryKey: the signing key was changed; Body is a KeyChange.
	EntryKey EntryType = "key"
	// EntryAnchor: a checkpoint was shown to somebody else; Body is an Anchor.
	EntryAnchor EntryType = "anchor"
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
	// Blobs names what the entry keeps beside the records and exchanges of its run.
	Blobs []Ref `json:"blobs,omitempty"`
}

// Refs returns every blob that the entry keeps.
func (e Entry) Refs() []Ref {
	out := slices.Clone(e.Blobs)
	if e.Run == nil {
		return out
	}
	for _, ref := range []*Ref{e.Run.Records, e.Run.Exchanges} {
		if ref != nil {
			out = append(out, *ref)
		}
	}
	return out
}

// Content says what the lines of a blob are.
type Content string

const (
	// ContentRecords: canonical records, in canonical order.
	ContentRecords Content = "records"
	// ContentExchanges: canonical exchanges, in canonical order.
	ContentExchanges Content = "exchanges"
	// ContentFile: bytes of any kind, such as an upload.
	ContentFile Content = "file"
)

// Series names blobs that follow one another, each much like the one before:
// the snapshots of one stream. It says how a blob is kept, never what it is.
type Series struct {
	Stream  Stream
	Content Content
	// Volatile names the attributes of records whose change is no change of the
	// resource.
	Volatile []string
}

// Writer takes what one Append adds. It is used by one goroutine, and only until
// the function returns that it was passed to.
type Writer interface {
	// Blob stores the bytes of r under their hash, as the next of its series.
	// Count is the number of records or exchanges they hold.
	Blob(of Series, r io.Reader, count int) (Ref, error)
	// Entry adds a leaf; the log sets Index and Recorded and returns the entry as written.
	Entry(e Entry) (Entry, error)
}

// Log is an append-only log: nothing is changed, nothing is deleted.
type Log interface {
	// Append runs add in one transaction. When it returns nil, everything that
	// add wrote is durable and covered by a signed checkpoint; otherwise
	// nothing of it is there. An error of the Writer fails the append even if add
	// ignores it; a panic of add leaves nothing behind and reaches the caller.
	Append(ctx context.Context, add func(Writer) error) error
	// AppendIf is Append on the condition that the log has exactly size entries:
	// otherwise it returns ErrMoved, and add is not called. Comparison and append
	// are one transaction, so of all that read the log at one size and append, one
	// succeeds. A decision is made with it: read the log and count its entries,
	// decide, AppendIf; on ErrMoved read again.
	AppendIf(ctx context.Context, size uint64, add func(Writer) error) error
}

// ErrMoved is what AppendIf returns when the log does not have the expected
// size: somebody else has appended, and what was decided is to be decided anew.
var ErrMoved = errors.New("the log has moved on since it was read")

// Checkpoint is a signed statement of the log's size and root.
type Checkpoint struct {
	// Size is the number of leaves.
	Size uint64
	// Signed is the C2SP checkpoint, a signed note.
	Signed []byte
}
