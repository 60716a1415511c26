package graphqltest

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/simulator/graphql"
)

const library = `
type Query { book(n: Int!): Thing }
interface Thing { title: String! }
enum State { OPEN CLOSED }
type Book implements Thing { title: String! pages: Int state: State authors: [String!]! }
`

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.gz")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	_, err = z.Write([]byte(library))
	if err != nil || z.Close() != nil || f.Close() != nil {
		t.Fatal(err)
	}
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	const query = `query Q($n: Int!, $more: Boolean!) { book(n: $n) { __typename ...t ... on Book { pages state p: pages @include(if: $more) authors } } } fragment t on Thing { title }`
	good := graphql.Request{Query: query, Operation: "Q", Variables: map[string]any{"n": 1, "more": false}}
	const whole = `{"data":{"book":{"__typename":"Book","title":"x","pages":3,"state":"OPEN","authors":["a"]}}}`
	if err := s.Check(good, []byte(whole)); err != nil {
		t.Errorf("what is right: %v", err)
	}
	for from, to := range map[string]string{
		`"title":"x"`: `"title":null`, `"title":"x",`: ``, `"pages":3`: `"pages":3000000000`, `"pages":3,`: `"pages":"3",`, `"OPEN"`: `"open"`, `["a"]`: `"a"`, `"a"`: `null`,
	} {
		if err := s.Check(good, []byte(strings.Replace(whole, from, to, 1))); err == nil {
			t.Errorf("%s in the place of %s is right", to, from)
		}
	}
	if err := s.Check(good, []byte(`{"data":{"book":null},"errors":[{"message":"gone"}]}`)); err != nil {
		t.Errorf("an error: %v", err)
	}
	for name, r := range map[string]graphql.Request{
		"a field that is not there":  {Query: `{ book(n: 1) { price } }`},
		"a variable of another type": {Query: query, Operation: "Q", Variables: map[string]any{"n": true, "more": true}},
		"no such operation":          {Query: query, Operation: "R"},
	} {
		if err := s.Check(r, []byte(whole)); err == nil {
			t.Errorf("%s is right", name)
		}
	}
}
