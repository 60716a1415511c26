package export

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// lists is a log of one stream, read as text or as records that are decoded.
type lists struct {
	Source
	runs  []evidence.Run
	blobs map[evidence.Hash][]byte
	text  bool
}

func (l *lists) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range l.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (l *lists) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	lines := evidence.ReadRecordLines(bytes.NewReader(l.blobs[ref.Hash]), evidence.MaxLine, "")
	if l.text {
		return lines
	}
	return func(yield func(evidence.Line, error) bool) {
		for r, err := range evidence.DecodeLines(lines) {
			if !yield(evidence.LineOf(r), err) {
				return
			}
		}
	}
}

// TestUnchangedLines: a population is the same whether the lines of snapshots
// are compared or each is decoded, whatever comes, goes and changes.
func TestUnchangedLines(t *testing.T) {
	from := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	rnd := rand.New(rand.NewPCG(1, 2))
	l := &lists{blobs: map[evidence.Hash][]byte{}}
	said := map[int]string{}
	for d := range 40 {
		var records []evidence.Record
		for i := range 30 {
			if rnd.IntN(10) == 0 {
				said[i] = fmt.Sprint(d)
			}
			if rnd.IntN(8) > 0 {
				records = append(records, evidence.Record{Kind: "aws.thing", ID: fmt.Sprintf("%02d", i), Name: "n", Attributes: map[string]any{"a": said[i]}})
			}
		}
		blob, err := evidence.Lines(records)
		if err != nil {
			t.Fatal(err)
		}
		run := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: "aws.thing", Scope: "1"}, Due: from.AddDate(0, 0, d)}, Outcome: evidence.Collected,
			Certificate: &evidence.Certificate{Complete: true, Ended: from.AddDate(0, 0, d)}, Records: &evidence.Ref{Hash: evidence.HashOf(blob), Count: len(records)}}
		l.runs, l.blobs[run.Records.Hash] = append(l.runs, run), blob
	}
	read := func(text bool) (out []string) {
		l.text = text
		b := &derived{from: l, Input: Input{Result: &result.Result{Streams: []result.StreamCoverage{{Stream: l.runs[0].Stream}}, Period: result.Period{From: from, To: from.AddDate(1, 0, 0)}, AsOf: from.AddDate(1, 0, 0)}}}
		items, err := b.population("aws.thing")
		if err != nil {
			t.Fatal(err)
		}
		if len(items) != 30 {
			t.Fatalf("%d items, not 30", len(items))
		}
		for _, it := range items {
			out = append(out, fmt.Sprint(it.itemID, it.name, it.attributes, it.first, it.last, it.snapshots))
		}
		return out
	}
	if diff := cmp.Diff(read(false), read(true)); diff != "" {
		t.Errorf("(-decoded +compared):\n%s", diff)
	}
}
