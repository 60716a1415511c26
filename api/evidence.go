package api

import (
	"io"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// CollectionsRequest asks for the scheduled collections and how they ended.
type CollectionsRequest struct {
	// Stream is how the streams asked for begin, such as aws/aws.iam.user.
	Stream string `json:"stream,omitempty"`
	// Limit is how many at most; 0 for all.
	Limit int `json:"limit"`
}

// Collections is what `evidence list --json` prints, newest first.
type Collections struct {
	Slots []Collection `json:"slots"`
}

// Collection is one collection of a stream, as it ended.
type Collection struct {
	// ID is the number of its entry in the log.
	ID       uint64           `json:"id"`
	Stream   string           `json:"stream"`
	Due      time.Time        `json:"due"`
	Trigger  evidence.Trigger `json:"trigger"`
	Outcome  evidence.Outcome `json:"outcome"`
	Reason   string           `json:"reason"`
	Recorded time.Time        `json:"recorded"`
	Rows     int              `json:"rows"`
}

// EntryRequest asks for one entry of the log.
type EntryRequest struct {
	ID        uint64 `json:"id"`
	Records   bool   `json:"records,omitempty"`
	Exchanges bool   `json:"exchanges,omitempty"`
}

// EntryDetail is what `evidence show --json` prints.
type EntryDetail struct {
	evidence.Entry
	Records   []evidence.Record   `json:"records,omitempty"`
	Exchanges []evidence.Exchange `json:"exchanges,omitempty"`
}

// UploadsRequest asks for the evidence that people uploaded.
type UploadsRequest struct {
	Limit int `json:"limit"`
}

// Uploads is what `evidence list --manual --json` prints, newest first.
type Uploads struct {
	Uploads []UploadLine `json:"uploads"`
}

// UploadLine is one upload.
type UploadLine struct {
	ID       uint64    `json:"id"`
	Recorded time.Time `json:"recorded"`
	evidence.Upload
}

// HistoryRequest asks for every state of one resource.
type HistoryRequest struct {
	Stream string         `json:"stream"`
	ID     string         `json:"id"`
	Scope  evidence.Scope `json:"scope,omitempty"`
}

// History is what `evidence history --json` prints.
type History struct {
	Stream evidence.Stream `json:"stream"`
	Scope  evidence.Scope  `json:"scope"`
	ID     string          `json:"id"`
	States []ResourceState `json:"states"`
}

// ResourceState is one state of a resource.
type ResourceState struct {
	// Time is when the snapshot had been read, Entry its number in the log.
	Time  time.Time `json:"time"`
	Entry uint64    `json:"entry"`
	// Gone: a complete snapshot did not have the resource any more; Record is null then.
	Gone    bool              `json:"gone"`
	Changes []AttributeChange `json:"changes"`
	Record  *evidence.Record  `json:"record"`
}

// AttributeChange is one attribute that changed; a value that is absent is null.
type AttributeChange struct {
	Attribute string `json:"attribute"`
	Old       any    `json:"old"`
	New       any    `json:"new"`
}

// File is a file that comes with a request.
type File struct {
	Name string
	// Open begins to read it. It may be called more than once.
	Open func() (io.ReadCloser, error)
}

// AddEvidenceRequest uploads evidence of activities or controls. Upload.Files is
// left empty: the files come beside the request.
type AddEvidenceRequest struct {
	Write
	Upload evidence.Upload `json:"upload"`
}

// AddedEvidence is what `evidence add --json` prints.
type AddedEvidence struct {
	Entry    uint64          `json:"entry"`
	Recorded time.Time       `json:"recorded"`
	Upload   evidence.Upload `json:"upload"`
	// Counts are the occurrences of activities that it fulfills.
	Counts []result.Occurrence `json:"counts"`
}

// EvidenceFileRequest asks for the content of one file of an upload.
type EvidenceFileRequest struct {
	ID   uint64 `json:"id"`
	Name string `json:"name"`
}

// FileCopied tells what was written.
type FileCopied struct {
	Bytes  int64         `json:"bytes"`
	SHA256 evidence.Hash `json:"sha256"`
}

// CorroborateRequest compares our requests with what the sources' own logs say of them.
type CorroborateRequest struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Corroborations is what `corroborate --json` prints.
type Corroborations struct {
	Corroborations []Corroboration `json:"corroborations"`
}

// Corroboration is what a source's log says of our requests in one window of one scope.
type Corroboration struct {
	Stream evidence.Stream `json:"stream"`
	Window evidence.Window `json:"window"`
	// Asked are our requests with an id, Told those of them that the source's log has.
	Asked int `json:"asked"`
	Told  int `json:"told"`
	// Silent counts, by call, the requests that the source's log does not have.
	Silent map[string]int `json:"silent"`
	// Apart are requests that the source's log has at another time.
	Apart []TimeMismatch `json:"apart"`
	// Foreign are requests of our principal that we have not recorded.
	Foreign []ForeignRequest `json:"foreign"`
}

// Agrees reports whether nothing contradicts our own record.
func (c Corroboration) Agrees() bool {
	return len(c.Apart) == 0 && len(c.Foreign) == 0 && (c.Told > 0 || c.Asked == 0)
}

// TimeMismatch is a request that the source has at another time.
type TimeMismatch struct {
	RequestID string    `json:"request_id"`
	Call      string    `json:"call"`
	Ours      time.Time `json:"ours"`
	Theirs    time.Time `json:"theirs"`
}

// ForeignRequest is a request of our principal that is not in our record.
type ForeignRequest struct {
	RequestID string    `json:"request_id"`
	Event     string    `json:"event"`
	Time      time.Time `json:"time"`
	SourceIP  string    `json:"source_ip,omitempty"`
}
