package github

import (
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/evidenced/evidenced/simulator/graphql/graphqltest"
)

// githubSchema is GitHub's own schema of its GraphQL API, as the npm package
// @octokit/graphql-schema 15.26.1 (MIT) has it.
var githubSchema = sync.OnceValues(func() (*graphqltest.Schema, error) {
	return graphqltest.Load("testdata/github-schema.graphql.gz")
})

func schema(t testing.TB) *graphqltest.Schema {
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
	doc, err := schema(t).Query(changesQuery)
	if err != nil {
		t.Fatal(err)
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
