package api

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// ReviewsRequest asks for the access reviews.
type ReviewsRequest struct{}

// Reviews is what `review list --json` prints, newest first.
type Reviews struct {
	Reviews []ReviewSummary `json:"reviews"`
}

// ReviewSummary is an access review, with the decisions counted.
type ReviewSummary struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Status is open, closed or canceled.
	Status  string                  `json:"status"`
	Opened  time.Time               `json:"opened"`
	By      string                  `json:"by"`
	AsOf    time.Time               `json:"as_of"`
	Due     *time.Time              `json:"due,omitempty"`
	Closed  *time.Time              `json:"closed,omitempty"`
	Signed  string                  `json:"signed,omitempty"` // who signed it off
	Sources []evidence.ReviewSource `json:"sources"`
	// Rows counts the rows, Undecided those without a decision.
	Rows      int `json:"rows"`
	Undecided int `json:"undecided"`
	Keep      int `json:"keep"`
	Revoke    int `json:"revoke"`
	Modify    int `json:"modify"`
	// Privileged, Machines and Unowned count rows: those that sources call
	// privileged or service accounts, and those of nobody in the roster.
	Privileged int `json:"privileged"`
	Machines   int `json:"machines"`
	Unowned    int `json:"unowned"`
}

// ReviewRow is one account, or one thing that it was granted, with the last decision on it.
type ReviewRow struct {
	// Key names the row: it follows from stream, id and grant.
	Key    string          `json:"key"`
	Stream evidence.Stream `json:"stream"`
	ID     string          `json:"id"`
	// Account is what a person calls it, Email its address where it has one.
	Account string `json:"account"`
	Email   string `json:"email,omitempty"`
	// Grant is what was granted, empty of the account itself; GrantKey names it in
	// the source's own terms.
	Grant    string `json:"grant,omitempty"`
	GrantKey string `json:"grant_key,omitempty"`
	// Privileged and Machine are absent where the source does not tell.
	Privileged *bool  `json:"privileged,omitempty"`
	Machine    *bool  `json:"machine,omitempty"`
	LastUsed   string `json:"last_used,omitempty"`
	// Owners are the addresses of the people it belongs to, by the roster.
	Owners   []string  `json:"owners,omitempty"`
	Decision string    `json:"decision,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at,omitzero"`
}

// ReviewRequest asks for one access review.
type ReviewRequest struct {
	Name string `json:"name"`
	// Sheet asks for the rows as a spreadsheet to fill in, too.
	Sheet bool `json:"sheet,omitempty"`
}

// ReviewDetail is one access review with its rows.
type ReviewDetail struct {
	ReviewSummary
	List []ReviewRow `json:"list"`
	// CSV is the sheet, where it was asked for.
	CSV []byte `json:"csv,omitempty"`
}

// OpenReviewRequest freezes who has access.
type OpenReviewRequest struct {
	Write
	Name  string     `json:"name"`
	Title string     `json:"title,omitempty"`
	By    string     `json:"by"`
	Due   *time.Time `json:"due,omitempty"`
	// Sources are those reviewed; all if there is none.
	Sources []string `json:"sources,omitempty"`
}

// DecideReviewRequest decides on rows: those of Decisions, or those of a filled sheet.
type DecideReviewRequest struct {
	Write
	Name      string                 `json:"name"`
	By        string                 `json:"by"`
	Decisions []evidence.RowDecision `json:"decisions,omitempty"`
	// CSV is the filled sheet, SheetName what the person calls it.
	CSV       []byte `json:"csv,omitempty"`
	SheetName string `json:"sheet_name,omitempty"`
}

// ReviewDecided is what `review decide --json` prints.
type ReviewDecided struct {
	ReviewSummary
	Decided int `json:"decided"`
}

// CloseReviewRequest signs a review off.
type CloseReviewRequest struct {
	Write
	Name string `json:"name"`
	By   string `json:"by"`
	// Occurrence is the quarter that it is for, where the day does not tell.
	Occurrence string `json:"for,omitempty"`
}

// ClosedReview is a review that was signed off.
type ClosedReview struct {
	ReviewSummary
	Digest evidence.Hash       `json:"digest"`
	Entry  uint64              `json:"entry"` // of the sheet
	Counts []result.Occurrence `json:"counts"`
	// ByStream counts the rows of each stream, in order.
	ByStream []string `json:"by_stream"`
}

// Document returns the result as `review close --json` prints it.
func (c *ClosedReview) Document() any {
	return struct {
		*ClosedReview
		ByStream struct{} `json:"by_stream,omitzero"`
	}{ClosedReview: c}
}

// CancelReviewRequest ends a review that was opened in error.
type CancelReviewRequest struct {
	Write
	Name   string `json:"name"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// CanceledReview is what `review cancel --json` prints.
type CanceledReview struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Entry  uint64 `json:"entry"`
}
