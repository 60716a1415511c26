package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/evidence"
)

// recorded is what corroborate reads of a store.
type recorded interface {
	Runs() iter.Seq2[evidence.Run, error]
	Records(evidence.Ref) iter.Seq2[evidence.Record, error]
	Exchanges(evidence.Ref) iter.Seq2[evidence.Exchange, error]
}

// Corroborate implements Service.
func (o *Operations) Corroborate(_ context.Context, req api.CorroborateRequest) (*api.Corroborations, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	found, err := corroborations(s, auditLogKinds(all.Specs()), evidence.Window{From: req.From, To: req.To})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("no source has told of our requests in that time: aws.cloudtrail.own_read does, where it is collected")
	}
	return &api.Corroborations{Corroborations: found}, nil
}

// auditLogKinds are the kinds in which sources tell of our requests.
func auditLogKinds(specs []collectors.Spec) map[evidence.Kind]bool {
	kinds := map[evidence.Kind]bool{}
	for _, s := range specs {
		if s.AuditLogKind != "" {
			kinds[s.AuditLogKind] = true
		}
	}
	return kinds
}

// corroborations compares each account with the exchanges of the same source and scope.
func corroborations(s recorded, kinds map[evidence.Kind]bool, w evidence.Window) (out []api.Corroboration, err error) {
	accounts, runs, err := accountsInWindow(s, kinds, w)
	if err != nil {
		return nil, err
	}
	for _, r := range accounts {
		c, err := corroborate(s, r, runs[r.Stream.Source+"/"+string(r.Stream.Scope)])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Stream, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// accountsInWindow returns the runs that tell of requests in the window, the newest of each
// scope where there is none, and all runs with exchanges by source and scope.
func accountsInWindow(s recorded, kinds map[evidence.Kind]bool, w evidence.Window) (accounts []evidence.Run, runs map[string][]evidence.Run, err error) {
	newest, runs := map[evidence.Stream]evidence.Run{}, map[string][]evidence.Run{}
	for r, err := range s.Runs() {
		if err != nil {
			return nil, nil, err
		}
		if r.Exchanges != nil {
			key := r.Stream.Source + "/" + string(r.Stream.Scope)
			runs[key] = append(runs[key], r)
		}
		if !kinds[r.Stream.Kind] || r.Records == nil || r.Certificate == nil || r.Certificate.Window == nil || !r.Certificate.Complete {
			continue
		}
		newest[r.Stream] = r
		if of := r.Certificate.Window; !w.From.IsZero() && of.To.After(w.From) && (w.To.IsZero() || of.From.Before(w.To)) {
			accounts = append(accounts, r)
		}
	}
	if w.From.IsZero() {
		accounts = slices.Collect(maps.Values(newest))
	}
	slices.SortFunc(accounts, func(a, b evidence.Run) int {
		return cmp.Or(strings.Compare(a.Stream.String(), b.Stream.String()), a.Certificate.Window.From.Compare(b.Certificate.Window.From))
	})
	return accounts, runs, nil
}

// clockDrift is how far the two clocks may be apart, and margin how far around a
// window our own requests are looked for.
const (
	clockDrift = 5 * time.Minute
	margin     = time.Hour
)

// corroborate compares one account with our own requests.
func corroborate(s recorded, account evidence.Run, runs []evidence.Run) (api.Corroboration, error) {
	w := *account.Certificate.Window
	c := api.Corroboration{Stream: account.Stream, Window: w, Silent: map[string]int{}, Apart: []api.TimeMismatch{}, Foreign: []api.ForeignRequest{}}
	ours, err := ownRequests(s, runs, evidence.Window{From: w.From.Add(-margin), To: w.To.Add(margin)})
	if err != nil {
		return c, err
	}
	seen := map[string]bool{}
	for r, err := range s.Records(*account.Records) {
		if err != nil {
			return c, err
		}
		id, _ := r.Attributes["request_id"].(string)
		if id == "" || r.Effective == nil || seen[id] {
			continue
		}
		seen[id] = true
		match(&c, id, r, ours[id])
	}
	for id, x := range ours {
		if x.Started.Before(w.From) || !x.Started.Before(w.To) {
			continue
		}
		c.Asked++
		if seen[id] {
			c.Told++
		} else {
			c.Silent[x.Call]++
		}
	}
	return c, nil
}

// match takes one request that the source tells of; x is nil if it is none of ours.
func match(c *api.Corroboration, id string, r evidence.Record, x *evidence.Exchange) {
	if x == nil {
		event, _ := r.Attributes["event"].(string)
		from, _ := r.Attributes["source_ip"].(string)
		c.Foreign = append(c.Foreign, api.ForeignRequest{RequestID: id, Event: event, Time: *r.Effective, SourceIP: from})
		return
	}
	if r.Effective.Before(x.Started.Add(-clockDrift)) || r.Effective.After(x.Ended.Add(clockDrift)) {
		c.Apart = append(c.Apart, api.TimeMismatch{RequestID: id, Call: x.Call, Ours: x.Started, Theirs: *r.Effective})
	}
}

// ownRequests returns our requests that began in the window, by the vendor's id. What
// several snapshots share is one request.
func ownRequests(s recorded, runs []evidence.Run, w evidence.Window) (map[string]*evidence.Exchange, error) {
	out := map[string]*evidence.Exchange{}
	for _, r := range runs {
		if c := r.Certificate; c != nil && (c.Ended.Before(w.From) || c.Started.After(w.To)) {
			continue
		}
		for x, err := range s.Exchanges(*r.Exchanges) {
			if errors.Is(err, evidence.ErrErased) {
				break
			}
			if err != nil {
				return nil, err
			}
			if x.RequestID != "" && !x.Started.Before(w.From) && x.Started.Before(w.To) {
				out[x.RequestID] = &evidence.Exchange{Call: x.Call, Started: x.Started, Ended: x.Ended}
			}
		}
	}
	return out, nil
}
