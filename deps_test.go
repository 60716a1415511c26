package evidenced

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/evidenced/evidenced"

// policy says which rooms a room may import (its own sub-rooms are named where
// they may be), and which modules outside the standard library. It is a
// statement of intent: do not change it to make a build pass.
//
// A key that ends in "/*" stands for every folder below that has no key of its own.
var policy = map[string]struct{ rooms, modules []string }{
	".":                 {},
	"evidence":          {},
	"deploy":            {},
	"verify":            {rooms: []string{"evidence"}},
	"simulator":         {rooms: []string{"evidence", "simulator/graphql"}},
	"simulator/graphql": {},
	"store":             {rooms: []string{"evidence"}, modules: []string{"go.etcd.io/bbolt", "golang.org/x/mod", "github.com/klauspost/compress"}},
	"store/storetest":   {rooms: []string{"evidence", "store"}, modules: []string{"golang.org/x/mod", "github.com/transparency-dev/merkle"}},
	"gap":               {rooms: []string{"evidence", "gap/catalogue", "gap/result", "gap/rule", "gap/wire"}},
	"gap/wire":          {},
	"gap/catalogue":     {rooms: []string{"evidence", "gap/result", "gap/rule"}, modules: []string{"github.com/goccy/go-yaml"}},
	"gap/result":        {rooms: []string{"evidence"}},
	"gap/rule":          {rooms: []string{"evidence"}, modules: []string{"cel.dev/cel-go"}},
	"review":            {rooms: []string{"evidence", "gap"}},
	"population":        {rooms: []string{"evidence", "gap", "gap/result"}},
	"export":            {rooms: []string{"evidence", "gap", "gap/catalogue", "gap/result", "population"}, modules: []string{"github.com/klauspost/compress"}},
	"api":               {rooms: []string{"evidence", "gap/result"}},
	"ops": {rooms: []string{"api", "evidence", "config", "collectors", "collectors/all", "schedule", "store", "gap", "gap/catalogue", "gap/result", "population", "review", "export", "verify",
		"anchor", "anchor/*", "cloud/*", "ops/changes", "ops/custody", "ops/expected", "collectors/transport"}},
	"ops/changes":                   {rooms: []string{"api", "evidence", "gap", "gap/catalogue", "gap/result"}},
	"ops/lint":                      {rooms: []string{"api", "evidence", "gap/catalogue", "gap/result", "gap/timeline", "ops", "review"}},
	"ops/expected":                  {rooms: []string{"evidence", "config", "collectors/all", "collectors/transport", "schedule", "gap/result"}},
	"ops/setup":                     {rooms: []string{"api", "ops", "ops/custody", "evidence", "config", "collectors", "collectors/all", "collectors/transport", "store"}},
	"ops/custody":                   {rooms: []string{"api", "evidence", "config", "receipt", "store", "cloud/*"}},
	"receipt":                       {rooms: []string{"evidence"}},
	"daemon":                        {rooms: []string{"api", "anchor", "ops", "ops/custody", "evidence", "config", "collectors", "collectors/transport", "schedule", "store", "gap/catalogue", "gap/result", "notify", "serve"}, modules: []string{"golang.org/x/sys"}},
	"demo":                          {rooms: []string{"api", "ops", "ops/custody", "ops/setup", "evidence", "config", "collectors", "schedule", "store", "gap/catalogue", "gap/result", "collectors/transport", "simulator", "verify"}},
	"collectors":                    {rooms: []string{"evidence"}, modules: []string{"golang.org/x/sync"}},
	"collectors/transport":          {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/cenkalti/backoff/v5"}},
	"collectors/collectortest":      {rooms: []string{"evidence", "collectors", "collectors/transport"}, modules: []string{"github.com/goccy/go-yaml", "github.com/google/go-cmp"}},
	"collectors/all":                {rooms: []string{"collectors", "collectors/*"}},
	"collectors/aws":                {rooms: []string{"evidence", "collectors", "collectors/aws/policy"}, modules: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"collectors/aws/policy":         {},
	"collectors/git":                {rooms: []string{"evidence", "collectors"}},
	"collectors/github/protection":  {rooms: []string{"collectors"}},
	"collectors/github":             {rooms: []string{"evidence", "collectors", "collectors/github/protection"}, modules: []string{"github.com/google/go-github/v60", "golang.org/x/sync"}},
	"collectors/ldap":               {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/go-ldap/ldap/v3", "github.com/go-asn1-ber/asn1-ber"}},
	"collectors/sheet":              {rooms: []string{"evidence", "collectors"}},
	"collectors/roster":             {rooms: []string{"evidence", "collectors", "collectors/sheet"}},
	"collectors/register":           {rooms: []string{"evidence", "collectors", "collectors/sheet"}},
	"collectors/rest":               {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/goccy/go-yaml", "github.com/itchyny/gojq"}},
	"anchor":                        {rooms: []string{"evidence", "anchor/timestamp"}, modules: []string{"github.com/cenkalti/backoff/v5", "github.com/transparency-dev/formats", "golang.org/x/mod"}},
	"anchor/s3":                     {rooms: []string{"evidence", "anchor"}, modules: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"anchor/timestamp":              {rooms: []string{"evidence"}, modules: []string{"github.com/digitorus/timestamp", "github.com/digitorus/pkcs7"}},
	"anchor/witness":                {modules: []string{"github.com/transparency-dev/formats", "golang.org/x/mod"}},
	"mototest":                      {},
	"cloud/aws":                     {modules: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"cloud/gcp":                     {modules: []string{"cloud.google.com/go/auth"}},
	"schedule":                      {rooms: []string{"evidence", "collectors", "collectors/transport"}, modules: []string{"github.com/robfig/cron/v3", "golang.org/x/sync"}},
	"notify":                        {rooms: []string{"evidence", "gap/result"}},
	"serve":                         {rooms: []string{"api", "ops", "evidence"}, modules: []string{"github.com/prometheus/client_golang"}},
	"config":                        {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/agnivade/levenshtein", "github.com/goccy/go-yaml"}},
	"cmd/evidenced-verify":          {rooms: []string{"evidence", "verify", "anchor/timestamp"}},
	"simulator/graphql/graphqltest": {rooms: []string{"simulator/graphql"}, modules: []string{"github.com/vektah/gqlparser/v2"}},
	"gap/timeline":                  {rooms: []string{"evidence", "gap", "gap/catalogue", "gap/result"}},
	"cmd/evidenced/page":            {rooms: []string{"api", "evidence"}},
	"cmd/evidenced": {
		rooms:   []string{"api", "cmd/evidenced/page", "config", "daemon", "demo", "evidence", "ops", "ops/custody", "ops/lint", "ops/setup", "serve", "anchor/*", "verify"},
		modules: []string{"github.com/spf13/cobra", "github.com/vbauerster/mpb/v8", "golang.org/x/term"},
	},
}

// eachSource calls do with every Go file of the project that is no test.
func eachSource(do func(file string) error) error {
	return filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != "." || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		return do(file)
	})
}

// TestRooms parses every file itself, so that the test cache sees the files.
func TestRooms(t *testing.T) {
	seen := map[string]bool{}
	err := eachSource(func(file string) error {
		room := filepath.ToSlash(filepath.Dir(file))
		seen[room] = true
		checkFile(t, room, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range policy {
		if !seen[room] && !strings.HasSuffix(room, "/*") {
			t.Errorf("the policy names the room %s, which is not there", room)
		}
	}
}

func checkFile(t *testing.T, room, file string) {
	p, ok := policy[room]
	if !ok {
		t.Errorf("%s: the room %s has no import policy; state one in deps_test.go", file, room)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	for _, imp := range f.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil || !allowed(name, p.rooms, p.modules) {
			t.Errorf("%s: %s may not import %s", file, room, name)
		}
	}
}

func allowed(name string, rooms, modules []string) bool {
	if room, ours := strings.CutPrefix(name, module+"/"); ours {
		return slices.ContainsFunc(rooms, func(r string) bool { ok, err := path.Match(r, room); return ok && err == nil })
	}
	first, _, _ := strings.Cut(name, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(modules, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") })
}

// TestRoomsSayWhatTheyAreFor: every room has a doc.go that names what never enters.
func TestRoomsSayWhatTheyAreFor(t *testing.T) {
	for room := range policy {
		if room == "." || strings.HasPrefix(room, "cmd/evidenced-verify") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(room, "doc.go"), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", room, err)
			continue
		}
		if text := strings.Join(strings.Fields(f.Doc.Text()), " "); !strings.Contains(text, "never enters") {
			t.Errorf("%s/doc.go does not say what never enters", room)
		}
	}
}

// banned are packages of the standard library that a room must do without.
var banned = map[string][]string{
	"api":          {"net/http", "os", "os/exec"},
	"ops":          {"net/http", "os/signal", "flag"},
	"ops/changes":  {"net/http", "os", "os/signal", "flag"},
	"ops/custody":  {"net/http", "os/signal", "flag"},
	"ops/expected": {"net/http", "os"},
	"ops/lint":     {"net/http", "os/signal", "flag"},
	"ops/setup":    {"net/http", "os/signal", "flag"},
	"gap":          {"net/http", "os"},
	"gap/rule":     {"net/http", "os"},
	"gap/result":   {"net/http", "os"},
	"population":   {"net/http", "os"},
	"evidence":     {"net/http", "os"},
}

// alone says which rooms may import a module that belongs to one purpose.
var alone = map[string][]string{
	"cel.dev/cel-go":                      {"gap/rule"},
	"go.etcd.io/bbolt":                    {"store"},
	"github.com/spf13/cobra":              {"cmd/evidenced"},
	"github.com/prometheus/client_golang": {"serve"},
	"github.com/robfig/cron/v3":           {"schedule"},
	"github.com/google/go-github/v60":     {"collectors/github"},
}

// large are rooms that may have more lines than maxLines: a vendor with hundreds
// of calls, a company with all of its systems, and the store, whose code for
// frames, series and checks is one format.
var large = map[string]bool{"collectors/aws": true, "simulator": true, "store": true}

// Bounds of a room: the lines of its code, and of one file; how many rooms
// import one another in a row.
const (
	maxLines     = 4500
	maxFileLines = 500
	maxMain      = 60
	maxCommand   = 3500
	maxDepth     = 10
)

// room is what the files of a folder say.
type room struct {
	lines   int
	imports map[string]bool // of rooms
}

// TestShape holds rooms to what they may use, and to sizes a reader can follow.
func TestShape(t *testing.T) {
	rooms := map[string]*room{}
	err := eachSource(func(file string) error {
		name := filepath.ToSlash(filepath.Dir(file))
		if rooms[name] == nil {
			rooms[name] = &room{imports: map[string]bool{}}
		}
		return rooms[name].add(t, name, file)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range rooms {
		limit := maxLines
		if name == "cmd/evidenced" {
			limit = maxCommand
		}
		if r.lines > limit && !large[name] {
			t.Errorf("%s has %d lines of code: %d are the most", name, r.lines, limit)
		}
	}
	longest := longestChain(rooms, "cmd/evidenced", map[string][]string{})
	t.Logf("the longest chain of imports: %s", strings.Join(longest, " -> "))
	if len(longest) > maxDepth {
		t.Errorf("%d rooms import one another in a row: %s", len(longest), strings.Join(longest, " -> "))
	}
}

// add takes one file into account.
func (r *room) add(t *testing.T, name, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	n := strings.Count(string(text), "\n")
	r.lines += n
	if n > maxFileLines {
		t.Errorf("%s has %d lines: %d are the most", file, n, maxFileLines)
	}
	if filepath.Base(file) == "main.go" && n > maxMain {
		t.Errorf("%s has %d lines: main only wires", file, n)
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			return err
		}
		if own, ok := strings.CutPrefix(path, module+"/"); ok {
			r.imports[own] = true
		}
		if slices.Contains(banned[name], path) {
			t.Errorf("%s: %s must do without %s", file, name, path)
		}
		for m, only := range alone {
			if (path == m || strings.HasPrefix(path, m+"/")) && !slices.Contains(only, name) {
				t.Errorf("%s: only %s may import %s", file, strings.Join(only, ", "), m)
			}
		}
	}
	return nil
}

// longestChain returns the longest chain of rooms that begins with name.
func longestChain(rooms map[string]*room, name string, known map[string][]string) []string {
	if c, ok := known[name]; ok {
		return c
	}
	var longest []string
	if r := rooms[name]; r != nil {
		for other := range r.imports {
			if c := longestChain(rooms, other, known); len(c) > len(longest) || len(c) == len(longest) && slices.Compare(c, longest) < 0 {
				longest = c
			}
		}
	}
	known[name] = append([]string{name}, longest...)
	return known[name]
}
