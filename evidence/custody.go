package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// What the log says of itself: who signed it, to whom it was shown, what was
// taken out of it.

// Erasure is the body of an EntryErasure: the tombstone of blobs. Their leaves
// and proofs stay.
type Erasure struct {
	// Policy says why: the rule of the retention policy, in words.
	Policy string `json:"policy"`
	// Before bounds what was erased: every entry that named one of the blobs
	// was recorded before it.
	Before time.Time `json:"before"`
	Blobs  []Ref     `json:"blobs"`
}

// KeyChange is the body of an EntryKey: from the checkpoint that covers its
// entry on, the log is signed by New.
type KeyChange struct {
	// Old and New are C2SP note verifier keys of the same name.
	Old string `json:"old"`
	New string `json:"new"`
	// Note is the text of KeyChangeText, a signed note with a signature of each.
	Note string `json:"note"`
}

// KeyChangeText is what both keys sign: which log, at which entry, from which key to which.
func KeyChangeText(log string, index uint64, from, to string) string {
	return fmt.Sprintf("evidenced/key-change/v1\n%s\n%d\n%s\n%s\n", log, index, from, to)
}

// AnchorType says to whom a checkpoint was shown.
type AnchorType string

const (
	// AnchorTimestamp: an RFC 3161 timestamp authority; Receipt is its token, DER.
	AnchorTimestamp AnchorType = "timestamp"
	// AnchorFolder: a folder, elsewhere; Receipt is the name of the file in it.
	AnchorFolder AnchorType = "folder"
	// AnchorGit: a git remote; Receipt is the id of the commit.
	AnchorGit AnchorType = "git"
	// AnchorS3: an S3 bucket with Object Lock; Receipt is the version id of the object.
	AnchorS3 AnchorType = "s3"
	// AnchorWitness: a C2SP tlog-witness; Receipt is its cosignature line.
	AnchorWitness AnchorType = "witness"
)

// Anchor is the body of an EntryAnchor: who else saw a checkpoint of this log,
// or why it could not be shown.
type Anchor struct {
	Type AnchorType `json:"type"`
	// Name is the anchor's name in the configuration, To where it is: an address, a path.
	Name string `json:"name"`
	To   string `json:"to"`
	// Size and Root are those of the checkpoint.
	Size uint64 `json:"size"`
	Root Hash   `json:"root"`
	// Digest is the SHA-256 of the signed checkpoint as it was shown.
	Digest Hash `json:"digest"`
	// At is the time that the other side states, where it states one.
	At *time.Time `json:"at,omitempty"`
	// Receipt is what it answered; its form depends on the type.
	Receipt []byte `json:"receipt,omitempty"`
	// Error says why there is no receipt.
	Error string `json:"error,omitempty"`
}

// DecodeBody reads the body of an entry of the given type into v, strictly: it
// must be the canonical text of what was read.
func (e Entry) DecodeBody(t EntryType, v any) error {
	if e.Type != t {
		return fmt.Errorf("entry %d is of type %q, want %q", e.Index, e.Type, t)
	}
	if len(e.Body) == 0 {
		return fmt.Errorf("entry %d: %w", e.Index, errors.New("it has no body"))
	}
	if err := DecodeCanonical(e.Body, v); err != nil {
		return fmt.Errorf("body of entry %d: %w", e.Index, err)
	}
	return nil
}

// WithBody returns an entry of that type with v as its canonical body.
func WithBody(t EntryType, v any) (Entry, error) {
	b, err := Canonical(v)
	if err != nil {
		return Entry{}, fmt.Errorf("body of a %s entry: %w", t, err)
	}
	return Entry{Type: t, Body: json.RawMessage(b)}, nil
}

// ErrErased: the blob was in the log; retention took it away. Its tombstone is
// an EntryErasure.
var ErrErased = errors.New("erased under the retention policy")

// Tombstone is what a log says of an erased blob.
type Tombstone struct {
	Ref
	// Entry is the index of the EntryErasure, Erased when it was recorded.
	Entry  uint64
	Erased time.Time
	Policy string
}

// Tombstones returns the blobs of a log that were erased, and not stored again
// since for a later entry.
func Tombstones(entries iter.Seq2[Entry, error]) (map[Hash]Tombstone, error) {
	gone := map[Hash]Tombstone{}
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if e.Type != EntryErasure {
			for _, ref := range e.Refs() {
				delete(gone, ref.Hash)
			}
			continue
		}
		var body Erasure
		if err := e.DecodeBody(EntryErasure, &body); err != nil {
			return nil, err
		}
		for _, ref := range body.Blobs {
			gone[ref.Hash] = Tombstone{ref, e.Index, e.Recorded, body.Policy}
		}
	}
	return gone, nil
}
