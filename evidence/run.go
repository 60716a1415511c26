package evidence

import "time"

// ScopeStatus is what became of one part of a stream's scope.
type ScopeStatus string

const (
	// ScopeRead: read whole.
	ScopeRead ScopeStatus = "read"
	// ScopeDenied: the source refused.
	ScopeDenied ScopeStatus = "denied"
	// ScopeFailed: could not be read for another reason.
	ScopeFailed ScopeStatus = "failed"
	// ScopeAbsent: nothing is expected there: a region that a service has not come to,
	// or one that a policy of the organization excludes. The reason says how that is known.
	ScopeAbsent ScopeStatus = "absent"
)

// Unread reports a part that something may be in, and that was not read.
func (s ScopeStatus) Unread() bool { return s != ScopeRead && s != ScopeAbsent }

// ScopeResult is what became of one part of a stream's scope: one region of an
// account, one repository of an organisation.
type ScopeResult struct {
	Scope  Scope       `json:"scope"`
	Status ScopeStatus `json:"status"`
	Reason *Reason     `json:"reason,omitempty"`
}

// Certificate states what one collection asked for and what it got: the IPE of
// a snapshot. A verdict of pass needs one whose Complete is true.
type Certificate struct {
	// Complete is true only if every expected scope was read to its last page.
	Complete bool `json:"complete"`
	// Scopes lists every expected part and what became of it.
	Scopes []ScopeResult `json:"scopes"`
	// Pages, Rows and Requests count what was read and asked; retries are requests too.
	Pages    int `json:"pages"`
	Rows     int `json:"rows"`
	Requests int `json:"requests"`
	// Total is the source's own count, where it states one.
	Total *int `json:"total,omitempty"`
	// Window bounds a population of events.
	Window *Window `json:"window,omitempty"`
	// Mark is where a reading of events ended, in the source's own terms, such as
	// the commit that a branch named. The next window begins after it.
	Mark string `json:"mark,omitempty"`
	// KeptDays is for how many days the source keeps the events of this kind; 0 if
	// it does not say.
	KeptDays int `json:"kept_days,omitempty"`
	// Filters are the parameters that leave something out.
	Filters map[string]string `json:"filters,omitempty"`
	// Redactions names the fields removed before anything was stored.
	Redactions []string `json:"redactions,omitempty"`
	// Principal is who asked, in the source's own words.
	Principal string `json:"principal,omitempty"`
	// Endpoints are the hosts asked.
	Endpoints []string  `json:"endpoints,omitempty"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended"`
	// ClockOffsetMS is our clock minus the source's (HTTP Date), in milliseconds;
	// absent when the source stated no time.
	ClockOffsetMS *int64 `json:"clock_offset_ms,omitempty"`
	// Schema fingerprints the names and types of the attributes seen.
	Schema string `json:"schema,omitempty"`
	// Collector is the version of the code that read, Rules the digest of what it declared.
	Collector string `json:"collector"`
	Rules     string `json:"rules"`
}

// Ref names a blob by the hash of its canonical bytes.
type Ref struct {
	Hash  Hash  `json:"hash"`
	Size  int64 `json:"size"`
	Count int   `json:"count"`
}

// Run is how one slot ended.
type Run struct {
	Slot
	Outcome Outcome `json:"outcome"`
	// Reason says why the slot did not end collected.
	Reason      *Reason      `json:"reason,omitempty"`
	Certificate *Certificate `json:"certificate,omitempty"`
	// Records and Exchanges name the blobs of the snapshot, where there is one.
	Records   *Ref `json:"records,omitempty"`
	Exchanges *Ref `json:"exchanges,omitempty"`
}

// Observed is when the facts of the run were true at the latest: the end of
// the reading, or the due time of a slot that nobody filled.
func (r Run) Observed() time.Time {
	if r.Certificate != nil {
		return r.Certificate.Ended
	}
	return r.Due
}
