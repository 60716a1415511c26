package simulator

import (
	"slices"
	"time"
)

// tamper lets the branch of the clone have what no pull request explains, lose
// what was merged, and be written anew.
func (p *planner) tamper() {
	k := p.c.clone
	if k == nil {
		return
	}
	own := *p // dice of its own: the rest of the company is the same with and without a clone
	own.dice = newDice(p.c.opts.Seed, 4)
	if p.c.opts.Faults {
		for _, e := range []effect{missing, shallow} {
			own.cloneAway(e)
		}
	}
	for _, happen := range []func(*clone){own.pushDirectly, own.dropMerge, own.amendTip} {
		for range p.times() {
			happen(k)
		}
	}
}

// cloneAway takes the clone away for a while, or cuts its history.
func (p *planner) cloneAway(e effect) {
	blind := p.c.cloneStreams()
	if e == shallow { // it still says which branches there are
		blind = blind[1:]
	}
	p.blackout(fault{vendor: "file", op: "clone", effect: e, blinds: blind, note: "the clone was " + string(e)})
}

// quiet reports whether nothing happens to the branch from a while before t to a while after it.
func (k *clone) quiet(t time.Time, before, after time.Duration, but *pull) bool {
	near := func(at time.Time) bool { return !at.Before(t.Add(-before)) && !at.After(t.Add(after)) }
	return !slices.ContainsFunc(k.repo.pulls, func(p *pull) bool { return p != but && !p.merged.IsZero() && near(p.merged) }) &&
		!slices.ContainsFunc(k.pushes, func(x push) bool { return near(x.at) }) && !slices.ContainsFunc(k.amended, near)
}

func (p *planner) pushDirectly(k *clone) {
	for range 10 {
		at := p.noon(p.c.start, p.between(2, p.c.opts.Days-5))
		if k.quiet(at, time.Hour, time.Hour, nil) {
			k.pushes = append(k.pushes, push{at: at, by: pick(p.dice, p.c.permanent())})
			return
		}
	}
}

// dropMerge takes a merge out of the branch minutes later, before anybody reads the clone.
func (p *planner) dropMerge(k *clone) {
	for range 20 {
		pr := pick(p.dice, k.repo.pulls)
		last := pr.merged.Add(20 * time.Minute)
		if p.c.inScope(pr) && k.dropped[pr].IsZero() && pr.merged.After(p.c.start.Add(2*day)) && last.Before(p.c.end.Add(-4*day)) &&
			pr.merged.Minute() > 0 && pr.merged.Hour() == last.Hour() && k.quiet(pr.merged, time.Minute, 30*time.Minute, pr) {
			k.dropped[pr] = last
			return
		}
	}
}

// readings gives when the clone is read before and after an instant of a working day.
func readings(at time.Time) (before, after time.Time) {
	before = at.Truncate(day).Add(CloneHour * time.Hour)
	return before, before.Add(day)
}

// amendTip writes the newest merge anew, after the clone was read with it.
func (p *planner) amendTip(k *clone) {
	for range 30 {
		at := p.noon(p.c.start, p.between(4, p.c.opts.Days-5))
		before, after := readings(at)
		last := k.lastMerge(at)
		if last != nil && last.merged.After(p.c.start.Add(day)) && last.merged.Before(before) && k.quiet(at, at.Sub(last.merged)-time.Second, time.Hour, nil) &&
			k.dropped[last].IsZero() && !k.amendedSince(before) && p.seen(before, p.c.cloneStreams()) && p.seen(after, p.c.cloneStreams()) {
			k.amended = append(k.amended, at)
			return
		}
	}
}

// amendedSince reports whether somebody wrote the tip anew on the day after a reading: the next one shows both as one.
func (k *clone) amendedSince(reading time.Time) bool {
	return slices.ContainsFunc(k.amended, func(at time.Time) bool { before, _ := readings(at); return before.Equal(reading) })
}

// lastMerge gives the last pull request that was merged into the branch before t.
func (k *clone) lastMerge(t time.Time) (last *pull) {
	for _, p := range k.repo.pulls {
		if p.base == k.repo.branch && shows(p.merged, t) && (last == nil || p.merged.After(last.merged)) {
			last = p
		}
	}
	return last
}
