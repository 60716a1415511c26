package github

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// document is a JSON document.
type document = map[string]any

// githubAPI is GitHub's own description of its REST API.
func githubAPI(t *testing.T) document {
	t.Helper()
	doubles(t)
	var doc document
	readJSON(t, filepath.Join(doublesDir, "node_modules/@octokit/openapi/generated/api.github.com.json"), &doc)
	return doc
}

var variable = regexp.MustCompile(`\{[^{}]*\}`)

// unnamed returns a path template without the names of its variables.
func unnamed(path string) string { return variable.ReplaceAllString(path, "{}") }

// operation finds a declared call in a description: its path there, and what is said of it.
func operation(doc document, call string) (path string, op document) {
	method, template, _ := strings.Cut(call, " ")
	for path, item := range doc["paths"].(document) {
		if unnamed(path) == unnamed(template) {
			op, _ = item.(document)[strings.ToLower(method)].(document)
			return path, op
		}
	}
	return "", nil
}

// TestDeclaredCallsAreGitHubs: GitHub describes every call that is declared,
// and would not describe one that is misspelt.
func TestDeclaredCallsAreGitHubs(t *testing.T) {
	doc := githubAPI(t)
	for _, c := range calls() {
		if c.Name == callAudit || c.Name == callGraphQL {
			continue // of GitHub Enterprise only, or of GraphQL: they have descriptions of their own
		}
		if _, op := operation(doc, c.Name); op == nil {
			t.Errorf("GitHub does not describe %s", c.Name)
		} else if op["deprecated"] == true {
			t.Errorf("GitHub will take away %s", c.Name)
		}
	}
	for _, wrong := range []string{"GET /orgs/{org}/member", "HEAD /orgs/{org}/members", "GET /repos/{owner}/{repo}/rules/{branch}"} {
		if _, op := operation(doc, wrong); op != nil {
			t.Errorf("GitHub describes %s", wrong)
		}
	}
}

// wantDescribed: GitHub takes every parameter of the query, and would ignore
// one that is misspelt.
func wantDescribed(t *testing.T, doc document, x evidence.Exchange) {
	t.Helper()
	_, op := operation(doc, x.Call)
	u, err := url.Parse(x.URL)
	if op == nil || err != nil {
		t.Errorf("%s is not described, or %v", x.Call, err)
	}
	known := map[any]bool{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := p.(document)
		if ref, ok := p["$ref"].(string); ok {
			p = component(t, doc, ref)
		}
		known[p["name"]] = p["in"] == "query"
	}
	for name := range u.Query() {
		if !known[name] {
			t.Errorf("%s has no parameter %q", x.Call, name)
		}
	}
}

// component returns what ref names: "#/components/schemas/x".
func component(t *testing.T, doc document, ref string) document {
	t.Helper()
	parts := strings.Split(ref, "/")
	if len(parts) != 4 || parts[1] != "components" {
		t.Fatalf("reference %s is of a form that is not known", ref)
	}
	section, _ := doc["components"].(document)[parts[2]].(document)
	c, ok := section[parts[3]].(document)
	if !ok {
		t.Fatalf("reference %s leads nowhere", ref)
	}
	return c
}

// cut returns what a description says of the declared calls alone, with all that
// it refers to: Prism takes two minutes to read the whole.
func cut(t *testing.T, doc document) (file string) {
	t.Helper()
	c := cutter{from: doc, components: document{}, seen: map[string]bool{}}
	paths := document{}
	for _, call := range calls() {
		if path, op := operation(doc, call.Name); op != nil && call.Body == "" {
			paths[path] = document{"get": op}
		}
	}
	c.walk(t, paths)
	b, err := json.Marshal(document{"openapi": doc["openapi"], "info": doc["info"], "servers": doc["servers"], "paths": paths, "components": c.components})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "cut.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// cutter copies the components that are referred to.
type cutter struct {
	from, components document
	seen             map[string]bool
}

func (c *cutter) walk(t *testing.T, v any) {
	switch v := v.(type) {
	case document:
		for k, inner := range v {
			if ref, ok := inner.(string); ok && k == "$ref" {
				c.keep(t, ref)
			} else {
				c.walk(t, inner)
			}
		}
	case []any:
		for _, inner := range v {
			c.walk(t, inner)
		}
	}
}

// keep copies the component that ref names.
func (c *cutter) keep(t *testing.T, ref string) {
	if c.seen[ref] {
		return
	}
	c.seen[ref] = true
	v := component(t, c.from, ref)
	parts := strings.Split(ref, "/")
	if c.components[parts[2]] == nil {
		c.components[parts[2]] = document{}
	}
	c.components[parts[2]].(document)[parts[3]] = v
	c.walk(t, v)
}
