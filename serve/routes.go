package serve

import (
	"context"
	"io"
	"net/http"
	"reflect"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops"
)

// operation is one operation of the API, as it is served.
type operation struct {
	Route
	serve func(l *Local, w http.ResponseWriter, r *http.Request)
}

// Route describes one operation of the API; docs/api.yaml is generated from them.
type Route struct {
	// Pattern is method and path.
	Pattern string
	Summary string
	// Request and Answer are types of package api. The members of a GET request are
	// parameters, those of any other are the JSON body; members in braces stand in the path.
	Request, Answer reflect.Type
	// Streamed tells that the answer comes as lines of application/x-ndjson:
	// progress and data, and the answer or an error last.
	Streamed bool
	// Files tells that the body is multipart: the request, then files.
	Files bool
}

// Routes returns the routes of the operations.
func Routes() (out []Route) {
	for _, o := range operations {
		out = append(out, o.Route)
	}
	return out
}

// The paths that the client needs as well.
const (
	pathStatus      = "GET /v1/status"
	pathReadiness   = "GET /v1/readiness"
	pathGaps        = "GET /v1/gaps"
	pathGap         = "GET /v1/gaps/{id}"
	pathDecisions   = "POST /v1/decisions"
	pathChanges     = "GET /v1/changes"
	pathChange      = "GET /v1/change"
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
	plain(pathStatus, "The period, coverage, what is due, and the next collections", ops.Service.Status),
	plain(pathReadiness, "How ready each control is for an audit", ops.Service.Readiness),
	plain(pathGaps, "The open gaps of the period", ops.Service.Gaps),
	plain(pathGap, "One gap, with what was decided on it", ops.Service.Gap),
	plain(pathDecisions, "Accept a gap until a day, or respond to one", ops.Service.DecideGap),
	plain(pathChanges, "The changes that were merged in the period, each with its verdict", ops.Service.Changes),
	plain(pathChange, "One change: merge, contributors, approvals, checks, tickets, deployments, verdicts", ops.Service.Change),
	plain(pathCollections, "The collections and how they ended, newest first", ops.Service.Collections),
	plain(pathEntry, "One entry of the log", ops.Service.Entry),
	streamed(pathFile, "The content of one uploaded file", func(s ops.Service, ctx context.Context, req api.EvidenceFileRequest, w io.Writer, _ api.ProgressFunc) (*api.FileCopied, error) {
		return s.EvidenceFile(ctx, req, w)
	}),
	plain(pathHistory, "Every state of one resource", ops.Service.History),
	plain(pathUploads, "The evidence that people uploaded, newest first", ops.Service.Uploads),
	{Route{Pattern: pathUpload, Summary: "Upload files as evidence of activities or controls", Request: reflect.TypeFor[api.AddEvidenceRequest](), Answer: reflect.TypeFor[api.AddedEvidence](), Files: true}, (*Local).upload},
	plain(pathCorroborate, "What the sources' own logs say of the recorded requests", ops.Service.Corroborate),
	plain(pathReviews, "The access reviews, newest first", ops.Service.Reviews),
	plain(pathReview, "One access review with its rows", ops.Service.Review),
	plain(pathReviewOpen, "Freeze who has access, for a review", ops.Service.OpenReview),
	plain(pathReviewSet, "Decide on rows of a review", ops.Service.DecideReview),
	plain(pathReviewClose, "Sign a review off", ops.Service.CloseReview),
	plain(pathReviewStop, "End a review that was opened in error", ops.Service.CancelReview),
	plain(pathSample, "A reproducible sample of a control's population", func(s ops.Service, ctx context.Context, req api.SampleRequest) (*api.Sample, error) {
		return s.Sample(ctx, req, nil)
	}),
	streamed(pathPopulation, "The same, with the population as it is hashed", func(s ops.Service, ctx context.Context, req api.SampleRequest, w io.Writer, _ api.ProgressFunc) (*api.Sample, error) {
		return s.Sample(ctx, req, w)
	}),
	streamed(pathExport, "The bundle of the period, a ZIP file", ops.Service.Export),
	plain(pathBridge, "The draft of a bridge letter", ops.Service.BridgeLetter),
	streamed(pathCollect, "Collect every stream of the named sources, or of all, once", func(s ops.Service, ctx context.Context, req api.CollectRequest, _ io.Writer, progress api.ProgressFunc) (*api.Collected, error) {
		return s.Collect(ctx, req, progress)
	}),
	plain(pathAnchor, "Show the newest checkpoint to the anchors", ops.Service.Anchor),
}

// plain is an operation that answers with one JSON document.
func plain[Request, Answer any](pattern, summary string, do func(ops.Service, context.Context, Request) (*Answer, error)) operation {
	return operation{Route{Pattern: pattern, Summary: summary, Request: reflect.TypeFor[Request](), Answer: reflect.TypeFor[Answer]()}, func(l *Local, w http.ResponseWriter, r *http.Request) {
		var req Request
		s, err := l.accept(w, r, &req)
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
func streamed[Request, Answer any](pattern, summary string, do func(ops.Service, context.Context, Request, io.Writer, api.ProgressFunc) (*Answer, error)) operation {
	return operation{Route{Pattern: pattern, Summary: summary, Request: reflect.TypeFor[Request](), Answer: reflect.TypeFor[Answer](), Streamed: true}, func(l *Local, w http.ResponseWriter, r *http.Request) {
		var req Request
		s, err := l.accept(w, r, &req)
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
