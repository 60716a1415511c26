package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzMembers: what members cuts is what encoding/json reads, in canonical JSON.
func FuzzMembers(f *testing.F) {
	f.Add(`{"attributes":{"a":[1,{"b":"}"}],"c":"\\\""},"id":"x","kind":"a.b","name":"\u0001"}`)
	f.Add(`{"a":1,"b":{},"c":[],"d":"","e":null,"f":true,"g":-1.5e300}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := Members([]byte(text))
		var v map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &v) != nil {
			return // anything goes, but a panic
		}
		canonical, err := Canonical(v)
		if err != nil || string(canonical) != text {
			return
		}
		if !ok || len(got) != len(v) {
			t.Fatalf("%q: %d members of %d, %t", text, len(got), len(v), ok)
		}
		for _, p := range got {
			var name string
			if err := json.Unmarshal(slices.Concat([]byte{'"'}, p.Name, []byte{'"'}), &name); err != nil || string(v[name]) != string(p.Value) {
				t.Fatalf("%q: member %q is %q, want %q", text, p.Name, p.Value, v[name])
			}
		}
	})
}

// lineTexts are canonical lines, and such as are not.
var lineTexts = []string{
	`{"attributes":{"a":[1,{"b":"}"}],"c":"\\\""},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":-1,"b":{},"c":[],"d":"","f":true,"t":false},"effective":"2026-01-02T03:04:05.6Z","id":"\b\f\n\r\t\u0001ü","kind":"a.b","name":"","scope":"s"}`,
	`{"attributes":{},"id":"x","kind":"a.b","name":"n","scope":"s"}`,
	`{"attributes":{"n":999999999999999999},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":1.5},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":null,"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":null},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":9223372036854775808},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":01},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":-0},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"b":1,"a":1},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":1,"a":1},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":1,},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":"\u0041"},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":"\u000A"},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{"a":"\/"},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{},"effective":"2026-01-02T03:04:05+01:00","id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{},"effective":"2026-02-30T03:04:05Z","id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":{},"id":"x","kind":"a.b","name":"n","scope":""}`,
	`{"attributes":{},"id":"x","kind":"a.b","name":"n"} `,
	`{"attributes":{},"id":"x","kind":"a.b","name":"n","more":1}`,
	`{"attributes":{"a":"` + "\xff" + `"},"id":"x","kind":"a.b","name":"n"}`,
	`{"attributes":` + strings.Repeat(`{"a":`, 70) + `1` + strings.Repeat(`}`, 70) + `,"id":"x","kind":"a.b","name":"n"}`,
}

// FuzzFastDecoder: what the fast decoder is ok with is what encoding/json reads, of text
// that is the canonical one.
func FuzzFastDecoder(f *testing.F) {
	for _, text := range lineTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := new(fastDecoder).record(text)
		if !ok {
			return
		}
		var want Record
		if err := decodeLine(text, &want); err != nil {
			t.Fatalf("%q: sure of %v, but %v", text, got, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
		head, ok := new(fastDecoder).head(text)
		if want.Attributes = nil; !ok || !cmp.Equal(want, head) {
			t.Fatalf("%q: its head is %v, %t", text, head, ok)
		}
	})
}

// TestFastDecoderOfUsualText: of all that collectors usually write.
func TestFastDecoderOfUsualText(t *testing.T) {
	for i, text := range lineTexts {
		if _, ok := new(fastDecoder).record([]byte(text)); ok != (i < 4) {
			t.Errorf("%s: %t", text, ok)
		}
		l := Line{text: []byte(text), from: new(lineFile)}
		if whole, err := l.Record(); err == nil {
			head, err := l.Head()
			if whole.Attributes = nil; err != nil || !cmp.Equal(head, whole) {
				t.Errorf("%s: its head is %v (%v)", text, head, err)
			}
		}
	}
}

// TestDigest: it changes with what is named and with all that is no attribute.
func TestDigest(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	line := func(change func(*Record)) Line {
		r := Record{Kind: "a.b", ID: "1", Name: "n", Effective: &at, Attributes: map[string]any{"b": "x", "c": int64(1), "d": []any{map[string]any{"e": "}"}}, "f": "\"", "z": "z"}}
		change(&r)
		text, err := Canonical(r)
		if err != nil {
			t.Fatal(err)
		}
		return Line{text: text, from: new(lineFile)}
	}
	names := []string{"a", "b", "d", "e"}
	same := line(func(*Record) {})
	for name, c := range map[string]struct {
		change func(*Record)
		read   bool
	}{
		"what is not read":       {func(r *Record) { r.Attributes["c"] = int64(2) }, false},
		"one that is added":      {func(r *Record) { r.Attributes["y"] = "y" }, false},
		"one that is gone":       {func(r *Record) { delete(r.Attributes, "z") }, false},
		"what is read":           {func(r *Record) { r.Attributes["b"] = "y" }, true},
		"within what is read":    {func(r *Record) { r.Attributes["d"] = []any{map[string]any{"e": "]"}} }, true},
		"what is said at last":   {func(r *Record) { r.Attributes["a"] = "" }, true},
		"what is no longer said": {func(r *Record) { delete(r.Attributes, "b") }, true},
		"its name":               {func(r *Record) { r.Name = "m" }, true},
		"its time":               {func(r *Record) { later := at.Add(1); r.Effective = &later }, false},
		"its scope":              {func(r *Record) { r.Scope = "s" }, true},
	} {
		other := line(c.change)
		want, _ := same.Digest(names)
		got, effective := other.Digest(names)
		if got != want != c.read {
			t.Errorf("%s: another digest: %t", name, got != want)
		}
		if other.Sum() == same.Sum() || got == 0 {
			t.Errorf("%s: the same sum, or no digest", name)
		}
		if r, err := other.Record(); err != nil || !cmp.Equal(r.Effective, effective) {
			t.Errorf("%s: effective %v, want %v (%v)", name, effective, r.Effective, err)
		}
	}
	for _, text := range []string{`{"attributes":{"b":1,"a":1},"id":"1"}`, `{"attributes":{"b":1,"b":1}}`, `{"attributes":{"b":1,}}`, `{"attributes":null}`, `{"attributes":{},"effective":"yesterday","id":"1"}`, `{"attributes":{"b"`, ``} {
		if sum, _ := (Line{text: []byte(text)}).Digest(names); sum != 0 {
			t.Errorf("%s has a digest", text)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	var records []Record
	for i := range 1000 {
		records = append(records, Record{Kind: "aws.iam.user", ID: fmt.Sprintf("arn:aws:iam::111122223333:user/u%05d", i), Name: fmt.Sprintf("u%05d", i), Attributes: map[string]any{
			"access_key_1_active": true, "access_key_1_last_rotated_at": "2026-01-02T03:04:05Z", "access_key_2_active": false, "attached_policies": []any{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
			"created_at": "2025-01-02T03:04:05Z", "groups": []any{"admins", "developers"}, "mfa_active": true, "password_enabled": true, "root": false, "tags": map[string]any{"team": "a", "cost": int64(4)}}})
	}
	blob, err := Lines(records)
	if err != nil {
		b.Fatal(err)
	}
	q := new(fastDecoder)
	for name, read := range map[string]func(line []byte) error{
		"quick":         func(line []byte) error { return decodeRecord(q, line, new(Record)) },
		"encoding-json": func(line []byte) error { return decodeLine(line, new(Record)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(blob)))
			for b.Loop() {
				eachLine(bytes.NewReader(blob), MaxLine, func(line []byte, err error) bool {
					if err == nil {
						err = read(line)
					}
					if err != nil {
						b.Fatal(err)
					}
					return true
				})
			}
		})
	}
}
