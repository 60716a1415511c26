package review

import (
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// What a campaign leaves as records, for tests to read.
const (
	KindRow      evidence.Kind = "review.row"
	KindCampaign evidence.Kind = "review.campaign"
)

// Closing is what the log takes when a campaign is signed off.
type Closing struct {
	Step evidence.ReviewStep
	// Runs are two snapshots, of the rows and of the campaign, with their records.
	Runs []Snapshot
}

// Snapshot is a run and the records that it will name.
type Snapshot struct {
	Run     evidence.Run
	Records []evidence.Record
}

// Close signs a campaign off. Every row must be decided.
func (c *Campaign) Close(by string, at time.Time) (Closing, error) {
	if c.Status != Open {
		return Closing{}, fmt.Errorf("review %s is %s", c.ID, c.Status)
	}
	if c.Undecided > 0 {
		return Closing{}, fmt.Errorf("review %s has %d rows without a decision of %d", c.ID, c.Undecided, c.Count)
	}
	digest := c.Digest()
	out := Closing{Step: evidence.ReviewStep{Campaign: c.ID, Step: evidence.ReviewClose, By: by, Digest: &digest}}
	records := make([]evidence.Record, 0, len(c.Rows))
	for _, r := range c.Rows {
		records = append(records, r.record(c, at))
	}
	if err := evidence.SortRecords(records); err != nil {
		return out, err
	}
	out.Runs = []Snapshot{c.snapshot(KindRow, by, at, records), c.snapshot(KindCampaign, by, at, []evidence.Record{c.record(by, at)})}
	return out, nil
}

func (r Decided) record(c *Campaign, at time.Time) evidence.Record {
	owners := []any{}
	for _, o := range r.Owners {
		owners = append(owners, o)
	}
	a := map[string]any{"campaign": c.ID, "stream": r.Stream.String(), "account": r.Stream.Source + "|" + r.ID, "login": r.Account, "grant": r.Grant, "grant_key": r.GrantKey, "decision": r.Decision, "by": r.By,
		"owners": owners, "decided_at": stamp(r.At), "frozen_at": stamp(c.AsOf), "closed_at": stamp(at), "self": r.Self()}
	if r.Reason != "" {
		a["reason"] = r.Reason
	}
	name := r.Account
	if r.Grant != "" {
		name += ", " + r.Grant
	}
	return evidence.Record{Kind: KindRow, ID: r.Key, Name: name, Attributes: a}
}

// record sums the campaign up: how many were kept, by how many people, and how
// long they took. That everything was kept in seconds is told, not judged, here.
func (c *Campaign) record(by string, at time.Time) evidence.Record {
	n := map[string]int64{}
	var times []time.Time
	var people []any
	for _, r := range c.Rows {
		n[r.Decision]++
		times = append(times, r.At)
		if !slices.Contains(people, any(r.By)) {
			people = append(people, r.By)
		}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return a.Compare(b) })
	seconds := int64(0)
	if len(times) > 0 {
		seconds = int64(times[len(times)-1].Sub(c.Opened).Seconds())
	}
	return evidence.Record{Kind: KindCampaign, ID: c.ID, Name: c.Title, Attributes: map[string]any{
		"rows": int64(len(c.Rows)), "kept": n[Keep], "revoked": n[Revoke], "modified": n[Modify], "reviewers": people, "signed_by": by,
		"opened_at": stamp(c.Opened), "closed_at": stamp(at), "seconds": seconds, "self": slices.ContainsFunc(c.Rows, Decided.Self)}}
}

func (c *Campaign) snapshot(kind evidence.Kind, by string, at time.Time, records []evidence.Record) Snapshot {
	scope := evidence.Scope(c.ID)
	return Snapshot{evidence.Run{
		Slot:    evidence.Slot{Stream: evidence.Stream{Source: evidence.SourceReview, Kind: kind, Scope: scope}, Due: at, Trigger: evidence.OnDemand},
		Outcome: evidence.Collected,
		Certificate: &evidence.Certificate{Complete: true, Scopes: []evidence.ScopeResult{{Scope: scope, Status: evidence.ScopeRead}},
			Rows: len(records), Principal: by, Started: c.Opened, Ended: at, Collector: "review/1", Rules: c.Digest().String()},
	}, records}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
