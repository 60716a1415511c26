package ops

import (
	"context"
	"io"
	"iter"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// Service is what may be asked of a store, in this process or in the daemon
// that holds it. Errors carry a code (api.CodeOf).
type Service interface {
	Status(context.Context, api.StatusRequest) (*api.Status, error)
	Readiness(context.Context, api.ReadinessRequest) (*api.Readiness, error)
	Gaps(context.Context, api.GapsRequest) (*api.GapList, error)
	Gap(context.Context, api.GapRequest) (*api.GapDetail, error)
	// DecideGap accepts a gap, or responds to one.
	DecideGap(context.Context, api.DecideRequest) (*api.Decided, error)
	Changes(context.Context, api.ChangesRequest) (*api.ChangeList, error)
	Change(context.Context, api.ChangeRequest) (*api.ChangeDetail, error)

	Collections(context.Context, api.CollectionsRequest) (*api.Collections, error)
	Entry(context.Context, api.EntryRequest) (*api.EntryDetail, error)
	History(context.Context, api.HistoryRequest) (*api.History, error)
	Uploads(context.Context, api.UploadsRequest) (*api.Uploads, error)
	// AddEvidence keeps files in the log. Each is read once.
	AddEvidence(context.Context, api.AddEvidenceRequest, []api.File) (*api.AddedEvidence, error)
	// EvidenceFile writes the content of one uploaded file to w.
	EvidenceFile(ctx context.Context, req api.EvidenceFileRequest, w io.Writer) (*api.FileCopied, error)
	Corroborate(context.Context, api.CorroborateRequest) (*api.Corroborations, error)

	Reviews(context.Context, api.ReviewsRequest) (*api.Reviews, error)
	Review(context.Context, api.ReviewRequest) (*api.ReviewDetail, error)
	OpenReview(context.Context, api.OpenReviewRequest) (*api.ReviewSummary, error)
	DecideReview(context.Context, api.DecideReviewRequest) (*api.ReviewDecided, error)
	CloseReview(context.Context, api.CloseReviewRequest) (*api.ClosedReview, error)
	CancelReview(context.Context, api.CancelReviewRequest) (*api.CanceledReview, error)

	// Sample draws; where population is not nil, the population of the only kind
	// is written to it as it is hashed: canonical JSON lines.
	Sample(ctx context.Context, req api.SampleRequest, population io.Writer) (*api.Sample, error)
	// Export writes the bundle, a ZIP file, to w.
	Export(ctx context.Context, req api.ExportRequest, w io.Writer, progress api.ProgressFunc) (*api.Exported, error)
	BridgeLetter(context.Context, api.BridgeRequest) (*api.BridgeLetter, error)

	// Collect collects every stream of the named sources, or of all, once, and judges what was read.
	Collect(ctx context.Context, req api.CollectRequest, progress api.ProgressFunc) (*api.Collected, error)
	Anchor(context.Context, api.AnchorRequest) (*api.Anchored, error)
}

// Signer signs for a log.
type Signer struct {
	// Verifier is the public key, in the form of a C2SP note verifier key.
	Verifier string
	// Sign returns a signed note of a text that ends in a newline.
	Sign func(text string) ([]byte, error)
}

// Store is what operations need of an open store.
type Store interface {
	evidence.Log
	Runs() iter.Seq2[evidence.Run, error]
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
	Leaves(from uint64) iter.Seq2[[]byte, error]
	Lines(evidence.Ref) iter.Seq2[evidence.Line, error]
	Records(evidence.Ref) iter.Seq2[evidence.Record, error]
	Exchanges(evidence.Ref) iter.Seq2[evidence.Exchange, error]
	History(stream evidence.Stream, scope evidence.Scope, id string) iter.Seq2[store.State, error]
	Blob(evidence.Hash) (io.ReadCloser, error)
	// Size is the number of entries.
	Size() (uint64, error)
	Checkpoint() (signed []byte, size uint64, err error)
	Checkpoints() iter.Seq2[evidence.Checkpoint, error]
	Proof(index, size uint64) ([]evidence.Hash, error)
	Consistency(older, newer uint64) ([]evidence.Hash, error)
	VerifierKey() string
	// KeptError is why the newest checkpoint could not be kept beside the signing key.
	KeptError() error
	State
	Close() error
}
