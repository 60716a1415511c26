package serve

import (
	"context"
	"io"
	"net/http"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops"
)

// operation is one operation of the API, as it is served.
type operation struct {
	pattern string // method and path
	serve   func(l *Local, w http.ResponseWriter, r *http.Request)
}

// The paths that the client needs as well.
const (
	pathStatus      = "GET /v1/status"
	pathReadiness   = "GET /v1/readiness"
	pathGaps        = "GET /v1/gaps"
	pathGap         = "GET /v1/gaps/{id}"
	pathDecisions   = "POST /v1/decisions"
	pathCollections = "GET /v1/evidence"
	pathEntry       = "GET /v1/evidence/{id}"
	pathFile        = "GET /v1/evidence/{id}/files/{name}"
	pathHistory     = "GET /v1/history"
	pathUploads     = "GET /v1/uploads"
	pathUpload      = "POST /v1/uploads"
	pathCorroborate = "GET /v1/corroborations"
	pathReviews     = "GET /v1/reviews"
	pathReview      = "GET /v1/reviews/{name}"
	pathReviewOpen  = "POST /v1/reviews"
	pathReviewSet   = "POST /v1/reviews/{name}/decisions"
	pathReviewClose = "POST /v1/reviews/{name}/close"
	pathReviewStop  = "POST /v1/reviews/{name}/cancel"
	pathSample      = "GET /v1/sample"
	pathPopulation  = "GET /v1/population"
	pathExport      = "GET /v1/bundle"
	pathBridge      = "GET /v1/bridge-letter"
	pathCollect     = "POST /v1/collect"
	pathAnchor      = "POST /v1/anchor"
)

// operations are all of them; docs/api.yaml describes each.
var operations = []operation{
	plain(pathStatus, ops.Service.Status),
	plain(pathReadiness, ops.Service.Readiness),
	plain(pathGaps, ops.Service.Gaps),
	plain(pathGap, ops.Service.Gap),
	plain(pathDecisions, ops.Service.DecideGap),
	plain(pathCollections, ops.Service.Collections),
	plain(pathEntry, ops.Service.Entry),
	streamed(pathFile, func(s ops.Service, ctx context.Context, req api.EvidenceFileRequest, w io.Writer, _ api.ProgressFunc) (*api.FileCopied, error) {
		return s.EvidenceFile(ctx, req, w)
	}),
	plain(pathHistory, ops.Service.History),
	plain(pathUploads, ops.Service.Uploads),
	{pathUpload, (*Local).upload},
	plain(pathCorroborate, ops.Service.Corroborate),
	plain(pathReviews, ops.Service.Reviews),
	plain(pathReview, ops.Service.Review),
	plain(pathReviewOpen, ops.Service.OpenReview),
	plain(pathReviewSet, ops.Service.DecideReview),
	plain(pathReviewClose, ops.Service.CloseReview),
	plain(pathReviewStop, ops.Service.CancelReview),
	plain(pathSample, func(s ops.Service, ctx context.Context, req api.SampleRequest) (*api.Sample, error) {
		return s.Sample(ctx, req, nil)
	}),
	streamed(pathPopulation, func(s ops.Service, ctx context.Context, req api.SampleRequest, w io.Writer, _ api.ProgressFunc) (*api.Sample, error) {
		return s.Sample(ctx, req, w)
	}),
	streamed(pathExport, ops.Service.Export),
	plain(pathBridge, ops.Service.BridgeLetter),
	streamed(pathCollect, func(s ops.Service, ctx context.Context, req api.CollectRequest, _ io.Writer, progress api.ProgressFunc) (*api.Collected, error) {
		return s.Collect(ctx, req, progress)
	}),
	plain(pathAnchor, ops.Service.Anchor),
}

// plain is an operation that answers with one JSON document.
func plain[Request, Answer any](pattern string, do func(ops.Service, context.Context, Request) (*Answer, error)) operation {
	return operation{pattern, func(l *Local, w http.ResponseWriter, r *http.Request) {
		var req Request
		s, err := l.accept(r, &req)
		if err != nil {
			fail(w, err)
			return
		}
		answer, err := do(s, r.Context(), req)
		if err != nil {
			fail(w, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}}
}

// streamed is an operation that answers with a line for each step and piece of data, and the answer last.
func streamed[Request, Answer any](pattern string, do func(ops.Service, context.Context, Request, io.Writer, api.ProgressFunc) (*Answer, error)) operation {
	return operation{pattern, func(l *Local, w http.ResponseWriter, r *http.Request) {
		var req Request
		s, err := l.accept(r, &req)
		if err != nil {
			fail(w, err)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		w.Header().Set("Content-Type", "application/x-ndjson")
		out := &stream{w: w, gone: cancel}
		answer, err := do(s, ctx, req, out, out.progress)
		out.finish(answer, err)
	}}
}
