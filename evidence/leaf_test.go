package evidence

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func hour(n int) time.Time { return time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC) }

// leafEntries are entries of every shape.
func leafEntries() []Entry {
	ref := &Ref{Hash: HashOf([]byte("x")), Size: 1 << 40, Count: 3}
	offset, total := int64(-250), 7
	stream := Stream{Source: "aws", Kind: "aws.iam.user", Scope: "1/eu \"west\""}
	cert := Certificate{Complete: true, Scopes: []ScopeResult{{Scope: "1/a", Status: ScopeRead}, {Scope: "1/b", Status: ScopeDenied, Reason: &Reason{Class: Denied, Detail: "no"}}},
		Pages: 2, Rows: 3, Requests: 4, Started: hour(1), Ended: hour(2), Collector: "aws/2", Rules: "d3"}
	full := cert
	full.ClockOffsetMS, full.Total, full.KeptDays, full.Mark, full.Schema, full.Principal = &offset, &total, 90, "abc\\\n", "5", "arn:ä"
	full.Endpoints, full.Redactions, full.Filters = []string{"a.example", "b.example"}, []string{"password"}, map[string]string{"state": "all"}
	full.Window = &Window{From: hour(0), To: hour(1).Add(1500 * time.Microsecond), After: "mark"}
	full.Complete = false
	slot := Slot{Stream: stream, Due: hour(3), Trigger: Scheduled}
	body := json.RawMessage(`{"event":"x","type":"run"}`)
	return []Entry{
		{Index: 0, Recorded: hour(4), Type: EntryRun, Run: &Run{Slot: slot, Outcome: Collected, Certificate: &cert, Records: ref, Exchanges: ref}},
		{Index: 1 << 50, Recorded: hour(4).Add(7), Type: EntryRun, Run: &Run{Slot: slot, Outcome: Partial, Certificate: &full, Records: ref}},
		{Index: 2, Recorded: hour(4), Type: EntryRun, Run: &Run{Slot: slot, Outcome: Missed, Reason: &Reason{Class: AgentOff, Detail: "off"}}},
		{Index: 3, Recorded: hour(4), Type: EntryRun, Run: &Run{Slot: slot, Outcome: Failed, Reason: &Reason{Class: Internal}, Exchanges: ref, Certificate: &Certificate{}}},
		{Index: 4, Recorded: hour(4), Type: EntryAgent, Body: body},
		{Index: 5, Recorded: hour(4), Type: EntryUpload, Body: body, Blobs: []Ref{*ref, {}}},
		{Index: 6, Recorded: hour(4), Type: EntryAgent},
	}
}

func text(t testing.TB, e Entry) []byte {
	t.Helper()
	leaf, err := Canonical(e)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// TestLeafDecoder: every entry that is written is read in one pass, and says what
// encoding/json says.
func TestLeafDecoder(t *testing.T) {
	var d LeafDecoder
	for range 2 { // the second time from what was kept of the first
		for _, e := range leafEntries() {
			leaf := text(t, e)
			if fast, ok := d.entry(leaf); !ok {
				t.Errorf("not read in one pass: %s\n%+v", leaf, fast)
			}
			var want Entry
			if err := json.Unmarshal(leaf, &want); err != nil {
				t.Fatal(err)
			}
			got, err := d.Leaf(leaf).Entry()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s\n%v\ngot  %+v\nwant %+v", leaf, err, got, want)
			}
			if kind := d.Leaf(leaf).Type(); kind != e.Type {
				t.Errorf("%s: type %q", leaf, kind)
			}
		}
	}
}

// TestLeafDecoderOnOtherText: what is not canonical is decoded all the same, what
// is no entry is an error, and neither spoils what comes after.
func TestLeafDecoderOnOtherText(t *testing.T) {
	var d LeafDecoder
	canonical := string(text(t, leafEntries()[1]))
	for _, change := range [][2]string{
		{`"index":`, ` "index": `},
		{`"pages":2`, `"pages":2e0`},
		{`"pages":2`, `"pages":02`},
		{`"pages":2`, `"pages":-0`},
		{`"pages":2`, `"pages":null`},
		{`"pages":2`, `"pages":99999999999999999999`},
		{`"complete":false`, `"complete":"no"`},
		{`"status":"read"`, `"status":7`},
		{`04:00:00.000000007Z`, `04:00:00.0000000070Z`},
		{`T03:00:00Z`, `T03:00:00+00:00`},
		{`T03:00:00Z`, `T24:00:00Z`},
		{`-01T03:00:00Z`, `-32T03:00:00Z`},
		{`2026-01-01T03:00:00Z`, `2026-02-30T03:00:00Z`},
		{`aws/aws.iam.user/`, `aws/AWS/`},
		{`"mark":"abc\\\n"`, `"mark":"abc\\\u000a"`},
		{`"mark":"abc`, "\"mark\":\"\xff"},
		{`"type":"run"}`, `"type":"run"} `},
		{`"type":"run"}`, `"type":"run","zz":1}`},
		{`"type":"run"}`, `"type":"run"`},
		{`"rules":"d3"`, `"rules":"d3","rules":"d4"`},
		{`{"certificate"`, `{"CERTIFICATE"`},
	} {
		leaf := []byte(strings.Replace(canonical, change[0], change[1], 1))
		if string(leaf) == canonical {
			t.Fatalf("%q is not in %s", change[0], canonical)
		}
		sameAsJSON(t, &d, leaf)
		if _, ok := d.entry([]byte(canonical)); !ok {
			t.Fatalf("after %q it does not read canonical text any more", change[1])
		}
	}
}

func sameAsJSON(t *testing.T, d *LeafDecoder, leaf []byte) {
	t.Helper()
	var want Entry
	wantErr := json.Unmarshal(leaf, &want)
	got, err := d.Decode(leaf)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%s\ngot  %+v, %v\nwant %+v, %v", leaf, got, err, want, wantErr)
	}
}

// TestLeafSharesNoText: an entry does not change with the text that it was read from.
func TestLeafSharesNoText(t *testing.T) {
	for _, e := range leafEntries() {
		var d LeafDecoder
		leaf := text(t, e)
		got, err := d.Decode(leaf)
		if err != nil {
			t.Fatal(err)
		}
		for i := range leaf {
			leaf[i] = '#'
		}
		if again := string(text(t, got)); again != string(text(t, e)) {
			t.Errorf("it became %s", again)
		}
	}
}

// FuzzLeaf: no text is read otherwise than encoding/json reads it.
func FuzzLeaf(f *testing.F) {
	for _, e := range leafEntries() {
		f.Add(text(f, e))
	}
	f.Add([]byte(`{"index":1,"recorded":"2026-01-01T06:00:00Z","type":"a,\"type\":\"b"}`))
	f.Fuzz(func(t *testing.T, leaf []byte) {
		var d LeafDecoder
		sameAsJSON(t, &d, leaf)
		sameAsJSON(t, &d, leaf) // from what it keeps
	})
}

// BenchmarkLeaf decodes 10,000 runs of 64 streams. The share of encoding/json is
// told beside it.
func BenchmarkLeaf(b *testing.B) {
	var leaves [][]byte
	for i := range 10_000 {
		e := leafEntries()[i%2]
		e.Run.Stream.Scope = Scope(fmt.Sprint(i % 64))
		e.Index = uint64(i)
		leaves = append(leaves, text(b, e))
	}
	b.Run("leaf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var d LeafDecoder
			for _, leaf := range leaves {
				if _, err := d.Decode(leaf); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("type", func(b *testing.B) {
		for b.Loop() {
			var d LeafDecoder
			for _, leaf := range leaves {
				if d.Leaf(leaf).Type() != EntryRun {
					b.Fatal("no run")
				}
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, leaf := range leaves {
				var e Entry
				if err := json.Unmarshal(leaf, &e); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
