package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/serve"
)

// apiDocument is docs/api.yaml: the routes with the types of their requests and
// answers. What it says of members are the comments of the code.
func apiDocument() ([]byte, error) {
	docs, err := typeDocs("../../api", "../../evidence", "../../gap/result", "../../serve")
	if err != nil {
		return nil, err
	}
	p := &apiSchemas{docs: docs, schemas: map[string]string{}}
	var paths strings.Builder
	routes := append(serve.Routes(), serve.Route{Pattern: "GET /v1/health", Summary: "How the daemon is", Request: reflect.TypeFor[struct{}](), Answer: reflect.TypeFor[serve.Health]()},
		serve.Route{Pattern: "POST /v1/reload", Summary: "Read the configuration anew; 409 where the old one goes on", Request: reflect.TypeFor[struct{}](), Answer: reflect.TypeFor[reloaded]()})
	byPath := map[string][]serve.Route{}
	for _, r := range routes {
		_, path, _ := strings.Cut(r.Pattern, " ")
		byPath[path] = append(byPath[path], r)
	}
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		fmt.Fprintf(&paths, "  %s:\n", path)
		for _, r := range byPath[path] {
			p.operation(&paths, r, path)
		}
	}
	var b strings.Builder
	b.WriteString(apiHead)
	b.WriteString(paths.String())
	b.WriteString(apiComponents)
	for _, name := range slices.Sorted(maps.Keys(p.schemas)) {
		fmt.Fprintf(&b, "    %s: %s\n", name, p.schemas[name])
	}
	return []byte(b.String()), nil
}

type reloaded struct {
	Reloaded bool `json:"reloaded"`
}

const apiHead = `# Generated from the routes of package serve and the types of package api: go generate ./cmd/evidenced
openapi: 3.0.3
info:
  title: The socket of evidenced serve
  version: "2"
  description: |
    What a running daemon answers on its unix socket, which only the owner of the process may open: whoever may, may do what the owner may.
    What writes stands in the log with the user at the other end of the socket. Beside it there is HTTP, which tells how the daemon is and
    nothing that acts: /healthz, /readyz, /metrics and /status.

        curl --unix-socket evidence.sock http://daemon/v1/gaps

    The header Evidenced-Config may name the configuration that is meant, an absolute path; any other than the daemon's is refused. Times are
    RFC 3339, or days. An answer of application/x-ndjson is a line for each step (progress) and piece (data, base64), and the answer or an error last.
servers: [{url: "http://daemon"}]
paths:
`

const apiComponents = `components:
  responses:
    Refused: {description: the request makes no sense, content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}}
    Failed: {description: it could not be done, content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}}
  schemas:
    Error: {type: object, required: [error, code], additionalProperties: false, properties: {error: {type: string}, code: {type: string, enum: [usage, not_found, conflict, denied, damaged, failed]}}}
    Line: {type: object, additionalProperties: false, properties: {progress: {type: object, required: [name, done, total], properties: {name: {type: string}, done: {type: integer}, total: {type: integer}}}, data: {type: string, format: byte}, answer: {type: object}, error: {$ref: "#/components/schemas/Error"}}}
`

// apiSchemas collects the schemas that operations need.
type apiSchemas struct {
	docs    map[string]string // of a type, or of type.Member
	schemas map[string]string
}

func (p *apiSchemas) operation(b *strings.Builder, r serve.Route, path string) {
	method, _, _ := strings.Cut(r.Pattern, " ")
	fmt.Fprintf(b, "    %s:\n      summary: %s\n", strings.ToLower(method), quoted(r.Summary))
	var parameters []string
	for _, f := range members(r.Request) {
		inPath := strings.Contains(path, "{"+f.name+"}")
		if inPath || method == "GET" {
			parameters = append(parameters, p.parameter(r.Request, f, inPath))
		}
	}
	if len(parameters) > 0 {
		fmt.Fprintf(b, "      parameters:\n        - %s\n", strings.Join(parameters, "\n        - "))
	}
	body := p.schema(r.Request)
	switch {
	case r.Files:
		fmt.Fprintf(b, "      requestBody: {required: true, content: {multipart/form-data: {schema: {type: object, required: [request], properties: {request: %s, file: {type: array, items: {type: string, format: binary}}}}}}}\n", body)
	case method != "GET" && len(members(r.Request)) > 0:
		fmt.Fprintf(b, "      requestBody: {content: {application/json: {schema: %s}}}\n", body)
	}
	answer := p.schema(r.Answer)
	b.WriteString("      responses:\n")
	if r.Streamed {
		fmt.Fprintf(b, "        \"200\": {description: %s, content: {application/x-ndjson: {schema: {$ref: \"#/components/schemas/Line\"}}}}\n", quoted("lines; the answer is of "+r.Answer.Name()))
	} else {
		fmt.Fprintf(b, "        \"200\": {description: the answer, content: {application/json: {schema: %s}}}\n", answer)
	}
	b.WriteString("        \"400\": {$ref: \"#/components/responses/Refused\"}\n        default: {$ref: \"#/components/responses/Failed\"}\n")
}

func (p *apiSchemas) parameter(of reflect.Type, f member, inPath bool) string {
	in, required := "query", ""
	if inPath {
		in, required = "path", ", required: true"
	}
	schema := p.schema(f.typ)
	if f.typ == reflect.TypeFor[time.Time]() {
		schema = "{type: string}" // a day will do
	}
	return fmt.Sprintf("{name: %s, in: %s%s%s, schema: %s}", f.name, in, required, p.described(of, f), schema)
}

func (p *apiSchemas) described(of reflect.Type, f member) string {
	if text := p.docs[f.of.Name()+"."+f.field]; text != "" {
		return ", description: " + quoted(text)
	}
	return ""
}

// member is one member of the JSON of a struct.
type member struct {
	name, field string
	typ, of     reflect.Type
	optional    bool
}

// members are those of a struct and of what it embeds, as encoding/json has them.
func members(t reflect.Type) (out []member) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct && name == "":
			out = append(out, members(f.Type)...)
		case name == "-" || !f.IsExported():
		default:
			if name == "" {
				name = f.Name
			}
			out = append(out, member{name, f.Name, f.Type, t, strings.HasPrefix(options, "omit")})
		}
	}
	return out
}

// schema returns the schema of a type, by reference where it has a name.
func (p *apiSchemas) schema(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "{type: string, format: date-time}"
	case t == reflect.TypeFor[evidence.Hash](), t == reflect.TypeFor[evidence.Stream]():
		return "{type: string}"
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return "{}"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return p.nullable(t.Elem())
	case reflect.Bool:
		return "{type: boolean}"
	case reflect.String:
		return "{type: string}"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "{type: integer}"
	case reflect.Float64:
		return "{type: number}"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "{type: string, format: byte}"
		}
		return "{type: array, nullable: true, items: " + p.schema(t.Elem()) + "}"
	case reflect.Map:
		return "{type: object, nullable: true, additionalProperties: " + p.schema(t.Elem()) + "}"
	case reflect.Struct:
		return p.object(t)
	}
	panic("no schema of " + t.String())
}

func (p *apiSchemas) nullable(t reflect.Type) string {
	s := p.schema(t)
	if strings.HasPrefix(s, "{$ref") {
		return "{nullable: true, allOf: [" + s + "]}"
	}
	return "{nullable: true, " + strings.TrimPrefix(s, "{")
}

func (p *apiSchemas) object(t reflect.Type) string {
	ref := fmt.Sprintf("{$ref: \"#/components/schemas/%s\"}", t.Name())
	if t.Name() == "" {
		return "{type: object}"
	}
	if _, known := p.schemas[t.Name()]; known {
		return ref
	}
	p.schemas[t.Name()] = "" // types may refer to themselves
	var properties, required []string
	for _, f := range members(t) {
		schema := p.schema(f.typ)
		if d := p.described(t, f); d != "" && !strings.HasPrefix(schema, "{$ref") {
			schema = strings.TrimSuffix(schema, "}") + d + "}"
		}
		if schema == "{, "+strings.TrimPrefix(schema, "{, ") {
			schema = "{" + strings.TrimPrefix(schema, "{, ")
		}
		properties = append(properties, f.name+": "+schema)
		if !f.optional && !strings.HasSuffix(t.Name(), "Request") {
			required = append(required, f.name)
		}
	}
	text := "{type: object, additionalProperties: false"
	if d := p.docs[t.Name()]; d != "" {
		text += ", description: " + quoted(d)
	}
	if len(required) > 0 {
		text += ", required: [" + strings.Join(required, ", ") + "]"
	}
	p.schemas[t.Name()] = text + ", properties: {" + strings.Join(properties, ", ") + "}}"
	return ref
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always can be
	}
	return string(b)
}

// typeDocs reads the comments of the types of packages and of their members.
func typeDocs(folders ...string) (map[string]string, error) {
	docs := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			ast.Inspect(f, func(n ast.Node) bool { noteDocs(docs, n); return true })
		}
	}
	return docs, nil
}

func noteDocs(docs map[string]string, n ast.Node) {
	decl, ok := n.(*ast.GenDecl)
	if !ok || decl.Tok != token.TYPE || len(decl.Specs) != 1 {
		return
	}
	spec := decl.Specs[0].(*ast.TypeSpec)
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	docs[spec.Name.Name] = oneLine(decl.Doc.Text())
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			docs[spec.Name.Name+"."+name.Name] = oneLine(f.Doc.Text() + " " + f.Comment.Text())
		}
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
