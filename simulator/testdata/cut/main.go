// Command cut reduces GitHub's own OpenAPI description to the answers that the
// simulator gives: for every operation the schema of its 200 answer, and the
// schemas that it refers to. Descriptions and examples are left out.
//
//	npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//	go run ./testdata/cut package/generated/api.github.com.json testdata/github-openapi.json.gz
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

var paths = []string{
	"/user", "/orgs/{org}", "/orgs/{org}/members", "/orgs/{org}/repos", "/repos/{owner}/{repo}",
	"/repos/{owner}/{repo}/branches/{branch}", "/repos/{owner}/{repo}/branches/{branch}/protection", "/repos/{owner}/{repo}/rules/branches/{branch}",
	"/repos/{owner}/{repo}/pulls", "/repos/{owner}/{repo}/pulls/{pull_number}",
	"/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
	"/repos/{owner}/{repo}/commits/{ref}/check-runs", "/repos/{owner}/{repo}/commits/{ref}/status", "/repos/{owner}/{repo}/commits/{ref}/statuses",
}

func main() {
	if err := cut(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

type object = map[string]any

func cut(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var doc object
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	all := dig(doc, "components", "schemas")
	answers, schemas := object{}, object{}
	for _, p := range paths {
		content := dig(doc, "paths", p, "get", "responses", "200", "content", "application/json")
		answers[p] = object{"get": object{"responses": object{"200": object{"description": "ok",
			"content": object{"application/json": object{"schema": bare(content["schema"])}}}}}}
		reach(content["schema"], all, schemas)
	}
	out := object{"openapi": "3.0.3", "info": doc["info"], "paths": answers, "components": object{"schemas": schemas}}
	return write(to, out)
}

// dig follows the keys; what is missing is empty.
func dig(o object, keys ...string) object {
	for _, k := range keys {
		o, _ = o[k].(object)
	}
	return o
}

// reach copies every schema that v refers to.
func reach(v any, all, into object) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			reach(e, all, into)
		}
	case object:
		if ref, ok := v["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			if _, done := into[name]; !done {
				into[name] = bare(all[name])
				reach(all[name], all, into)
			}
			return
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			reach(v[k], all, into)
		}
	}
}

// bare leaves out what does not constrain. A member of an object may have any
// name: what stands under "properties" is kept.
func bare(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	case object:
		for _, k := range []string{"description", "example", "examples", "title", "externalDocs"} {
			if _, isSchema := v[k].(object); !isSchema || k == "example" || k == "examples" {
				delete(v, k)
			}
		}
		for k := range v {
			v[k] = bare(v[k])
		}
	}
	return v
}

func write(to string, v any) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o644)
}
