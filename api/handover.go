package api

import (
	"time"

	"github.com/evidenced/evidenced/gap/result"
)

// ExportRequest writes the bundle of a period.
type ExportRequest struct {
	AsOf time.Time `json:"as_of,omitzero"`
	// From and To bound the period; the configured one where they are zero.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Controls are the only ones that the bundle is of; empty means all.
	Controls []string `json:"controls,omitempty"`
}

// Exported tells what a bundle holds.
type Exported struct {
	Files    int    `json:"files"`
	Bytes    int64  `json:"bytes"` // unpacked
	Entries  uint64 `json:"entries"`
	Complete bool   `json:"complete"`
	// Key is the one to hand to the auditor by another way than the bundle.
	Key string `json:"key"`
}

// BridgeRequest drafts a bridge letter.
type BridgeRequest struct {
	// Until is the last day that it covers.
	Until time.Time `json:"until"`
}

// LogFact is one entry of the log that a letter speaks of.
type LogFact struct {
	Entry uint64    `json:"entry"`
	At    time.Time `json:"at"`
	What  string    `json:"what"`
}

// BridgeLetter is what `bridge-letter --json` prints.
type BridgeLetter struct {
	Organization string        `json:"organization"`
	Period       result.Period `json:"period"`
	Type         string        `json:"type"`
	Until        time.Time     `json:"until"`
	Days         int           `json:"days"`
	// Entries and Root are those of the newest checkpoint of the log.
	Entries uint64 `json:"entries"`
	Root    string `json:"root"`
	// PeriodEntries and PeriodRoot are those of the last checkpoint of the period; empty if there is none.
	PeriodEntries uint64       `json:"period_entries"`
	PeriodRoot    string       `json:"period_root"`
	Changes       []LogFact    `json:"changes"`
	Scopes        []result.Gap `json:"scopes"`
	Open          []result.Gap `json:"open"`
	Incidents     []LogFact    `json:"incidents"`
	// Slots are the ones since the period ended.
	Slots    result.SlotCounts `json:"slots"`
	Warnings []string          `json:"warnings"`
	Text     string            `json:"text"`
}
