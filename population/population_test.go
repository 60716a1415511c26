package population

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// memory is a log, whose snapshots are read as text or as records that are decoded.
type memory struct {
	runs    []evidence.Run
	blobs   map[evidence.Hash][]byte
	erased  map[evidence.Hash]bool
	decoded bool
}

func (m *memory) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range m.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (m *memory) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	if m.erased[ref.Hash] {
		return func(yield func(evidence.Line, error) bool) { yield(evidence.Line{}, evidence.ErrErased) }
	}
	lines := evidence.ReadRecordLines(bytes.NewReader(m.blobs[ref.Hash]), evidence.MaxLine, "")
	if !m.decoded {
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

// add adds a run to the log; its records are sorted first.
func (m *memory) add(t *testing.T, run evidence.Run, records []evidence.Record) {
	t.Helper()
	if err := evidence.SortRecords(records); err != nil {
		t.Fatal(err)
	}
	blob, err := evidence.Lines(records)
	if err != nil {
		t.Fatal(err)
	}
	run.Records = &evidence.Ref{Hash: evidence.HashOf(blob), Count: len(records)}
	if m.blobs == nil {
		m.blobs, m.erased = map[evidence.Hash][]byte{}, map[evidence.Hash]bool{}
	}
	m.runs, m.blobs[run.Records.Hash] = append(m.runs, run), blob
}

const kind = evidence.Kind("aws.thing")

var (
	from   = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	period = result.Period{From: from, To: from.AddDate(0, 0, 40)}
)

func slot(scope evidence.Scope, day int, outcome evidence.Outcome, window *evidence.Window) evidence.Run {
	due := from.AddDate(0, 0, day)
	return evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: kind, Scope: scope}, Due: due}, Outcome: outcome,
		Certificate: &evidence.Certificate{Complete: outcome.Complete(), Ended: due.Add(time.Minute), Window: window}}
}

func thing(id string, effective *time.Time) evidence.Record {
	return evidence.Record{Kind: kind, ID: id, Name: "n" + id, Effective: effective, Attributes: map[string]any{"a": "x"}}
}

func read(t *testing.T, m *memory, asOf time.Time) (*Population, *Table) {
	t.Helper()
	p, err := Read(m, kind, period, asOf)
	if err != nil {
		t.Fatal(err)
	}
	table, err := ReadTable(m, kind, period, asOf)
	if err != nil {
		t.Fatal(err)
	}
	return p, table
}

func members(p *Population, table *Table) (items, rows []string) {
	for _, it := range p.Items {
		items = append(items, it.Stream+" "+string(it.Scope)+" "+it.ID)
	}
	for _, r := range table.Rows {
		rows = append(rows, r.Stream+" "+string(r.Scope)+" "+r.ID)
	}
	return items, rows
}

// TestSampleAndBundleCountTheSame: Read and ReadTable return the same members and
// streams, whatever comes, goes, changes, is read twice, was not read whole, or was erased.
func TestSampleAndBundleCountTheSame(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		m := &memory{}
		for day := range 50 { // some slots lie behind the period, some behind asOf
			for _, scope := range []evidence.Scope{"1", "2", "events"} {
				outcome := evidence.Collected
				if rnd.IntN(8) == 0 {
					outcome = evidence.Partial
				}
				var window *evidence.Window
				if scope == "events" {
					window = &evidence.Window{From: from.AddDate(0, 0, day-1), To: from.AddDate(0, 0, day)}
				}
				run := slot(scope, day-2, outcome, window)
				var records []evidence.Record
				for i := range 12 {
					if rnd.IntN(3) == 0 {
						continue
					}
					id := fmt.Sprint(i)
					var effective *time.Time
					if window != nil {
						at := window.From.Add(time.Duration(rnd.IntN(48)-12) * time.Hour)
						if effective = &at; rnd.IntN(6) == 0 {
							effective = nil
						}
						id = fmt.Sprint(day-rnd.IntN(2), "-", i)
					}
					records = append(records, thing(id, effective))
				}
				m.add(t, run, records)
				if rnd.IntN(20) == 0 {
					m.erased[m.runs[len(m.runs)-1].Records.Hash] = true
				}
			}
		}
		p, table := read(t, m, from.AddDate(0, 0, 30+rnd.IntN(20)))
		items, rows := members(p, table)
		if diff := cmp.Diff(items, rows); diff != "" {
			t.Fatalf("seed %d (-sample +bundle):\n%s", seed, diff)
		}
		if diff := cmp.Diff(p.Streams, table.Streams); diff != "" || p.Whole() != table.Whole() {
			t.Fatalf("seed %d (-sample +bundle):\n%s", seed, diff)
		}
		if len(items) < 100 || !slices.IsSorted(streamNames(p)) {
			t.Fatalf("seed %d: %d items of %v", seed, len(items), streamNames(p))
		}
	}
}

func streamNames(p *Population) (names []string) {
	for _, s := range p.Streams {
		names = append(names, s.Stream)
	}
	return names
}

// TestMembers states what belongs to a population, case by case.
func TestMembers(t *testing.T) {
	at := func(day int) *time.Time { d := from.AddDate(0, 0, day); return &d }
	window := func(a, b int) *evidence.Window { return &evidence.Window{From: *at(a), To: *at(b)} }
	for _, c := range []struct {
		name  string
		make  func(*memory)
		asOf  int
		want  string
		whole bool
	}{
		{"a resource that one slot saw", func(m *memory) {
			m.add(t, slot("1", 0, evidence.Collected, nil), []evidence.Record{thing("a", nil), thing("b", nil)})
			m.add(t, slot("1", 1, evidence.Collected, nil), []evidence.Record{thing("b", nil), thing("c", nil)})
		}, 40, "a b c", true},
		{"a slot that was not read whole", func(m *memory) {
			m.add(t, slot("1", 0, evidence.Collected, nil), []evidence.Record{thing("a", nil)})
			m.add(t, slot("1", 1, evidence.Partial, nil), []evidence.Record{thing("b", nil)})
		}, 40, "a b", false},
		{"slots before, behind and after", func(m *memory) {
			m.add(t, slot("1", -1, evidence.Collected, nil), []evidence.Record{thing("before", nil)})
			m.add(t, slot("1", 5, evidence.Collected, nil), []evidence.Record{thing("in", nil)})
			m.add(t, slot("1", 20, evidence.Collected, nil), []evidence.Record{thing("later", nil)})
			m.add(t, slot("1", 40, evidence.Collected, nil), []evidence.Record{thing("after", nil)})
		}, 10, "in", true},
		{"events of the period", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, window(-1, 1)), []evidence.Record{thing("early", at(-1)), thing("in", at(0))})
			m.add(t, slot("1", 2, evidence.Collected, window(1, 2)), []evidence.Record{thing("in", at(0)), thing("on", at(1)), thing("late", at(40))})
		}, 3, "in on", true},
		{"events of a period whose end nobody read", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, window(0, 1)), []evidence.Record{thing("in", at(0))})
			m.add(t, slot("1", 40, evidence.Failed, nil), nil)
		}, 40, "in", false},
		{"events that were read after the end of the period, once", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, window(0, 1)), []evidence.Record{thing("in", at(0))})
			m.add(t, slot("1", 41, evidence.Collected, window(1, 41)), []evidence.Record{thing("last", at(39)), thing("after", at(40))})
			m.add(t, slot("1", 42, evidence.Collected, window(29, 42)), []evidence.Record{thing("too late", at(30))})
		}, 45, "in last", true},
		{"a resource that was created after the end of the period", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, nil), []evidence.Record{thing("a", nil)})
			m.add(t, slot("1", 41, evidence.Collected, nil), []evidence.Record{thing("a", nil), thing("after", nil)})
		}, 45, "a", true},
		{"an event without a time of its own", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, window(0, 1)), []evidence.Record{thing("undated", nil)})
		}, 3, "undated", true},
		{"windows with a hole", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, window(0, 1)), []evidence.Record{thing("a", at(0))})
			m.add(t, slot("1", 3, evidence.Collected, window(2, 3)), []evidence.Record{thing("b", at(2))})
		}, 40, "a b", false},
		{"records that were erased", func(m *memory) {
			m.add(t, slot("1", 1, evidence.Collected, nil), []evidence.Record{thing("a", nil)})
			m.add(t, slot("1", 2, evidence.Collected, nil), []evidence.Record{thing("b", nil)})
			m.erased[m.runs[0].Records.Hash] = true
		}, 40, "b", false},
		{"no stream of the kind", func(*memory) {}, 40, "", false},
	} {
		m := &memory{}
		c.make(m)
		p, table := read(t, m, *at(c.asOf))
		var got []string
		for _, it := range p.Items {
			got = append(got, it.ID)
		}
		items, rows := members(p, table)
		if strings.Join(got, " ") != c.want || !slices.Equal(items, rows) || p.Whole() != c.whole || table.Whole() != c.whole {
			t.Errorf("%s: %q, whole %t, in the bundle %q, whole %t", c.name, items, p.Whole(), rows, table.Whole())
		}
	}
}

// TestTimes: a resource has the time of the slot that saw it first, an event the
// earliest that the source said; the row of a bundle, what was said last.
func TestTimes(t *testing.T) {
	early, late := from.Add(time.Hour), from.Add(3*time.Hour)
	m := &memory{}
	m.add(t, slot("1", 1, evidence.Collected, &evidence.Window{From: from, To: from.AddDate(0, 0, 1)}), []evidence.Record{thing("e", &early)})
	m.add(t, slot("1", 2, evidence.Collected, &evidence.Window{From: from, To: from.AddDate(0, 0, 2)}), []evidence.Record{thing("e", &late)})
	m.add(t, slot("2", 1, evidence.Collected, nil), []evidence.Record{thing("r", nil)})
	m.add(t, slot("2", 2, evidence.Collected, nil), []evidence.Record{thing("r", nil)})
	p, table := read(t, m, period.To)
	if !p.Items[0].At.Equal(early) || !p.Items[1].At.Equal(from.AddDate(0, 0, 1).Add(time.Minute)) {
		t.Errorf("items %v", p.Items)
	}
	e, r := table.Rows[0], table.Rows[1]
	if !e.Effective.Equal(late) || e.Observations != 2 || r.Observations != 2 || !r.First.Equal(p.Items[1].At) || !r.Last.Equal(from.AddDate(0, 0, 2).Add(time.Minute)) {
		t.Errorf("rows %+v %+v", e, r)
	}
	var lines bytes.Buffer
	if err := p.WriteLines(&lines); err != nil {
		t.Fatal(err)
	}
	if want := `{"at":"2026-07-01T01:00:00Z","id":"e","name":"ne","stream":"aws/aws.thing/1"}` + "\n" + `{"at":"2026-07-02T00:01:00Z","id":"r","name":"nr","stream":"aws/aws.thing/2"}` + "\n"; lines.String() != want {
		t.Errorf("got\n%s", lines.String())
	}
}

// TestUnchangedLines: a table is the same whether the lines of snapshots are
// compared or each is decoded, whatever comes, goes and changes.
func TestUnchangedLines(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	m := &memory{}
	state := map[int]string{}
	for day := range 40 {
		var records []evidence.Record
		for i := range 30 {
			if rnd.IntN(10) == 0 {
				state[i] = fmt.Sprint(day)
			}
			if rnd.IntN(8) > 0 {
				records = append(records, evidence.Record{Kind: kind, ID: fmt.Sprintf("%02d", i), Name: "n", Attributes: map[string]any{"a": state[i]}})
			}
		}
		m.add(t, slot("1", day, evidence.Collected, nil), records)
	}
	rows := func(decoded bool) (out []string) {
		m.decoded = decoded
		_, table := read(t, m, period.To)
		if len(table.Rows) != 30 {
			t.Fatalf("%d rows, not 30", len(table.Rows))
		}
		for _, r := range table.Rows {
			out = append(out, fmt.Sprint(r.Stream, r.Scope, r.ID, r.Name, r.Attributes, r.First, r.Last, r.Observations))
		}
		return out
	}
	if diff := cmp.Diff(rows(true), rows(false)); diff != "" {
		t.Errorf("(-decoded +compared):\n%s", diff)
	}
}
