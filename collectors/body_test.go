package collectors

import "testing"

// TestListsInABody: a list of one free text stands for a list of any length, of free values.
func TestListsInABody(t *testing.T) {
	shape, err := ParseBody(`{"query":"query Q { a }","variables":{"ids":["{id}"],"on":"{flag}","fixed":["a","b"]}}`)
	if err != nil {
		t.Fatal(err)
	}
	for sent, want := range map[string]bool{
		`{"variables":{"ids":[]}}`:                    true,
		`{"variables":{"ids":["x","y",3]}}`:           true,
		`{"variables":{"on":true,"fixed":["a","b"]}}`: true,
		`{"variables":{"ids":[["x"]]}}`:               false,
		`{"variables":{"ids":[{"a":1}]}}`:             false,
		`{"variables":{"ids":"x"}}`:                   false,
		`{"variables":{"fixed":["a"]}}`:               false,
		`{"query":"query Q { b }"}`:                   false,
		`{"variables":{"on":null}}`:                   false,
	} {
		if got := shape.Admits("application/json", []byte(sent)); got != want {
			t.Errorf("%s: %v", sent, got)
		}
	}
}
