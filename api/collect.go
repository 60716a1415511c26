package api

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// CollectRequest collects every stream now.
type CollectRequest struct {
	Write
	// Sources are those asked for; all if there is none.
	Sources []string `json:"sources,omitempty"`
}

// Collected is what came of a collection.
type Collected struct {
	Started  time.Time      `json:"started"`
	Finished time.Time      `json:"finished"`
	Streams  []StreamResult `json:"streams"`
	Gaps     GapChange      `json:"gaps"`
	// Missed counts the collections that were due before and that were not made.
	Missed int `json:"missed"`
	// Warnings tell what went wrong beside the collection, such as with an anchor.
	Warnings []string `json:"warnings,omitempty"`
}

// Document returns the result as `collect now --json` prints it.
func (c *Collected) Document() any {
	return struct {
		*Collected
		Missed   struct{} `json:"missed,omitzero"`
		Warnings struct{} `json:"warnings,omitzero"`
	}{Collected: c}
}

// Complete reports whether every stream was collected completely.
func (c *Collected) Complete() bool {
	for _, s := range c.Streams {
		if !s.Outcome.Complete() {
			return false
		}
	}
	return true
}

// StreamResult is how the collection of one stream ended.
type StreamResult struct {
	Stream   string           `json:"stream"`
	Outcome  evidence.Outcome `json:"outcome"`
	Reason   string           `json:"reason"`
	Rows     int              `json:"rows"`
	Pages    int              `json:"pages"`
	Requests int              `json:"requests"`
}

// GapChange counts gaps that opened and closed.
type GapChange struct {
	Opened int `json:"opened"`
	Closed int `json:"closed"`
	Open   int `json:"open"`
}

// AnchorRequest shows the newest checkpoint to every configured anchor.
type AnchorRequest struct{ Write }

// Anchored is what `store anchor --json` prints: an entry for each anchor that had not seen it.
type Anchored struct {
	Anchors []evidence.Anchor `json:"anchors"`
}
