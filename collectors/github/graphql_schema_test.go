package github

import (
	"compress/gzip"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// githubSchema is GitHub's own schema of its GraphQL API, as the npm package
// @octokit/graphql-schema 15.26.1 has it.
var githubSchema = sync.OnceValues(func() (*ast.Schema, error) {
	f, err := os.Open("testdata/github-schema.graphql.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	// It has two fields twice, of a type that nobody here asks for.
	once := string(text)
	for _, twice := range []string{"  repositoryDeployKeySetting:", "  repositoryDeployKeySettingOrganizations("} {
		once = strings.Replace(once, twice, strings.Replace(twice, "Setting", "SettingOnce", 1), 1)
	}
	return gqlparser.LoadSchema(&ast.Source{Name: "github", Input: once})
})

func schema(t testing.TB) *ast.Schema {
	t.Helper()
	s, err := githubSchema()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestQueriesAreGitHubs holds the one document that is posted to GitHub's own
// schema: every field, argument and type in it is there, and none is about to go.
func TestQueriesAreGitHubs(t *testing.T) {
	doc, errs := gqlparser.LoadQueryWithRules(schema(t), changesQuery, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, op := range doc.Operations {
		if op.Operation != ast.Query {
			t.Errorf("%s is a %s", op.Name, op.Operation)
		}
		wantKept(t, op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		wantKept(t, f.SelectionSet)
	}
}

// wantKept reports fields that GitHub says it will take away.
func wantKept(t *testing.T, set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if d := s.Definition.Directives.ForName("deprecated"); d != nil {
				t.Errorf("%s.%s: %s", s.ObjectDefinition.Name, s.Name, d.Arguments.ForName("reason").Value.Raw)
			}
			wantKept(t, s.SelectionSet)
		case *ast.InlineFragment:
			wantKept(t, s.SelectionSet)
		}
	}
}
