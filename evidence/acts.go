package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// What people do: they accept gaps, answer them, bring evidence by hand. Each
// act is an entry of the log; its time is when the log took it.

// DecisionVerb says what a Decision does.
type DecisionVerb string

const (
	// Accept: the gap is known and accepted until a day.
	Accept DecisionVerb = "accept"
	// Respond: what management says of the gap; it changes no state.
	Respond DecisionVerb = "respond"
)

// Decision is the body of an EntryDecision: what a named person decided on a gap.
type Decision struct {
	Verb DecisionVerb `json:"verb"`
	Gap  string       `json:"gap"`
	// Reason is why a gap is accepted, or the response itself.
	Reason string `json:"reason"`
	// Approver is who decided, by name or address.
	Approver string `json:"approver"`
	// Until ends an acceptance: from then on the gap is open again.
	Until *time.Time `json:"until,omitempty"`
	// By is who wrote it down, where that is not the approver.
	By string `json:"by,omitempty"`
}

// Validate reports a decision that nobody could rely on.
func (d Decision) Validate() error {
	switch {
	case d.Verb != Accept && d.Verb != Respond:
		return fmt.Errorf("decision %q is neither accept nor respond", d.Verb)
	case d.Gap == "" || d.Reason == "" || d.Approver == "":
		return errors.New("a decision names the gap, the reason and the person who made it")
	case d.Verb == Accept && d.Until == nil:
		return errors.New("a gap is accepted until a day; there is no acceptance for ever")
	}
	return nil
}

// Upload is the body of an EntryUpload: evidence that a person brought. The
// entry's blobs are its files, in the order of Files.
type Upload struct {
	Title string `json:"title"`
	// Controls and Duties are the ids of what it is evidence for.
	Controls []string `json:"controls,omitempty"`
	Duties   []string `json:"duties,omitempty"`
	// Occurrence is the one that it is for, such as 2026-Q1, where the day does not tell.
	Occurrence string `json:"occurrence,omitempty"`
	// Effective is the day on which the duty was done or the document was in force.
	Effective time.Time `json:"effective"`
	// Expires is from when on it proves nothing any more, if it says so itself.
	Expires *time.Time `json:"expires,omitempty"`
	// By is who brought it.
	By    string       `json:"by"`
	Note  string       `json:"note,omitempty"`
	Files []UploadFile `json:"files"`
}

// UploadFile describes one file of an upload.
type UploadFile struct {
	Name string `json:"name"`
	Hash Hash   `json:"hash"`
	Size int64  `json:"size"`
}

// Validate reports an upload that is no evidence of anything.
func (u Upload) Validate() error {
	switch {
	case u.Title == "" || u.By == "":
		return errors.New("manual evidence names what it is and who brought it")
	case len(u.Controls)+len(u.Duties) == 0:
		return errors.New("manual evidence names the control or the duty that it is for")
	case u.Effective.IsZero():
		return errors.New("manual evidence names the day that it speaks of")
	case u.Expires != nil && !u.Expires.After(u.Effective):
		return errors.New("manual evidence expires after the day that it speaks of")
	}
	return nil
}

// LogWentBack is the event of an EntryAgent whose body is a Rollback.
const LogWentBack = "log_went_back"

// Rollback says that the log did not begin with the log that its key had signed,
// and that somebody went on with it all the same.
type Rollback struct {
	Event string `json:"event"` // LogWentBack
	// Had is how many entries the key had signed, Has how many there were.
	Had uint64 `json:"had"`
	Has uint64 `json:"has"`
	// Checkpoint is the signed checkpoint of the log as it was: the proof of what is missing.
	Checkpoint string `json:"checkpoint"`
	// By went on with it, for this reason; empty until somebody has.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Act is what one entry says that a person did; one of the members is set.
type Act struct {
	Entry    uint64
	At       time.Time
	Decision *Decision
	Upload   *Upload
	Rollback *Rollback `json:",omitempty"`
}

// ActOf returns what an entry says that a person did; not ok if it says nothing of the kind.
func ActOf(e Entry) (a Act, ok bool, err error) {
	a = Act{Entry: e.Index, At: e.Recorded}
	switch e.Type {
	case EntryDecision:
		a.Decision = new(Decision)
		err = e.DecodeBody(EntryDecision, a.Decision)
		if err == nil {
			err = a.Decision.Validate()
		}
	case EntryUpload:
		a.Upload = new(Upload)
		err = e.DecodeBody(EntryUpload, a.Upload)
		if err == nil {
			err = a.Upload.Validate()
		}
	case EntryAgent:
		if a.Rollback = rollbackOf(e); a.Rollback == nil {
			return a, false, nil
		}
	default:
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	return a, true, nil
}

// rollbackOf returns what an entry says of a log that went back; nil if it says nothing of it.
func rollbackOf(e Entry) *Rollback {
	var r Rollback
	if !bytes.Contains(e.Body, []byte(LogWentBack)) || json.Unmarshal(e.Body, &r) != nil || r.Event != LogWentBack {
		return nil
	}
	return &r
}

// Acts returns what people did, in the order of the log.
func Acts(entries iter.Seq2[Entry, error]) (acts []Act, err error) {
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		a, ok, err := ActOf(e)
		if err != nil {
			return nil, err
		}
		if ok {
			acts = append(acts, a)
		}
	}
	return acts, nil
}

// SourceReview is the source of the streams that access reviews leave. They are
// written down once, and have no schedule.
const SourceReview = "review"

// ReviewVerb says what a step of an access review does.
type ReviewVerb string

const (
	// ReviewOpen freezes who has access; Rows names the list.
	ReviewOpen ReviewVerb = "open"
	// ReviewDecide decides on rows; of each row the last decision counts.
	ReviewDecide ReviewVerb = "decide"
	// ReviewClose signs the decisions off.
	ReviewClose ReviewVerb = "close"
	// ReviewCancel ends a campaign that was opened in error.
	ReviewCancel ReviewVerb = "cancel"
)

// ReviewStep is the body of an EntryReview: one step of a campaign.
type ReviewStep struct {
	Campaign string     `json:"campaign"`
	Step     ReviewVerb `json:"step"`
	// By is who took the step.
	By string `json:"by"`
	// Of the first step: what is reviewed, as of when, by when, and how many rows
	// the entry's one blob holds. Sources are the streams it was frozen from.
	Title   string         `json:"title,omitempty"`
	AsOf    *time.Time     `json:"as_of,omitempty"`
	Due     *time.Time     `json:"due,omitempty"`
	Count   int            `json:"count,omitempty"`
	Sources []ReviewSource `json:"sources,omitempty"`
	// Of a decision.
	Decisions []RowDecision `json:"decisions,omitempty"`
	// Digest is, of a sign-off, the SHA-256 of the canonical JSON lines of all rows with their decisions.
	Digest *Hash  `json:"digest,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// ReviewSource is one stream that a campaign was frozen from.
type ReviewSource struct {
	Stream Stream    `json:"stream"`
	Read   time.Time `json:"read"`
}

// RowDecision is what the reviewer decided on one row.
type RowDecision struct {
	Row string `json:"row"`
	// Decision is keep, revoke or modify.
	Decision string `json:"decision"`
	Reason   string `json:"reason,omitempty"`
}
