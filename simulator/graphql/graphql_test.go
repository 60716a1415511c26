package graphql

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// library is a schema of some books.
func library() Schema {
	book := func(i int) Object {
		o := Object{"__typename": "Book", "title": fmt.Sprint("book ", i), "author": nil}
		if i == 1 {
			o["author"] = Object{"__typename": "Person", "name": "ann"}
		}
		return o
	}
	return Schema{
		Types: map[string][]string{"Thing": {"Book"}},
		Query: Object{
			"__typename": "Query",
			"books":      Connection{N: 5, At: book},
			"book":       Resolver(func(args map[string]any) any { n, _ := number(args["n"]); return book(n) }),
			"both":       []any{book(1), Error{Type: "NOT_FOUND", Message: "gone"}},
			"secret":     Error{Type: "FORBIDDEN", Message: "no"},
		},
	}
}

func do(t *testing.T, query string, variables map[string]any) string {
	t.Helper()
	b, err := json.Marshal(library().Do(Request{Query: query, Variables: variables}))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDo(t *testing.T) {
	for query, want := range map[string]string{
		`{ book(n: 1) { title author { name } } }`:                                            `{"data":{"book":{"author":{"name":"ann"},"title":"book 1"}}}`,
		`query Q { a: book(n: 2) { t: title author { name } } }`:                              ``,
		`{ a: book(n: 2) { t: title author { name } } }`:                                      `{"data":{"a":{"author":null,"t":"book 2"}}}`,
		`query($n: Int!) { book(n: $n) { title } }`:                                           `{"data":{"book":{"title":"book 3"}}}`,
		`query($no: Boolean!) { book(n: 1) @include(if: $no) { title } both { __typename } }`: `{"data":{"both":[{"__typename":"Book"},null]},"errors":[{"type":"NOT_FOUND","message":"gone","path":["both",1]}]}`,
		`{ book(n: 1) @skip(if: false) { ... on Thing { title } ... on Person { name } } }`:   `{"data":{"book":{"title":"book 1"}}}`,
		`{ book(n: 1) { ...b } } # a comment` + "\n" + `fragment b on Book { title }`:         `{"data":{"book":{"title":"book 1"}}}`,
		`{ secret }`: `{"data":{"secret":null},"errors":[{"type":"FORBIDDEN","message":"no","path":["secret"]}]}`,
		`{ books(first: 2) { totalCount pageInfo { hasNextPage endCursor } nodes { title } } }`:   `{"data":{"books":{"nodes":[{"title":"book 0"},{"title":"book 1"}],"pageInfo":{"endCursor":"Y3Vyc29yOjE=","hasNextPage":true},"totalCount":5}}}`,
		`{ books(first: 9, after: "Y3Vyc29yOjM=") { pageInfo { hasNextPage } nodes { title } } }`: `{"data":{"books":{"nodes":[{"title":"book 4"}],"pageInfo":{"hasNextPage":false}}}}`,
		`{ books(last: 1) { pageInfo { hasPreviousPage } nodes { title } } }`:                     `{"data":{"books":{"nodes":[{"title":"book 4"}],"pageInfo":{"hasPreviousPage":true}}}}`,
		`{ books { ...page } } fragment page on BookConnection { totalCount }`:                    ``,
		`{ books(first: 1) { ...page } } fragment page on BookConnection { totalCount }`:          `{"data":{"books":{"totalCount":5}}}`,
		`{ book(n: 1) { price } }`: ``,
		`{ book(n: 1) { ...a } } fragment a on Book { ...b } fragment b on Book { ...a }`: ``,
		`{ book(n: 1) { ...missing } }`:        ``,
		`mutation { book(n: 1) { title } }`:    ``,
		`{ book(n: 1) { title }`:               ``,
		`{ book(n: [1, {a: "x"}]) { title } }`: `{"data":{"book":{"title":"book 0"}}}`,
		`{ book(n: ~) { title } }`:             ``,
		`{ book(n: 1) @defer { title } }`:      ``,
	} {
		got := do(t, query, map[string]any{"n": 3.0, "no": false})
		if want == "" && !strings.HasPrefix(got, `{"data":null,"errors":[{"message":`) || want != "" && got != want {
			t.Errorf("%s\ngave %s\nwant %s", query, got, want)
		}
	}
}

// FuzzParse: whatever is posted is answered.
func FuzzParse(f *testing.F) {
	f.Add(`query Q($a: [ID!]! = ["x"]) { a: b(c: $a, d: {e: -1.5, f: null}) @include(if: true) { ...f } } fragment f on X { y }`)
	f.Add(`{ "`)
	f.Fuzz(func(t *testing.T, text string) {
		if a := library().Do(Request{Query: text}); a.Data == nil && len(a.Errors) == 0 {
			t.Error("neither data nor errors")
		}
	})
}
