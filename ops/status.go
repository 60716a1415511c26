package ops

import (
	"context"
	"slices"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// Status implements Service.
func (o *Operations) Status(ctx context.Context, req api.StatusRequest) (*api.Status, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	res, err := o.result(ctx, s, req.AsOf)
	if err != nil {
		return nil, err
	}
	acts, err := s.judge.Acts(ctx)
	if err != nil {
		return nil, err
	}
	next, err := NextDue(s.config, res.AsOf)
	if err != nil {
		return nil, err
	}
	return &api.Status{RolledBack: rolledBack(s.Store) != nil, AsOf: res.AsOf, Period: res.Period, Slots: res.Slots, Families: controlLines(res), Open: OpenGaps(res),
		Duties: dutyCounts(res), Expiring: expiring(acts, res), Next: next, Summary: res.Families(), Problems: o.backend.Problems()}, nil
}

// soon is what is told ahead.
const soon = 30 * 24 * time.Hour

func dutyCounts(res *result.Result) api.DutyCounts {
	d := api.DutyCounts{List: []result.Occurrence{}}
	for _, occ := range res.Duties {
		switch {
		case occ.State == result.MissedDuty:
			d.Missed++
		case occ.State == result.DueNow:
			d.Due++
		case occ.State == result.Upcoming && occ.Due.Before(res.AsOf.Add(soon)):
			d.Soon++
		default:
			continue
		}
		d.List = append(d.List, occ)
	}
	return d
}

// expiring counts the acceptances of gaps that end soon.
func expiring(acts []evidence.Act, res *result.Result) (n int) {
	last := map[string]time.Time{}
	for _, a := range acts {
		if d := a.Decision; d != nil && d.Verb == evidence.Accept && !a.At.After(res.AsOf) {
			last[d.Gap] = *d.Until
		}
	}
	for _, g := range res.Gaps {
		if g.State == result.Accepted && last[g.ID].Before(res.AsOf.Add(soon)) {
			n++
		}
	}
	return n
}

// OpenGaps counts the open gaps of a result by severity.
func OpenGaps(res *result.Result) map[string]int {
	n := map[string]int{}
	for _, g := range res.Gaps {
		if g.State == result.Open {
			n[g.Severity]++
		}
	}
	return n
}

func controlLines(res *result.Result) (out []api.ControlLine) {
	for _, c := range res.Controls {
		out = append(out, api.ControlLine{Control: c.Control, Family: c.Family, Status: c.Status, Coverage: c.Coverage,
			Activities: c.Activities, Population: c.Population, Deviations: c.Deviating, Open: c.Open})
	}
	slices.SortStableFunc(out, func(x, y api.ControlLine) int { return result.CompareFamilies(x.Family, y.Family) })
	return out
}
