package rest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The answers in the scenes are ours; these tests hold them to descriptions
// that the vendors wrote: every member of an answer must be one that the
// vendor describes, of the type that is described.

// description is what a vendor says of one value.
type description struct {
	// kind is object, array, string, number, boolean; "" where anything may stand.
	kind string
	item func() description
	// member returns the description of a member; false if there is none of that name.
	member func(name string) (description, bool)
}

// conforms reports every member of v that is not as described.
func (d description) conforms(path string, v any) (wrong []string) {
	switch v := v.(type) {
	case map[string]any:
		if d.kind == "" || d.member == nil {
			return nil
		}
		for _, name := range names(v) {
			m, ok := d.member(name)
			if !ok {
				wrong = append(wrong, path+"."+name+" is not described")
				continue
			}
			wrong = append(wrong, m.conforms(path+"."+name, v[name])...)
		}
	case []any:
		if d.kind != "array" && d.kind != "" {
			return []string{path + " is a list, and described as " + d.kind}
		}
		for i := range v {
			if d.item != nil {
				wrong = append(wrong, d.item().conforms(path+"[]", v[i])...)
			}
		}
	case nil:
	default:
		have := map[string]string{"string": "string", "bool": "boolean", "float64": "number"}[fmt.Sprintf("%T", v)]
		if d.kind != "" && d.kind != have {
			return []string{path + " is a " + have + ", and described as " + d.kind}
		}
	}
	return wrong
}

// newer are members that a vendor documents and the version that is tested against
// does not have yet, with where they were added.
var newer = map[string]string{
	".approved_by[].approved_at is not described": "https://gitlab.com/gitlab-org/api/client-go/-/merge_requests/2844",
}

// described checks every good answer of a scene to a call that is described.
func described(t *testing.T, name string, of func(call string) (description, bool)) {
	defs, err := Load(os.DirFS("definitions"), "definitions")
	if err != nil {
		t.Fatal(err)
	}
	d := defs[slices.IndexFunc(defs, func(d *Definition) bool { return d.Name == name })]
	s, checked := openScene(t, d), 0
	for _, x := range s.exchanges {
		call := s.callOf(x)
		desc, ok := of(call)
		if x.status != 200 || !ok {
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(x.body), &v); err != nil {
			t.Fatal(err)
		}
		for _, w := range desc.conforms("", v) {
			if newer[w] != "" {
				continue
			}
			t.Errorf("%s: %s", call, w)
		}
		checked++
	}
	if checked < len(s.exchanges)/2 {
		t.Errorf("%d of %d answers are described", checked, len(s.exchanges))
	}
}

// module returns the folder of a module in the module cache, which `make doubles` fills.
func module(t *testing.T, path, version string) string {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Capitals are escaped (go help goproxy).
	escaped := regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(path, func(c string) string { return "!" + strings.ToLower(c) })
	dir := filepath.Join(strings.TrimSpace(string(cache)), filepath.FromSlash(escaped)+"@"+version)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not here: `make doubles` fetches it", path)
		}
		t.Skipf("SKIPPED: %s is not here; `make doubles` fetches it", path)
	}
	return dir
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// anonymous is a call without the names of its variables.
func anonymous(call string) string { return variable.ReplaceAllString(call, "{}") }

// TestOktaDescribed holds the scene of Okta, and the scopes that the definition
// declares, to Okta's OpenAPI document.
func TestOktaDescribed(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(module(t, "github.com/okta/okta-sdk-golang/v5", "v5.0.2"), "okta", "api", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	ops := map[string]map[string]any{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			if op, ok := op.(map[string]any); ok {
				ops[anonymous(strings.ToUpper(method)+" "+path)] = op
			}
		}
	}
	described(t, "okta", func(call string) (description, bool) {
		op := ops[anonymous(call)]
		if op == nil {
			return description{}, false
		}
		schema := dig(op, "responses", "200", "content", "application/json", "schema")
		return openapi(doc, schema), schema != nil
	})
	for _, c := range specOf(t, "okta").Calls {
		if op := ops[anonymous(c.Name)]; op != nil && len(c.Permissions) > 0 && !strings.Contains(fmt.Sprint(op["security"]), c.Permissions[0]) {
			t.Errorf("%s needs %v, declared is %v", c.Name, op["security"], c.Permissions)
		}
	}
}

// dig returns a nested member, nil if there is none.
func dig(v any, path ...string) map[string]any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	m, _ := v.(map[string]any)
	return m
}

// openapi describes by a schema of OpenAPI 3. Where a value may be one of many,
// a member of any of them is described.
func openapi(doc map[string]any, schema map[string]any) description {
	schemas := flatten(doc, schema, 0)
	d := description{}
	for _, s := range schemas {
		if kind, ok := s["type"].(string); ok {
			d.kind = strings.Replace(kind, "integer", "number", 1)
		}
		if items, ok := s["items"].(map[string]any); ok {
			d.item = func() description { return openapi(doc, items) }
		}
	}
	closed := slices.ContainsFunc(schemas, func(s map[string]any) bool { return s["properties"] != nil })
	if !closed {
		return d
	}
	d.kind = "object"
	d.member = func(name string) (description, bool) {
		var found []any
		for _, s := range schemas {
			if m := dig(s, "properties", name); m != nil {
				found = append(found, m)
			}
		}
		return openapi(doc, map[string]any{"anyOf": found}), found != nil
	}
	return d
}

// flatten resolves references, and returns every schema that may apply: those of
// allOf, oneOf, anyOf, and the ones that a discriminator names.
func flatten(doc, schema map[string]any, depth int) (all []map[string]any) {
	if schema == nil || depth > 8 {
		return nil
	}
	if ref, ok := schema["$ref"].(string); ok {
		return flatten(doc, dig(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), depth+1)
	}
	all = append(all, schema)
	for _, key := range []string{"allOf", "oneOf", "anyOf"} {
		list, _ := schema[key].([]any)
		for _, s := range list {
			m, _ := s.(map[string]any)
			all = append(all, flatten(doc, m, depth+1)...)
		}
	}
	for _, ref := range dig(schema, "discriminator", "mapping") {
		all = append(all, flatten(doc, map[string]any{"$ref": ref}, depth+1)...)
	}
	return all
}

// TestGoogleDescribed holds the scene of Google Workspace, and the scopes, to
// Google's discovery documents.
func TestGoogleDescribed(t *testing.T) {
	dir := module(t, "google.golang.org/api", "v0.311.0")
	methods, docs := map[string]map[string]any{}, map[string]map[string]any{}
	for _, api := range []string{"directory", "reports"} {
		b, err := os.ReadFile(filepath.Join(dir, "admin", api, "v1", "admin-api.json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		discover(doc, func(m map[string]any) {
			call := anonymous(m["httpMethod"].(string) + " /" + m["path"].(string))
			methods[call], docs[call] = m, doc
		})
	}
	described(t, "google", func(call string) (description, bool) {
		m := methods[anonymous(call)]
		if m == nil {
			return description{}, false
		}
		return discovery(docs[anonymous(call)], dig(m, "response")), true
	})
	for _, c := range specOf(t, "google").Calls {
		m := methods[anonymous(c.Name)]
		if len(c.Permissions) > 0 && (m == nil || !strings.Contains(fmt.Sprint(m["scopes"])+" ", "/auth/"+c.Permissions[0])) {
			t.Errorf("%s is not granted by %v", c.Name, c.Permissions)
		}
	}
}

// discover visits every method of a discovery document.
func discover(v map[string]any, visit func(map[string]any)) {
	for _, m := range dig(v, "methods") {
		visit(m.(map[string]any))
	}
	for _, r := range dig(v, "resources") {
		discover(r.(map[string]any), visit)
	}
}

// discovery describes by a schema of a discovery document. A 64-bit integer is a text there.
func discovery(doc, schema map[string]any) description {
	if ref, ok := schema["$ref"].(string); ok {
		schema = dig(doc, "schemas", ref)
	}
	kind, _ := schema["type"].(string)
	d := description{kind: strings.NewReplacer("integer", "number", "any", "").Replace(kind)}
	if items := dig(schema, "items"); items != nil {
		d.item = func() description { return discovery(doc, items) }
	}
	if props := dig(schema, "properties"); props != nil {
		d.member = func(name string) (description, bool) {
			m := dig(props, name)
			return discovery(doc, m), m != nil
		}
	}
	return d
}

// TestGitLabDescribed holds the scene of GitLab to the types of GitLab's Go client.
func TestGitLabDescribed(t *testing.T) {
	types := goTypes(t, module(t, "gitlab.com/gitlab-org/api/client-go", "v1.46.0"))
	answers := map[string]string{
		"GET /api/v4/groups/{}": "Group", "GET /api/v4/user": "User", "GET /api/v4/groups/{}/members/all": "[]GroupMember",
		"GET /api/v4/groups/{}/projects": "[]Project", "GET /api/v4/projects/{}/protected_branches": "[]ProtectedBranch",
		"GET /api/v4/groups/{}/merge_requests": "[]BasicMergeRequest", "GET /api/v4/projects/{}/merge_requests/{}/approvals": "MergeRequestApprovals",
		"GET /api/v4/groups/{}/audit_events": "[]AuditEvent", "GET /api/v4/projects/{}/merge_requests/{}/pipelines": "[]PipelineInfo",
	}
	described(t, "gitlab", func(call string) (description, bool) {
		name, list := strings.CutPrefix(answers[anonymous(call)], "[]")
		d := goType(types, &ast.Ident{Name: name})
		if list {
			return description{kind: "array", item: func() description { return d }}, true
		}
		return d, name != ""
	})
}

// goTypes returns the struct types of a package.
func goTypes(t *testing.T, dir string) map[string]*ast.StructType {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]*ast.StructType{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					types[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	return types
}

// goType describes by a Go type and its JSON tags. What is no struct and no
// list is left open: the client has types of its own for times and levels.
func goType(types map[string]*ast.StructType, e ast.Expr) description {
	switch e := e.(type) {
	case *ast.StarExpr:
		return goType(types, e.X)
	case *ast.ArrayType:
		return description{kind: "array", item: func() description { return goType(types, e.Elt) }}
	case *ast.StructType:
		return description{kind: "object", member: func(name string) (description, bool) { return goMember(types, e, name) }}
	case *ast.Ident:
		if s := types[e.Name]; s != nil {
			return goType(types, s)
		}
		return description{kind: map[string]string{"string": "string", "bool": "boolean", "int64": "number", "int": "number", "float64": "number"}[e.Name]}
	}
	return description{}
}

func goMember(types map[string]*ast.StructType, s *ast.StructType, name string) (description, bool) {
	for _, f := range s.Fields.List {
		if len(f.Names) == 0 { // embedded
			if d, ok := goType(types, f.Type).member, true; ok && d != nil {
				if m, found := d(name); found {
					return m, true
				}
			}
			continue
		}
		if f.Tag == nil {
			if strings.EqualFold(f.Names[0].Name, name) {
				return goType(types, f.Type), true
			}
			continue
		}
		text, _ := strconv.Unquote(f.Tag.Value)
		if tag, _, _ := strings.Cut(reflect.StructTag(text).Get("json"), ","); tag == name {
			return goType(types, f.Type), true
		}
	}
	return description{}, false
}
