package github

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// changesQuery is the one document that is ever posted to GraphQL; a request
// picks one of its operations, and returns the variables.
//
//go:embed changes.graphql
var changesQuery string

const callGraphQL = "POST /graphql"

// Operations of the document.
const (
	opChanged = "Changed" // the merged pull requests of many repositories, last updated first
	opOlder   = "Older"   // the next pages of a few of them
	opMerged  = "Merged"  // many pull requests, with their parts
	opLanded  = "Landed"  // the commits of the base that rebased pull requests became
)

// graphQLCall declares the document word for word: the door admits no other.
func graphQLCall(kinds ...evidence.Kind) collectors.Call {
	variables := map[string]any{"ids": []string{"{id}"}}
	for _, name := range []string{"first", "few", "reviews", "commits", "checks", "afterReview", "afterCommit", "afterCheck"} {
		variables[name] = "{" + name + "}"
	}
	for i := range slots {
		for _, name := range []string{"id", "after", "ask"} {
			variables[slot(name, i)] = "{" + name + "}"
		}
	}
	shape, err := json.Marshal(map[string]any{"query": changesQuery, "operationName": "{operation}", "variables": variables})
	if err != nil {
		panic(err) // texts and maps of them have a JSON form
	}
	return collectors.Call{
		Name: callGraphQL, Body: string(shape), Kinds: kinds, Why: "merged pull requests, who wrote, reviewed and merged them, what checked them, which commits they became",
		Permissions: []string{"pull_requests: read", "contents: read", "checks: read", "statuses: read", "issues: read"},
	}
}

// besideREST finds GraphQL on GitHub Enterprise Server, where REST has the root
// /api/v3 and GraphQL lies at /api/graphql.
// https://docs.github.com/en/enterprise-server@latest/graphql/guides/managing-enterprise-accounts
func besideREST(endpoint, path string) (string, bool) {
	root, ok := strings.CutSuffix(endpoint, "/v3")
	return "/graphql", ok && path == root+"/graphql"
}

// graphQLPath is relative to the root of the REST API.
func (c *client) graphQLPath() string {
	if strings.HasSuffix(c.api.BaseURL.Path, "/api/v3/") {
		return "../graphql"
	}
	return "graphql"
}

// graphError is one of the errors of an answer that has, or has not, data as well.
type graphError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Path    []any  `json:"path"`
}

// errTooMuch tells an answer that may come for less: GitHub ends a query after ten seconds.
// https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
var errTooMuch = fmt.Errorf("%w: too much for one query", collectors.ErrUnreachable)

// classified returns an error its class. What the credential may not see is
// NOT_FOUND, FORBIDDEN or INSUFFICIENT_SCOPES, and null in the data.
func (e graphError) classified() error {
	class := collectors.ErrIncomplete
	switch text := strings.ToLower(e.Message); {
	case e.Type == "NOT_FOUND", e.Type == "FORBIDDEN", e.Type == "INSUFFICIENT_SCOPES":
		class = collectors.ErrDenied
	case e.Type == "MAX_NODE_LIMIT_EXCEEDED", e.Type == "RESOURCE_LIMITS_EXCEEDED", strings.Contains(text, "timeout"), strings.Contains(text, "something went wrong"):
		class = errTooMuch
	}
	return fmt.Errorf("%w: GraphQL: %s %s", class, e.Type, e.Message)
}

// isLimit tells the errors by which GraphQL says, with status 200, to slow down.
func (e graphError) isLimit() bool {
	return e.Type == "RATE_LIMITED" || e.Type == "RATE_LIMIT" || strings.Contains(strings.ToLower(e.Message), "secondary rate limit")
}

// graphThrottled tells an answer of GraphQL that is a refusal for the sake of a limit.
func graphThrottled(body []byte) bool {
	text := strings.ToLower(string(body[:min(len(body), 4<<10)])) // such answers are short: pages are not decoded twice
	if !strings.Contains(text, "rate_limit") && !strings.Contains(text, "rate limit") {
		return false
	}
	var a struct {
		Errors []graphError `json:"errors"`
	}
	return json.Unmarshal(body, &a) == nil && slices.ContainsFunc(a.Errors, graphError.isLimit)
}

// query posts one operation. Its errors wrap a class; errs are those that the
// answer ties to a part of its data.
func (c *client) query(ctx context.Context, operation string, variables map[string]any) (data map[string]json.RawMessage, errs []graphError, err error) {
	fail := func(err error) error { return fmt.Errorf("GraphQL %s: %w", operation, err) }
	req, err := c.api.NewRequest(http.MethodPost, c.graphQLPath(), map[string]any{"query": changesQuery, "operationName": operation, "variables": variables})
	if err != nil {
		return nil, nil, fail(err)
	}
	resp, err := c.api.BareDo(ctx, req)
	if err != nil {
		return nil, nil, fail(classify(err))
	}
	defer func() { _ = resp.Body.Close() }() // it is in memory
	var a struct {
		Data   map[string]json.RawMessage `json:"data"`
		Errors []graphError               `json:"errors"`
	}
	if err := decode(resp.Body, &a); err != nil {
		return nil, nil, fail(err)
	}
	for _, e := range a.Errors {
		if len(e.Path) == 0 || errors.Is(e.classified(), errTooMuch) {
			return nil, nil, fail(e.classified())
		}
	}
	if len(a.Data) == 0 {
		return nil, nil, fail(collectors.Incomplete("the answer has no data"))
	}
	return a.Data, a.Errors, nil
}

// part is what an answer holds of one of the things that were asked for.
type part struct {
	raw json.RawMessage
	err error
}

// nodes asks for things by their ids, and returns a part for each of them.
// Where GitHub fails at so many, it is asked for half as many at a time.
func (c *client) nodes(ctx context.Context, out *collectors.Output, operation string, ids []string, variables map[string]any) []part {
	return halving(ctx, ids, func(ctx context.Context, ids []string) ([]part, error) {
		all := map[string]any{"ids": ids}
		for name, v := range variables {
			all[name] = v
		}
		data, errs, err := c.query(ctx, operation, all)
		if err != nil {
			return nil, err
		}
		var list []json.RawMessage
		if err := json.Unmarshal(data["nodes"], &list); err != nil || len(list) != len(ids) {
			return nil, collectors.Incomplete("GraphQL %s: asked for %d nodes, got %d", operation, len(ids), len(list))
		}
		out.Page()
		parts := make([]part, len(ids))
		for i, raw := range list {
			parts[i] = partOf(raw, errs, func(path []any) bool { return len(path) > 1 && path[0] == "nodes" && path[1] == float64(i) })
		}
		return parts, nil
	})
}

// dispensable is the one field that may be refused without the rest being in
// doubt: an issue that is closed may be one of a repository that is none of ours.
const dispensable = "closingIssuesReferences"

// partOf returns a part, and the first of the errors that is about it.
func partOf(raw json.RawMessage, errs []graphError, about func(path []any) bool) part {
	nothing := len(raw) == 0 || string(raw) == "null"
	for _, e := range errs {
		if about(e.Path) && (nothing || !slices.Contains(e.Path, any(dispensable))) {
			return part{err: e.classified()}
		}
	}
	if nothing {
		return part{err: collectors.Incomplete("GraphQL gives null for what was asked for, and no error")}
	}
	return part{raw: raw}
}

// decode reads a part.
func (p part) decode(v any) error {
	if p.err != nil {
		return p.err
	}
	if err := json.Unmarshal(p.raw, v); err != nil {
		return collectors.Incomplete("GraphQL: the answer is not what was asked for: %v", err)
	}
	return nil
}

// enough is how often a query for many is tried before it is asked for fewer.
const enough = 3

// halving asks for all, and for half as many at a time where a server error
// says that it may be too much. Every item has a part in the end.
func halving[T any](ctx context.Context, items []T, ask func(context.Context, []T) ([]part, error)) []part {
	some := ctx
	if len(items) > 1 {
		some = collectors.Tries(ctx, enough)
	}
	parts, err := ask(some, items)
	switch tooMuch := errors.Is(err, errTooMuch) || errors.Is(err, collectors.ErrServer); {
	case err == nil:
		return parts
	case tooMuch && len(items) > 1 && ctx.Err() == nil:
		half := len(items) / 2
		return append(halving(ctx, items[:half], ask), halving(ctx, items[half:], ask)...)
	}
	return slices.Repeat([]part{{err: err}}, len(items))
}
