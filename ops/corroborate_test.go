package ops

import (
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/evidence"
)

// log is a store in memory; blobs are named by their first byte.
type log struct {
	runs      []evidence.Run
	records   map[evidence.Hash][]evidence.Record
	exchanges map[evidence.Hash][]evidence.Exchange
}

func each[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (l *log) Runs() iter.Seq2[evidence.Run, error] { return each(l.runs) }
func (l *log) Records(r evidence.Ref) iter.Seq2[evidence.Record, error] {
	return each(l.records[r.Hash])
}
func (l *log) Exchanges(r evidence.Ref) iter.Seq2[evidence.Exchange, error] {
	return each(l.exchanges[r.Hash])
}

func ref(n byte) *evidence.Ref { return &evidence.Ref{Hash: evidence.Hash{n}} }

func TestCorroborations(t *testing.T) {
	day := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }
	x := func(id, call string, minutes int) evidence.Exchange {
		return evidence.Exchange{RequestID: id, Call: call, Started: at(minutes), Ended: at(minutes)}
	}
	said := func(id string, minutes int) evidence.Record {
		when := at(minutes)
		return evidence.Record{ID: "e-" + id, Effective: &when, Attributes: map[string]any{"request_id": id, "event": "ListUsers", "source_ip": "203.0.113.9"}}
	}
	run := func(kind evidence.Kind, minutes int, records, exchanges *evidence.Ref, w *evidence.Window) evidence.Run {
		return evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: kind, Scope: "1"}}, Outcome: evidence.Collected, Records: records, Exchanges: exchanges,
			Certificate: &evidence.Certificate{Complete: true, Started: at(minutes), Ended: at(minutes + 1), Window: w}}
	}
	window := evidence.Window{From: at(-1440), To: at(60)}
	l := &log{
		runs: []evidence.Run{
			run("aws.iam.user", 0, nil, ref(1), nil),
			run("aws.s3.bucket", 1, nil, ref(2), nil),
			run("aws.cloudtrail.own_read", 70, ref(3), ref(4), &window),
		},
		exchanges: map[evidence.Hash][]evidence.Exchange{
			{1}: {x("a", "iam:ListUsers", 0), x("shared", "ec2:DescribeRegions", 0), x("", "iam:ListUsers", 0)},
			{2}: {x("b", "s3:ListBuckets", 1), x("shared", "ec2:DescribeRegions", 0), x("c", "s3:GetBucketAcl", 1)},
			{4}: {x("later", "cloudtrail:LookupEvents", 70)},
		},
		records: map[evidence.Hash][]evidence.Record{{3}: {said("a", 2), said("shared", 0), said("b", 30), said("stolen", 20), said("later", 59)}},
	}
	got, err := corroborations(l, auditLogKinds(all.Specs()), evidence.Window{})
	if err != nil {
		t.Fatal(err)
	}
	want := []api.Corroboration{{
		Stream: evidence.Stream{Source: "aws", Kind: "aws.cloudtrail.own_read", Scope: "1"}, Window: window, Asked: 4, Told: 3,
		Silent:  map[string]int{"s3:GetBucketAcl": 1},
		Apart:   []api.TimeMismatch{{RequestID: "b", Call: "s3:ListBuckets", Ours: at(1), Theirs: at(30)}, {RequestID: "later", Call: "cloudtrail:LookupEvents", Ours: at(70), Theirs: at(59)}},
		Foreign: []api.ForeignRequest{{RequestID: "stolen", Event: "ListUsers", Time: at(20), SourceIP: "203.0.113.9"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[0].Agrees() {
		t.Error("a request that is not ours agrees")
	}
	if none, err := corroborations(l, auditLogKinds(all.Specs()), evidence.Window{From: at(200)}); err != nil || len(none) != 0 {
		t.Errorf("%v, %v: no account is of that time", none, err)
	}
}
