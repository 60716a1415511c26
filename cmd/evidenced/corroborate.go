package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) corroborateCommand() *cobra.Command {
	var from, to timeFlag
	c := a.served(&cobra.Command{
		Use:   "corroborate",
		Short: "Compare our own recorded requests with what the source's own log says of them",
		Long: `Takes the source's own account of our requests (for AWS: CloudTrail) and looks up
each recorded request in it, by the vendor's request id. A request that is found
happened, and when it is said to have: that is the source's word, not ours. A request in
the source's log that is not in ours was made by somebody else with our credential,
or was never recorded. Without --from and --to the newest account of each scope is
taken. Exit code 3: something is found that is not ours, or at another time, or nothing is found.`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return a.corroborate(evidence.Window{From: from.Time, To: to.Time})
		},
	})
	c.Flags().Var(&from, "from", "accounts of requests since this `time`")
	c.Flags().Var(&to, "to", "and before this `time`")
	return c
}

// corroboration is what a source's log says of our requests in one window of one scope.
type corroboration struct {
	Stream evidence.Stream `json:"stream"`
	Window evidence.Window `json:"window"`
	// Asked are our requests with an id, Told those of them that the source's log has.
	Asked int `json:"asked"`
	Told  int `json:"told"`
	// Silent counts, by call, the requests of which the source's log says nothing.
	Silent map[string]int `json:"silent"`
	// Apart are requests that the source's log has at another time.
	Apart []apart `json:"apart"`
	// Foreign are requests of our principal that we have not recorded.
	Foreign []stranger `json:"foreign"`
}

type apart struct {
	RequestID string    `json:"request_id"`
	Call      string    `json:"call"`
	Ours      time.Time `json:"ours"`
	Theirs    time.Time `json:"theirs"`
}

type stranger struct {
	RequestID string    `json:"request_id"`
	Event     string    `json:"event"`
	Time      time.Time `json:"time"`
	SourceIP  string    `json:"source_ip,omitempty"`
}

func (c corroboration) agrees() bool {
	return len(c.Apart) == 0 && len(c.Foreign) == 0 && (c.Told > 0 || c.Asked == 0)
}

// recorded is what corroborate reads of a store.
type recorded interface {
	Runs() iter.Seq2[evidence.Run, error]
	Records(evidence.Ref) iter.Seq2[evidence.Record, error]
	Exchanges(evidence.Ref) iter.Seq2[evidence.Exchange, error]
}

func (a *app) corroborate(w evidence.Window) error {
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	found, err := corroborations(s, testimonies(all.Specs()), w)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("no source has told of our requests in that time: aws.cloudtrail.own_read does, where it is collected")
	}
	err = a.print(map[string]any{"corroborations": found}, func(out io.Writer) {
		for _, c := range found {
			c.text(out)
		}
	})
	if slices.ContainsFunc(found, func(c corroboration) bool { return !c.agrees() }) {
		return errors.Join(err, errIncomplete)
	}
	return err
}

// testimonies are the kinds in which sources tell of our requests.
func testimonies(specs []collectors.Spec) map[evidence.Kind]bool {
	kinds := map[evidence.Kind]bool{}
	for _, s := range specs {
		if s.AuditLogKind != "" {
			kinds[s.AuditLogKind] = true
		}
	}
	return kinds
}

// corroborations compares each account with the exchanges of the same source and scope.
func corroborations(s recorded, kinds map[evidence.Kind]bool, w evidence.Window) (out []corroboration, err error) {
	accounts, runs, err := told(s, kinds, w)
	if err != nil {
		return nil, err
	}
	for _, r := range accounts {
		c, err := corroborated(s, r, runs[r.Stream.Source+"/"+string(r.Stream.Scope)])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Stream, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// told gives the runs that tell of requests in the window, the newest of each
// scope where there is none, and all runs with exchanges by source and scope.
func told(s recorded, kinds map[evidence.Kind]bool, w evidence.Window) (accounts []evidence.Run, runs map[string][]evidence.Run, err error) {
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

// drift is how far the two clocks may be apart, and margin how far around a
// window our own requests are looked for.
const (
	drift  = 5 * time.Minute
	margin = time.Hour
)

// corroborated compares one account with our own requests.
func corroborated(s recorded, account evidence.Run, runs []evidence.Run) (corroboration, error) {
	w := *account.Certificate.Window
	c := corroboration{Stream: account.Stream, Window: w, Silent: map[string]int{}, Apart: []apart{}, Foreign: []stranger{}}
	ours, err := asked(s, runs, evidence.Window{From: w.From.Add(-margin), To: w.To.Add(margin)})
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
		c.weigh(id, r, ours[id])
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

// weigh takes one request that the source tells of; x is nil if it is none of ours.
func (c *corroboration) weigh(id string, r evidence.Record, x *evidence.Exchange) {
	if x == nil {
		event, _ := r.Attributes["event"].(string)
		from, _ := r.Attributes["source_ip"].(string)
		c.Foreign = append(c.Foreign, stranger{id, event, *r.Effective, from})
		return
	}
	if r.Effective.Before(x.Started.Add(-drift)) || r.Effective.After(x.Ended.Add(drift)) {
		c.Apart = append(c.Apart, apart{id, x.Call, x.Started, *r.Effective})
	}
}

// asked gives our requests that began in the window, by the vendor's id. What
// several snapshots share is one request.
func asked(s recorded, runs []evidence.Run, w evidence.Window) (map[string]*evidence.Exchange, error) {
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

func (c corroboration) text(w io.Writer) {
	fmt.Fprintf(w, "%s, %s to %s: %d requests, %d of them told of", c.Stream, when(&c.Window.From), when(&c.Window.To), c.Asked, c.Told)
	if len(c.Silent) > 0 {
		var calls []string
		for _, name := range slices.Sorted(maps.Keys(c.Silent)) {
			calls = append(calls, fmt.Sprintf("%s %d", name, c.Silent[name]))
		}
		fmt.Fprintf(w, "; nothing of %s", strings.Join(calls, ", "))
	}
	fmt.Fprintln(w)
	for _, x := range c.Apart {
		fmt.Fprintf(w, "  at another time: %s %s, ours %s, theirs %s\n", x.Call, evidence.Printable(x.RequestID), when(&x.Ours), when(&x.Theirs))
	}
	for _, f := range c.Foreign {
		fmt.Fprintf(w, "  not ours: %s %s, %s, from %s\n", evidence.Printable(f.Event), evidence.Printable(f.RequestID), when(&f.Time), orDash(evidence.Printable(f.SourceIP)))
	}
}
