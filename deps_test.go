package evidenced

import (
	"go/parser"
	"go/token"
	"io/fs"
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
	".":                             {},
	"evidence":                      {},
	"deploy":                        {},
	"verify":                        {rooms: []string{"evidence"}},
	"simulator":                     {rooms: []string{"evidence", "simulator/graphql"}},
	"simulator/graphql":             {},
	"store":                         {rooms: []string{"evidence"}, modules: []string{"go.etcd.io/bbolt", "golang.org/x/mod", "github.com/klauspost/compress"}},
	"store/storetest":               {rooms: []string{"evidence", "store"}, modules: []string{"golang.org/x/mod", "github.com/transparency-dev/merkle"}},
	"gap":                           {rooms: []string{"evidence", "gap/catalogue", "gap/result", "gap/rule", "gap/wire"}},
	"gap/wire":                      {},
	"gap/catalogue":                 {rooms: []string{"evidence", "gap/result", "gap/rule"}, modules: []string{"github.com/goccy/go-yaml"}},
	"gap/result":                    {rooms: []string{"evidence"}},
	"gap/rule":                      {rooms: []string{"evidence"}, modules: []string{"cel.dev/cel-go"}},
	"review":                        {rooms: []string{"evidence", "gap"}},
	"export":                        {rooms: []string{"evidence", "gap", "gap/catalogue", "gap/result"}, modules: []string{"github.com/klauspost/compress"}},
	"collectors":                    {rooms: []string{"evidence"}, modules: []string{"github.com/cenkalti/backoff/v5", "golang.org/x/sync"}},
	"collectors/collectortest":      {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/goccy/go-yaml", "github.com/google/go-cmp"}},
	"collectors/all":                {rooms: []string{"collectors", "collectors/*"}},
	"collectors/aws":                {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"collectors/git":                {rooms: []string{"evidence", "collectors"}},
	"collectors/github":             {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/google/go-github/v60", "golang.org/x/sync"}},
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
	"kms/aws":                       {modules: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"secrets/aws":                   {modules: []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}},
	"secrets/gcp":                   {modules: []string{"cloud.google.com/go/auth"}},
	"kms/gcp":                       {modules: []string{"cloud.google.com/go/auth"}},
	"schedule":                      {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/robfig/cron/v3", "golang.org/x/sync"}},
	"notify":                        {rooms: []string{"evidence", "gap/result"}},
	"serve":                         {modules: []string{"github.com/prometheus/client_golang"}},
	"config":                        {rooms: []string{"evidence", "collectors"}, modules: []string{"github.com/agnivade/levenshtein", "github.com/goccy/go-yaml"}},
	"cmd/evidenced-verify":          {rooms: []string{"evidence", "verify", "anchor/timestamp"}},
	"simulator/graphql/graphqltest": {rooms: []string{"simulator/graphql"}, modules: []string{"github.com/vektah/gqlparser/v2"}},
	"gap/timeline":                  {rooms: []string{"evidence", "gap", "gap/catalogue", "gap/result"}},
	"cmd/evidenced": {
		rooms: []string{"evidence", "verify", "simulator", "store", "gap", "gap/catalogue", "gap/result", "gap/timeline", "review", "export", "collectors", "collectors/all", "schedule", "serve", "notify", "config", "kms/aws", "kms/gcp",
			"secrets/*", "anchor", "anchor/*"},
		modules: []string{"github.com/spf13/cobra", "github.com/vbauerster/mpb/v8", "golang.org/x/sys", "golang.org/x/term"},
	},
}

// TestRooms parses every file itself, so that the test cache sees the files.
func TestRooms(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != "." || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
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
