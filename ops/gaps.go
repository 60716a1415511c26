package ops

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/review"
)

// Gaps implements Service.
func (o *Operations) Gaps(ctx context.Context, req api.GapsRequest) (*api.GapList, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	res, err := o.result(ctx, s, req.AsOf)
	if err != nil {
		return nil, err
	}
	out := &api.GapList{AsOf: res.AsOf, Period: res.Period, Gaps: []result.Gap{}}
	for _, g := range res.Gaps {
		open := !closed(g) && g.State != result.Accepted
		if open {
			out.Open++
		}
		if open || req.All {
			out.Gaps = append(out.Gaps, g)
		}
	}
	return out, nil
}

// Gap implements Service.
func (o *Operations) Gap(ctx context.Context, req api.GapRequest) (*api.GapDetail, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	res, err := o.result(ctx, s, req.AsOf)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(res.Gaps, func(g result.Gap) bool { return g.ID == req.ID })
	if i < 0 {
		return nil, notFound(res, req.ID)
	}
	d := &api.GapDetail{Gap: res.Gaps[i]}
	cat, err := s.judge.Catalogue()
	if err != nil {
		return nil, err
	}
	describe(d, cat)
	acts, err := s.judge.Acts(ctx)
	d.Decisions = decisions(acts, req.ID, res.AsOf)
	return d, err
}

// describe tells what the test or the activity of a gap is.
func describe(d *api.GapDetail, cat *catalogue.Catalogue) {
	for _, t := range cat.Tests() {
		if t.ID == d.Test {
			d.Title, d.Procedure, d.Remediation = t.Title, t.Procedure, t.Remediation
		}
	}
	for _, t := range cat.Duties() {
		if t.ID == d.Test {
			d.Title, d.Procedure, d.Remediation = t.Title, t.Procedure, t.Remediation+" Evidence: "+t.Evidence
		}
	}
}

// decisions returns those on a gap that the log knew at asOf.
func decisions(acts []evidence.Act, id string, asOf time.Time) []api.DecisionLine {
	out := []api.DecisionLine{}
	for _, x := range acts {
		if d := x.Decision; d != nil && d.Gap == id && !x.At.After(asOf) {
			out = append(out, api.DecisionLine{Entry: x.Entry, At: x.At, Decision: *d, InForce: d.Until == nil || asOf.Before(*d.Until)})
		}
	}
	last := map[evidence.DecisionVerb]bool{}
	for i := len(out) - 1; i >= 0; i-- {
		out[i].InForce = out[i].InForce && !last[out[i].Verb]
		last[out[i].Verb] = true
	}
	return out
}

// DecideGap implements Service.
func (o *Operations) DecideGap(ctx context.Context, req api.DecideRequest) (*api.Decided, error) {
	d := req.Decision
	d.Reason, d.Approver, d.By = strings.TrimSpace(d.Reason), strings.TrimSpace(d.Approver), strings.TrimSpace(d.By)
	if err := checkUntil(d, o.now().UTC()); err != nil {
		return nil, err
	}
	s, err := o.openExistingForWrite()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &api.Decided{}
	var e evidence.Entry
	err = appendDecided(ctx, s, func() (func(evidence.Writer) error, error) {
		res, err := o.result(ctx, s, time.Time{})
		if err != nil {
			return nil, err
		}
		g, err := mayDecide(ctx, s, res, d)
		if err != nil {
			return nil, err
		}
		approver, err := s.person(ctx, "--approver", d.Approver)
		if err != nil {
			return nil, err
		}
		if err := notOwner(ctx, s, g, d, approver); err != nil {
			return nil, err
		}
		actor, err := s.acting(ctx, req.Actor, "--by", d.By, approver)
		if err != nil {
			return nil, err
		}
		out.Name = api.Subject(g)
		e, err = entryOf(evidence.EntryDecision, d, actor)
		return writeEntry(&e), err
	})
	out.Entry, out.Recorded, out.Decision = e.Index, e.Recorded, d
	return out, err
}

// checkUntil bounds an acceptance: from tomorrow to a year from now.
func checkUntil(d evidence.Decision, now time.Time) error {
	switch {
	case d.Until == nil:
		return nil
	case !d.Until.After(now):
		return api.Errorf(api.Usage, "--until %s does not lie in the future", d.Until.Format(time.DateOnly))
	case d.Until.After(now.AddDate(1, 0, 0)):
		return api.Errorf(api.Usage, "--until %s is more than a year away: accept it for less, and decide again then", d.Until.Format(time.DateOnly))
	}
	return nil
}

// mayDecide finds the gap, and refuses what may not be accepted.
func mayDecide(ctx context.Context, s *session, res *result.Result, d evidence.Decision) (g result.Gap, err error) {
	i := slices.IndexFunc(res.Gaps, func(g result.Gap) bool { return g.ID == d.Gap })
	if i < 0 {
		return g, notFound(res, d.Gap)
	}
	if g = res.Gaps[i]; d.Verb != evidence.Accept {
		return g, nil
	}
	if g.State != result.Open && g.State != result.Accepted {
		return g, api.Errorf(api.Usage, "gap %s is %s: only an open one can be accepted; `evidenced gaps respond` says something of it", g.ID, g.State)
	}
	return g, notOwner(ctx, s, g, d, evidence.Person{})
}

// notOwner refuses an approver who owns what fails, however they are named.
func notOwner(ctx context.Context, s *session, g result.Gap, d evidence.Decision, approver evidence.Person) error {
	if d.Verb != evidence.Accept {
		return nil
	}
	owners, err := ownersOf(ctx, s, g)
	if err != nil {
		return err
	}
	names := []string{d.Approver, approver.Name, approver.Email}
	for _, owner := range owners {
		if slices.ContainsFunc(names, func(n string) bool { return samePerson(n, owner) }) {
			return api.Errorf(api.Usage, "%s is the owner of what fails (%s): another person must accept it", d.Approver, owner)
		}
	}
	return nil
}

// ownersOf returns by what names the owner of a gap's resource may go: the
// resource's own, and those of the people to whom an account belongs.
func ownersOf(ctx context.Context, s *session, g result.Gap) ([]string, error) {
	names := []string{g.Resource, g.Name}
	if g.Stream == "" || g.Resource == "" {
		return names, nil
	}
	rows, _, err := s.judge.Rows(ctx, review.Access)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.ID != g.Resource || r.Stream.String() != g.Stream {
			continue
		}
		for _, field := range []string{"login", "email"} {
			if text, ok := r.Fields[field].(string); ok {
				names = append(names, text)
			}
		}
		names = append(names, review.Owners(r)...)
	}
	return names, nil
}
