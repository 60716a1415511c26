package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

func manyNames(last string) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range 100 {
		fmt.Fprintf(&b, `"n%d":%d,`, i, i)
	}
	return b.String() + `"` + last + `":1}`
}

var twiceCases = map[string]string{ // a document, and the name that stands in it twice
	`{"a":1,"a":2}`:                          "a",
	`{"a":1,"b":{"a":2}}`:                    "",
	`{"b":{"a":2,"c":[{"x":1},{"x":2}]}}`:    "",
	`[{"a":{"b":1},"c":2,"a":{}}]`:           "a",
	`{"a":{"b":1,"c":{"b":1}},"b":3}`:        "",
	`{"a":{"b":[1,{"c":1,"d":2,"c":3}]}}`:    "c",
	`{"a":1,"\u0061":2}`:                     "a",
	`{"a\"":1,"a\"":2}`:                      `a"`,
	`{"a\\":1,"b":"a\\","a":1}`:              "",
	`{"a":"a","b":"a","c":"{\"a\":1,\"a\""}`: "",
	`{"a":1,"A":2}`:                          "",
	`["a","a"]`:                              "",
	`"a"`:                                    "",
	``:                                       "",
	"\ufeff {\"a\":1,\n\"a\" :2}":            "a",
	"{\"a\":1}\n{\"a\":2}":                   "",
	"{\"a\":1}\n{\"b\":2,\"b\":3}":           "b",
	`{"[redacted]":1,"[redacted]":2}`:        "",
	manyNames("n100"):                        "",
	manyNames("n7"):                          "n7",
	manyNames("n99"):                         "n99",
	"{\"\xff\":1,\"\xfe\":2}":                "\ufffd",
	`{"a":1,"a":2`:                           "", // cut: the decoder says so
	`{"a":1,"a`:                              "",
	`[Section] {"a":1,"a":2}`:                "",
	`<a x="{"/>`:                             "",
}

func TestDuplicateMembers(t *testing.T) {
	for text, want := range twiceCases {
		err := rejectDuplicateMembers("it", []byte(text))
		if (err != nil) != (want != "") || err != nil && (!errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), fmt.Sprintf("%q twice", want))) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
	if err := rejectDuplicateMembers("it", []byte(`{"":1,"":2}`)); err == nil {
		t.Error("the empty name is one as well")
	}
}

// TestDuplicateMembersAtTheDoor: such an answer is not handed on, whatever its status says,
// and neither is it when it is played back.
func TestDuplicateMembersAtTheDoor(t *testing.T) {
	for status, ctype := range map[int]string{200: "application/json", 404: "application/json", 201: "text/plain"} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ctype)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"mfa":false,"mfa":true}`))
		})
		_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
		if !errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), `names the member "mfa" twice`) || len(xs) != 1 || xs[0].Body == "" || xs[0].Error == "" {
			t.Errorf("%d: %v, %+v", status, err, xs)
		}
		again := newRig(t, nil, func(c *testConfig, o *Options) { *o = Replay(xs); c.base.Endpoint = r.url })
		if _, _, err := again.ask(t.Context(), "GET", r.url+"/things"); !errors.Is(err, collectors.ErrIncomplete) {
			t.Errorf("%d played back: %v", status, err)
		}
	}
}

// FuzzDuplicateMembers holds the scanner to a decoder.
func FuzzDuplicateMembers(f *testing.F) {
	for text := range twiceCases {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, collectors.Redacted) || !json.Valid([]byte(text)) {
			_ = rejectDuplicateMembers("it", []byte(text)) // it must not panic
			return
		}
		d := json.NewDecoder(strings.NewReader(text))
		want, err := repeats(d)
		if got := rejectDuplicateMembers("it", []byte(text)) != nil; err == nil && got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	})
}

// repeats reads one value, and reports a name that stands twice in an object of it.
func repeats(d *json.Decoder) (found bool, err error) {
	tok, err := d.Token()
	if err != nil || tok != json.Delim('{') && tok != json.Delim('[') {
		return false, err
	}
	seen := map[any]bool{}
	for d.More() {
		if tok == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return false, err
			}
			found, seen[name] = found || seen[name], true
		}
		inner, err := repeats(d)
		if err != nil {
			return false, err
		}
		found = found || inner
	}
	_, err = d.Token()
	return found, err
}

// BenchmarkDuplicateMembers reads a page of 10 MB as vendors send them, beside what its
// decoding costs.
func BenchmarkDuplicateMembers(b *testing.B) {
	user := `{"id":"00u1abcd","status":"ACTIVE","created":"2026-01-01T00:00:00.000Z","profile":{"login":"ada@acme.example","firstName":"Ada","lastName":"Lovelace","note":"she said \"hi\""},"groups":["a","b","c"],"_links":{"self":{"href":"https://acme.okta.example/api/v1/users/00u1abcd"}}},`
	page := []byte("[" + strings.TrimSuffix(strings.Repeat(user, 10<<20/len(user)), ",") + "]")
	b.Run("twice", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			if _, found := firstDuplicate(page); found {
				b.Fatal("found")
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			var v any
			if json.Unmarshal(page, &v) != nil {
				b.Fatal("no JSON")
			}
		}
	})
}
