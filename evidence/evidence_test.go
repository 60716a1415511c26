package evidence

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestVectors: the vectors were made by another implementation (Python's json
// and hashlib), and any other one may run them.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors/canonical.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ JSON, Canonical, SHA256, Leaf string }
	if err := json.Unmarshal(b, &vectors); err != nil || len(vectors) < 15 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		generic, err := decodeAny([]byte(v.JSON))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Canonical(generic)
		if err != nil || string(got) != v.Canonical {
			t.Errorf("canonical of %s: %s, %v; want %s", v.JSON, got, err, v.Canonical)
		}
		if HashOf(got).String() != v.SHA256 || LeafHash(got).String() != v.Leaf {
			t.Errorf("hash of %s", got)
		}
	}
}

func TestCanonicalOfTypes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("x", 3600))
	r := Record{Kind: "aws.iam.user", ID: "1", Name: "<n>", Effective: &at, Attributes: map[string]any{"n": 3, "l": []string{"b", "a"}, "m": map[string]any{"x": int64(1)}, "f": 1.5, "t": at}}
	got, err := Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"attributes":{"f":1.5,"l":["b","a"],"m":{"x":1},"n":3,"t":"2026-01-02T02:04:05.0000006Z"},"effective":"2026-01-02T02:04:05.0000006Z","id":"1","kind":"aws.iam.user","name":"<n>"}`
	if string(got) != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	for name, bad := range map[string]any{"NaN": math.NaN(), "channel": make(chan int), "bytes that are no text": "\xff", "in a list": []string{"\xff"}, "as a name": map[string]any{"\xff": 1}} {
		if b, err := Canonical(bad); err == nil {
			t.Errorf("%s gave %s", name, b)
		}
	}
}

// TestMembers holds the fast way to the one through encoding/json.
func TestMembers(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []any{
		Record{}, Record{Kind: "a.b", ID: "1", Name: "n", Scope: "s", Effective: &at, Attributes: map[string]any{"x": "y"}},
		Exchange{}, Exchange{Call: "c", Scope: "s", Method: "GET", URL: "u", Request: "r", Status: 200, Header: map[string]string{"b": "2", "a": "1"}, Body: "b", Binary: []byte{0xff, 1},
			RequestID: "id", Attempt: 2, Started: at, Ended: at, Error: "e", Redacted: []string{"x"}},
	} {
		fast, err := Canonical(v)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := appendOther(nil, v)
		if err != nil || !bytes.Equal(fast, slow) {
			t.Errorf("fast %s\nslow %s %v", fast, slow, err)
		}
	}
}

func TestDecodeCanonicalRefuses(t *testing.T) {
	for _, bad := range []string{``, `{"id":1} `, ` {}`, `{"b":1,"a":2}`, `{"a":1,"a":1}`, `{"a":01}`, `{"a":1.0}`, `{"a":"\u0041"}`, `{}{}`, `{"unknown":1}`} {
		var v struct {
			A any `json:"a"`
			B any `json:"b"`
		}
		if err := DecodeCanonical([]byte(bad), &v); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestDecodeCanonicalOfTypes: encoding/json takes a member's name in any case,
// and null for anything; the log does not.
func TestDecodeCanonicalOfTypes(t *testing.T) {
	due := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	total := 3
	entry := Entry{Index: 7, Recorded: due, Type: EntryRun, Run: &Run{Slot: Slot{Stream: Stream{"aws", "aws.iam.user", "1"}, Due: due, Trigger: Scheduled}, Outcome: Partial,
		Reason: &Reason{Class: Denied, Detail: "<\u2028\ufffd&"}, Records: &Ref{Count: 1}, Certificate: &Certificate{Scopes: []ScopeResult{{Scope: "1", Status: ScopeRead}}, Total: &total,
			Filters: map[string]string{"a": "b"}, Window: &Window{From: due, To: due, After: "m"}}}}
	sound, err := Canonical(entry)
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeCanonical(sound, new(Entry)); err != nil {
		t.Fatal(err)
	}
	body, err := Canonical(Entry{Type: EntryConfig, Body: json.RawMessage(`{"a":[1,"x"]}`)})
	if err != nil || DecodeCanonical(body, new(Entry)) != nil {
		t.Fatalf("%s %v", body, err)
	}
	for from, to := range map[string]string{`"Type"`: `"type"`, `"INDEX"`: `"index"`, "\"cla\u017fs\"": `"class"`, `"reason":null,"records"`: `"records"`, `"outcome":"x","stream"`: `"stream"`,
		`05.00000060Z`: `05.0000006Z`, `+00:00"`: `Z"`, `"index":7.0`: `"index":7`} {
		bad := strings.Replace(string(sound), to, from, 1)
		if bad == string(sound) {
			t.Fatalf("%s is not in %s", to, sound)
		}
		if err := DecodeCanonical([]byte(bad), new(Entry)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestStructsHoldText: encoding/json would put U+FFFD for what is not UTF-8.
func TestStructsHoldText(t *testing.T) {
	for name, bad := range map[string]any{
		"field": Reason{Detail: "\xff"}, "pointer": &Reason{Detail: "\xff"}, "map": Certificate{Filters: map[string]string{"a": "\xff"}},
		"name": Certificate{Filters: map[string]string{"\xff": "a"}}, "body": Entry{Body: json.RawMessage("\"\xff\"")}, "after a backslash": Reason{Detail: "\\\xff"},
	} {
		if b, err := Canonical(bad); err == nil {
			t.Errorf("%s gave %s", name, b)
		}
	}
	for _, good := range []string{"\ufffd", `\ufffd`, `\\ufffd`, "\u2028<&>"} {
		if b, err := Canonical(Reason{Detail: good}); err != nil {
			t.Errorf("%q: %s %v", good, b, err)
		}
	}
}

func TestStream(t *testing.T) {
	for _, s := range []string{"aws/aws.iam.user/111122223333", "github/github.branch/acme/product", "aws/aws.account/organization"} {
		st, err := ParseStream(s)
		if err != nil || st.String() != s {
			t.Errorf("%s: %v, %v", s, st, err)
		}
	}
	for _, s := range []string{"", "aws", "aws/aws.iam.user", "aws/aws.iam.user/", "AWS/aws.iam.user/1", "aws/user/1", "aws/Aws.User/1", "/a.b/c"} {
		if st, err := ParseStream(s); err == nil {
			t.Errorf("%q was taken as %v", s, st)
		}
	}
}

func TestHashText(t *testing.T) {
	h := HashOf([]byte("x"))
	if got, err := ParseHash(h.String()); err != nil || got != h {
		t.Fatal(got, err)
	}
	for _, bad := range []string{"", "00", strings.ToUpper(h.String()), h.String() + "00", h.String()[:63] + "g", strings.Repeat(" ", 64)} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestRecordValidate(t *testing.T) {
	good := Record{Kind: "a.b", ID: "1", Attributes: map[string]any{"x": []any{int64(1)}}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Record{
		"no kind": {ID: "1"}, "bad kind": {Kind: "B", ID: "1"}, "no id": {Kind: "a.b"},
		"null":           {Kind: "a.b", ID: "1", Attributes: map[string]any{"x": nil}},
		"deep null":      {Kind: "a.b", ID: "1", Attributes: map[string]any{"x": map[string]any{"y": nil}}},
		"null in a list": {Kind: "a.b", ID: "1", Attributes: map[string]any{"x": []any{map[string]any{"y": nil}}}},
	} {
		if err := r.Validate(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := SortRecords([]Record{{ID: "1", Scope: "a"}, {ID: "2"}, {ID: "1", Scope: "b"}}); err != nil {
		t.Fatal(err)
	}
	if err := SortRecords([]Record{{ID: "1"}, {ID: "2"}, {ID: "1"}}); err == nil {
		t.Fatal("two records with one id")
	}
}

func TestLines(t *testing.T) {
	in := []Record{{Kind: "a.b", ID: "1", Name: "n", Attributes: map[string]any{"i": int64(7), "f": 1.5, "l": []any{int64(1), "x"}, "m": map[string]any{"b": true}}}, {Kind: "a.b", ID: "2", Attributes: map[string]any{}}}
	b, err := Lines(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []Record
	for r, err := range ReadLines[Record](bytes.NewReader(b)) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Fatal(diff)
	}
	for _, bad := range []string{string(b[:len(b)-1]), "{}\n{", "{\"unknown\":1}\n", "[]\n", "\n", "{}{}\n", "{} x\n",
		strings.Replace(string(b), `"kind"`, `"Kind"`, 1), strings.Replace(string(b), `"id":"1"`, `"id":"\u0031"`, 1), strings.Replace(string(b), `{"attributes"`, `{ "attributes"`, 1)} {
		var last error
		for _, err := range ReadLines[Record](strings.NewReader(bad)) {
			last = err
		}
		if last == nil {
			t.Errorf("%q was read", bad)
		}
	}
	for range ReadLines[Record](strings.NewReader("")) {
		t.Fatal("an empty blob holds a record")
	}
}

// endless never ends its line.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestLineIsBounded(t *testing.T) {
	for _, err := range ReadLines[Record](io.LimitReader(endless{}, MaxLine+1<<20)) {
		if err == nil || !strings.Contains(err.Error(), "longer than") {
			t.Fatal(err)
		}
	}
}

// TestNoLineIsWrittenThatCannotBeRead holds Lines to the bound of ReadLines.
func TestNoLineIsWrittenThatCannotBeRead(t *testing.T) {
	long := strings.Repeat("x", MaxLine-2) // and two quotes
	b, err := Lines([]string{long})
	if err != nil {
		t.Fatal(err)
	}
	for got, err := range ReadLines[string](bytes.NewReader(b)) {
		if err != nil || got != long {
			t.Fatal(len(got), err)
		}
	}
	if _, err := Lines([]string{"a", long + "x"}); err == nil || !strings.Contains(err.Error(), "item 2 of 2 is longer than") {
		t.Fatal(err)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x"],"b":null}`))
	f.Add([]byte(`"\ud800"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decodeAny(b)
		if err != nil {
			return
		}
		once, err := Canonical(v)
		if err != nil {
			return // a number that no float64 holds
		}
		again, err := decodeAny(once)
		if err != nil {
			t.Fatalf("canonical text is not JSON: %s", once)
		}
		if twice, err := Canonical(again); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s is canonical, then %s (%v)", once, twice, err)
		}
		var any any
		if err := DecodeCanonical(once, &any); err != nil {
			t.Fatalf("%s: %v", once, err)
		}
	})
}

func BenchmarkLines(b *testing.B) {
	records := make([]Record, 2000)
	for i := range records {
		records[i] = Record{Kind: "aws.iam.user", ID: strings.Repeat("x", 40), Name: "name", Attributes: map[string]any{"mfa_active": true, "password_enabled": true,
			"created_at": "2026-01-01T00:00:00Z", "access_key_1_active": false, "access_key_1_last_rotated_at": "2026-01-01T00:00:00Z"}}
	}
	for b.Loop() {
		text, err := Lines(records)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
	}
}

func BenchmarkReadLines(b *testing.B) {
	records := make([]Record, 2000)
	for i := range records {
		records[i] = Record{Kind: "aws.iam.user", ID: strings.Repeat("x", 40), Name: "name", Attributes: map[string]any{"mfa_active": true, "password_enabled": true,
			"created_at": "2026-01-01T00:00:00Z", "access_key_1_active": false, "access_key_1_last_rotated_at": "2026-01-01T00:00:00Z"}}
	}
	text, err := Lines(records)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for _, err := range ReadLines[Record](bytes.NewReader(text)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
