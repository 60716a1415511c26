package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/rogpeppe/go-internal/testscript"
)

// questions are what is asked of each path of docs/api.yaml, and what must be
// answered. The query follows the path, of which what stands in braces is left out.
var questions = map[string][]struct {
	query, body string
	status      int
}{
	"GET /v1/health":                     {{status: 200}},
	"GET /v1/status":                     {{status: 200}, {query: "?as_of=2026-01-01", status: 200}, {query: "?as_of=never", status: 400}, {query: "?asof=2026-01-01", status: 400}},
	"GET /v1/readiness":                  {{status: 200}, {query: "?as_of=2026-01-01T06:00:00Z", status: 200}},
	"GET /v1/gaps":                       {{status: 200}, {query: "?all=true", status: 200}, {query: "?all=perhaps", status: 400}},
	"GET /v1/gaps/{id}":                  {{query: "G-none", status: 404}, {query: "--help", status: 404}},
	"POST /v1/decisions":                 {{body: `{"verb":"accept","gap":"G-none","reason":"r","approver":"ann","until":"2999-01-01T00:00:00Z"}`, status: 400}, {body: `{"verb":"respond","gap":"G-none","reason":"r","approver":"ann"}`, status: 404}, {body: `{"gaps":1}`, status: 400}},
	"GET /v1/evidence":                   {{status: 200}, {query: "?limit=1&stream=github", status: 200}, {query: "?limit=some", status: 400}},
	"GET /v1/evidence/{id}":              {{query: "2?records=true&exchanges=true", status: 200}, {query: "x", status: 400}, {query: "99999", status: 404}},
	"GET /v1/evidence/{id}/files/{name}": {{query: "2/files/x", status: 200}}, // the error is the last line
	"GET /v1/history":                    {{query: "?stream=nothing&id=1", status: 400}, {query: "?stream=github/github.member/x&id=1", status: 404}},
	"GET /v1/uploads":                    {{status: 200}, {query: "?limit=1", status: 200}},
	"POST /v1/uploads":                   {{body: `{}`, status: 400}},
	"GET /v1/corroborations":             {{status: 500}},
	"GET /v1/reviews":                    {{status: 200}},
	"GET /v1/reviews/{name}":             {{query: "none", status: 400}},
	"POST /v1/reviews":                   {{body: `{"name":"2026-Q1","by":"nobody"}`, status: 400}},
	"POST /v1/reviews/{name}/decisions":  {{query: "none/decisions", body: `{"by":"ann@acme.example","decisions":[{"row":"x","decision":"keep"}]}`, status: 400}},
	"POST /v1/reviews/{name}/close":      {{query: "none/close", body: `{"by":"ann@acme.example"}`, status: 400}},
	"POST /v1/reviews/{name}/cancel":     {{query: "none/cancel", body: `{"by":"ann@acme.example"}`, status: 400}},
	"GET /v1/sample":                     {{query: "?control=change-approval&engagement=x&kind=github.pull_request", status: 200}, {query: "?control=change-approval", status: 400}},
	"GET /v1/population":                 {{query: "?control=change-approval&engagement=x&kind=github.pull_request", status: 200}},
	"GET /v1/changes":                    {{status: 200}, {query: "?verdict=fail&repository=acme/app", status: 200}},
	"GET /v1/change":                     {{query: "?name=acme/app%231", status: 404}},
	"GET /v1/bundle":                     {{status: 200}},
	"GET /v1/bridge-letter":              {{query: "?until=2026-01-01", status: 500}},
	"POST /v1/anchor":                    {{status: 400}},
	"POST /v1/reload":                    {{status: 200}},
	"POST /v1/collect":                   {{body: `{"sources":["github"]}`, status: 200}, {body: `{"source":"github"}`, status: 400}},
}

// askAPI asks every path that docs/api.yaml describes, and holds the answers to it: api SOCKET.
func askAPI(ts *testscript.TestScript, _ bool, args []string) {
	doc, err := openapi3.NewLoader().LoadFromFile(apiPage)
	ts.Check(err)
	ts.Check(doc.Validate(context.Background()))
	router, err := legacy.NewRouter(doc)
	ts.Check(err)
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", lastLine)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", ts.MkAbs(args[0]))
	}}}
	asked := 0
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			for _, q := range questions[method+" "+path] {
				asked++
				ask(ts, client, func(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
					route, params, err := router.FindRoute(r)
					return &openapi3filter.RequestValidationInput{Request: r, Route: route, PathParams: params}, err
				}, method, "http://daemon"+upToBrace(path)+q.query, q.body, q.status)
			}
			if len(questions[method+" "+path]) == 0 {
				ts.Fatalf("nothing is asked of %s %s", method, path)
			}
		}
	}
	if asked < len(questions) {
		ts.Fatalf("docs/api.yaml describes less than is asked")
	}
}

func ask(ts *testscript.TestScript, client *http.Client, route func(*http.Request) (*openapi3filter.RequestValidationInput, error), method, url, body string, want int) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	ts.Check(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	in, err := route(req)
	ts.Check(err)
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != want {
		ts.Fatalf("%s %s: %s, want %d: %s", method, url, resp.Status, want, b)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(b))}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		ts.Fatalf("%s %s: %v\n%s", method, url, err, b)
	}
}

// apiPage is read where the test runs, not where its script does.
var apiPage = mustAbs("../../docs/api.yaml")

// lastLine decodes the last line of a stream of them.
func lastLine(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (v any, err error) {
	for d := json.NewDecoder(body); ; {
		var line any
		if err := d.Decode(&line); err == io.EOF {
			return v, nil
		} else if err != nil {
			return nil, err
		}
		v = line
	}
}

// upToBrace is a path without what stands in braces, and what follows that.
func upToBrace(path string) string {
	path, _, _ = strings.Cut(path, "{")
	return path
}
