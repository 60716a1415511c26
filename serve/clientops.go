package serve

import (
	"context"
	"io"

	"github.com/evidenced/evidenced/api"
)

// Status implements ops.Service.
func (c *Client) Status(ctx context.Context, req api.StatusRequest) (*api.Status, error) {
	return plainly[api.Status](ctx, c, pathStatus, req)
}

// Readiness implements ops.Service.
func (c *Client) Readiness(ctx context.Context, req api.ReadinessRequest) (*api.Readiness, error) {
	return plainly[api.Readiness](ctx, c, pathReadiness, req)
}

// Gaps implements ops.Service.
func (c *Client) Gaps(ctx context.Context, req api.GapsRequest) (*api.GapList, error) {
	return plainly[api.GapList](ctx, c, pathGaps, req)
}

// Gap implements ops.Service.
func (c *Client) Gap(ctx context.Context, req api.GapRequest) (*api.GapDetail, error) {
	return plainly[api.GapDetail](ctx, c, pathGap, req)
}

// DecideGap implements ops.Service.
func (c *Client) DecideGap(ctx context.Context, req api.DecideRequest) (*api.Decided, error) {
	return plainly[api.Decided](ctx, c, pathDecisions, req)
}

// Changes implements ops.Service.
func (c *Client) Changes(ctx context.Context, req api.ChangesRequest) (*api.ChangeList, error) {
	return plainly[api.ChangeList](ctx, c, pathChanges, req)
}

// Change implements ops.Service.
func (c *Client) Change(ctx context.Context, req api.ChangeRequest) (*api.ChangeDetail, error) {
	return plainly[api.ChangeDetail](ctx, c, pathChange, req)
}

// Collections implements ops.Service.
func (c *Client) Collections(ctx context.Context, req api.CollectionsRequest) (*api.Collections, error) {
	return plainly[api.Collections](ctx, c, pathCollections, req)
}

// Entry implements ops.Service.
func (c *Client) Entry(ctx context.Context, req api.EntryRequest) (*api.EntryDetail, error) {
	return plainly[api.EntryDetail](ctx, c, pathEntry, req)
}

// History implements ops.Service.
func (c *Client) History(ctx context.Context, req api.HistoryRequest) (*api.History, error) {
	return plainly[api.History](ctx, c, pathHistory, req)
}

// Uploads implements ops.Service.
func (c *Client) Uploads(ctx context.Context, req api.UploadsRequest) (*api.Uploads, error) {
	return plainly[api.Uploads](ctx, c, pathUploads, req)
}

// Corroborate implements ops.Service.
func (c *Client) Corroborate(ctx context.Context, req api.CorroborateRequest) (*api.Corroborations, error) {
	return plainly[api.Corroborations](ctx, c, pathCorroborate, req)
}

// Reviews implements ops.Service.
func (c *Client) Reviews(ctx context.Context, req api.ReviewsRequest) (*api.Reviews, error) {
	return plainly[api.Reviews](ctx, c, pathReviews, req)
}

// Review implements ops.Service.
func (c *Client) Review(ctx context.Context, req api.ReviewRequest) (*api.ReviewDetail, error) {
	return plainly[api.ReviewDetail](ctx, c, pathReview, req)
}

// OpenReview implements ops.Service.
func (c *Client) OpenReview(ctx context.Context, req api.OpenReviewRequest) (*api.ReviewSummary, error) {
	return plainly[api.ReviewSummary](ctx, c, pathReviewOpen, req)
}

// DecideReview implements ops.Service.
func (c *Client) DecideReview(ctx context.Context, req api.DecideReviewRequest) (*api.ReviewDecided, error) {
	return plainly[api.ReviewDecided](ctx, c, pathReviewSet, req)
}

// CloseReview implements ops.Service.
func (c *Client) CloseReview(ctx context.Context, req api.CloseReviewRequest) (*api.ClosedReview, error) {
	return plainly[api.ClosedReview](ctx, c, pathReviewClose, req)
}

// CancelReview implements ops.Service.
func (c *Client) CancelReview(ctx context.Context, req api.CancelReviewRequest) (*api.CanceledReview, error) {
	return plainly[api.CanceledReview](ctx, c, pathReviewStop, req)
}

// BridgeLetter implements ops.Service.
func (c *Client) BridgeLetter(ctx context.Context, req api.BridgeRequest) (*api.BridgeLetter, error) {
	return plainly[api.BridgeLetter](ctx, c, pathBridge, req)
}

// Anchor implements ops.Service.
func (c *Client) Anchor(ctx context.Context, req api.AnchorRequest) (*api.Anchored, error) {
	return plainly[api.Anchored](ctx, c, pathAnchor, req)
}

// EvidenceFile implements ops.Service.
func (c *Client) EvidenceFile(ctx context.Context, req api.EvidenceFileRequest, w io.Writer) (*api.FileCopied, error) {
	return inFrames[api.FileCopied](ctx, c, pathFile, req, w, nil)
}

// Sample implements ops.Service.
func (c *Client) Sample(ctx context.Context, req api.SampleRequest, w io.Writer) (*api.Sample, error) {
	if w == nil {
		return plainly[api.Sample](ctx, c, pathSample, req)
	}
	return inFrames[api.Sample](ctx, c, pathPopulation, req, w, nil)
}

// Export implements ops.Service.
func (c *Client) Export(ctx context.Context, req api.ExportRequest, w io.Writer, progress api.ProgressFunc) (*api.Exported, error) {
	return inFrames[api.Exported](ctx, c, pathExport, req, w, progress)
}

// Collect implements ops.Service.
func (c *Client) Collect(ctx context.Context, req api.CollectRequest, progress api.ProgressFunc) (*api.Collected, error) {
	return inFrames[api.Collected](ctx, c, pathCollect, req, nil, progress)
}
