package review

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// The decisions on a row.
const (
	Keep   = "keep"
	Revoke = "revoke"
	Modify = "modify"
)

// Status is what has become of a campaign.
type Status string

// The states of a campaign.
const (
	Open     Status = "open"
	Closed   Status = "closed"
	Canceled Status = "canceled"
)

// Row is one account, or one thing that it was granted.
type Row struct {
	// Key names the row: it follows from stream, id and grant.
	Key    string          `json:"key"`
	Stream evidence.Stream `json:"stream"`
	ID     string          `json:"id"`
	// Account is what a person calls it, Email its address where it has one.
	Account string `json:"account"`
	Email   string `json:"email,omitempty"`
	// Grant is what was granted; empty of the account itself.
	Grant string `json:"grant,omitempty"`
	// GrantKey names it in the source's own terms, whatever it is called.
	GrantKey string `json:"grant_key,omitempty"`
	// Privileged and Machine are absent where the source does not tell.
	Privileged *bool  `json:"privileged,omitempty"`
	Machine    *bool  `json:"machine,omitempty"`
	LastUsed   string `json:"last_used,omitempty"`
	// Owners are the addresses of the people it belongs to, by the roster.
	Owners []string `json:"owners,omitempty"`
}

// Decided is a row with its last decision.
type Decided struct {
	Row
	Decision string    `json:"decision,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at,omitzero"`
}

// Self reports whether who decided owns the account.
func (d Decided) Self() bool { return d.owns(d.By) }

// owns reports whether the account is that of who: by the roster, or by its own
// name or address. How it is written makes no difference.
func (r Row) owns(who string) bool {
	return slices.ContainsFunc(append([]string{r.Email, r.Account}, r.Owners...), func(o string) bool { return o != "" && strings.EqualFold(o, strings.TrimSpace(who)) })
}

// Campaign is one access review.
type Campaign struct {
	ID      string                  `json:"id"`
	Title   string                  `json:"title"`
	Status  Status                  `json:"status"`
	Opened  time.Time               `json:"opened"`
	By      string                  `json:"by"`
	AsOf    time.Time               `json:"as_of"`
	Due     *time.Time              `json:"due,omitempty"`
	Closed  *time.Time              `json:"closed,omitempty"`
	Signed  string                  `json:"signed,omitempty"` // who signed it off
	Sources []evidence.ReviewSource `json:"sources"`
	Rows    []Decided               `json:"-"`
	// Count and Undecided count the rows.
	Count     int `json:"rows"`
	Undecided int `json:"undecided"`

	index map[string]int
}

// Blobs reads what the log keeps.
type Blobs interface {
	Blob(evidence.Hash) (io.ReadCloser, error)
}

// Campaigns gives every campaign of the log, in the order in which they were opened.
func Campaigns(entries iter.Seq2[evidence.Entry, error], blobs Blobs) ([]*Campaign, error) {
	var all []*Campaign
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if e.Type != evidence.EntryReview {
			continue
		}
		var step evidence.ReviewStep
		if err := e.DecodeBody(evidence.EntryReview, &step); err != nil {
			return nil, err
		}
		if all, err = take(all, e, step, blobs); err != nil {
			return nil, fmt.Errorf("entry %d: access review %s: %w", e.Index, step.Campaign, err)
		}
	}
	return all, nil
}

func take(all []*Campaign, e evidence.Entry, step evidence.ReviewStep, blobs Blobs) ([]*Campaign, error) {
	c := Find(all, step.Campaign)
	if step.Step == evidence.ReviewOpen {
		if c != nil {
			return nil, errors.New("it was opened before")
		}
		c, err := open(e, step, blobs)
		return append(all, c), err
	}
	if c == nil || c.Status != Open {
		return nil, errors.New("it is not open")
	}
	at := e.Recorded
	switch step.Step {
	case evidence.ReviewDecide:
		return all, c.decide(step.Decisions, step.By, at)
	case evidence.ReviewClose:
		if d := c.Digest(); step.Digest == nil || *step.Digest != d {
			return nil, fmt.Errorf("what was signed is not what was decided, %s", d)
		}
		c.Status, c.Closed, c.Signed = Closed, &at, step.By
	case evidence.ReviewCancel:
		c.Status, c.Closed, c.Signed = Canceled, &at, step.By
	default:
		return nil, fmt.Errorf("%q is no step of a review", step.Step)
	}
	return all, nil
}

func open(e evidence.Entry, step evidence.ReviewStep, blobs Blobs) (*Campaign, error) {
	if len(e.Blobs) != 1 || step.AsOf == nil {
		return nil, errors.New("it names no rows")
	}
	r, err := blobs.Blob(e.Blobs[0].Hash)
	if err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	defer r.Close()
	c := &Campaign{ID: step.Campaign, Title: step.Title, Status: Open, Opened: e.Recorded, By: step.By, AsOf: *step.AsOf, Due: step.Due, Sources: step.Sources}
	for row, err := range evidence.ReadLines[Row](r) {
		if err != nil {
			return nil, fmt.Errorf("read the rows: %w", err)
		}
		c.Rows = append(c.Rows, Decided{Row: row})
	}
	return c, c.reindex()
}

func (c *Campaign) reindex() error {
	c.index = map[string]int{}
	for i, r := range c.Rows {
		if _, twice := c.index[r.Key]; twice || r.Key == "" {
			return fmt.Errorf("row %q stands in it twice, or has no key", r.Key)
		}
		c.index[r.Key] = i
	}
	c.Count, c.Undecided = len(c.Rows), len(c.Rows)
	return nil
}

// Find gives the campaign of that id; nil if there is none.
func Find(all []*Campaign, id string) *Campaign {
	if i := slices.IndexFunc(all, func(c *Campaign) bool { return c.ID == id }); i >= 0 {
		return all[i]
	}
	return nil
}

// Check reports decisions that by may not make: of rows that are not there, of
// no known verb, without the reason that a revocation, a change or one's own
// account needs.
func (c *Campaign) Check(ds []evidence.RowDecision, by string) error {
	var errs []error
	for _, d := range ds {
		i, there := c.index[d.Row]
		switch {
		case !there:
			errs = append(errs, fmt.Errorf("row %q is not in review %s", d.Row, c.ID))
		case d.Decision != Keep && d.Decision != Revoke && d.Decision != Modify:
			errs = append(errs, fmt.Errorf("row %s: decision %q is none of keep, revoke, modify", d.Row, d.Decision))
		case d.Decision != Keep && d.Reason == "":
			errs = append(errs, fmt.Errorf("row %s (%s): %s needs a reason", d.Row, c.Rows[i].Account, d.Decision))
		case c.Rows[i].owns(by) && d.Reason == "":
			errs = append(errs, fmt.Errorf("row %s (%s) is your own: let another person decide, or give the reason why nobody else can", d.Row, c.Rows[i].Account))
		}
	}
	return errors.Join(errs...)
}

func (c *Campaign) decide(ds []evidence.RowDecision, by string, at time.Time) error {
	if err := c.Check(ds, by); err != nil {
		return err
	}
	for _, d := range ds {
		r := &c.Rows[c.index[d.Row]]
		if r.Decision == "" {
			c.Undecided--
		}
		r.Decision, r.Reason, r.By, r.At = d.Decision, d.Reason, by, at
	}
	return nil
}

// Decide applies decisions that are not in the log yet.
func (c *Campaign) Decide(ds []evidence.RowDecision, by string, at time.Time) error {
	return c.decide(ds, by, at)
}

// Digest is the SHA-256 of the canonical JSON lines of all rows with their decisions.
func (c *Campaign) Digest() evidence.Hash {
	var b bytes.Buffer
	for _, r := range c.Rows {
		line, err := evidence.Canonical(r)
		if err != nil {
			panic(err) // rows were read from canonical JSON
		}
		b.Write(append(line, '\n'))
	}
	return evidence.HashOf(b.Bytes())
}

// Lines gives the rows as a blob holds them.
func Lines(rows []Row) ([]byte, error) { return evidence.Lines(rows) }

// NewKey names a row.
func NewKey(stream evidence.Stream, scope evidence.Scope, id, grant string) string {
	sum := evidence.HashOf([]byte(stream.String() + "\x00" + string(scope) + "\x00" + id + "\x00" + grant))
	return sum.String()[:12]
}

func compareRows(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Stream.String(), b.Stream.String()), cmp.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Grant, b.Grant))
}
