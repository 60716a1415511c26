package gap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// lookAway keeps the blind gap of a stream: a run of slots that were not
// collected whole. A stream of a scope that is still new has none: the scope's
// own gap covers it.
func (e *Engine) lookAway(st *stream, o observation) {
	switch {
	case o.complete:
		st.good = o.at
		if st.blind != nil {
			st.blind.fix(o.at, "")
			st.blind, st.bad = nil, nil
		}
	case e.isNew(st):
	case st.blind == nil:
		why := whyBad(o.run)
		st.bad = []evidence.Class{why.Class}
		st.blind = e.open(result.Gap{Kind: result.Blind, Criteria: e.criteria(st.plan.tests), Severity: blindSeverity,
			Stream: st.text, Reason: why.String()}, blindSLADays, o.due, st.good)
	default:
		st.blind.LastSeen = later(st.blind.LastSeen, o.due) // a period that begins earlier adds slots that are older
		st.addClass(whyBad(o.run).Class)
	}
}

// addClass lists the classes in the reason once they differ.
func (st *stream) addClass(c evidence.Class) {
	if slices.Contains(st.bad, c) {
		return
	}
	st.bad = append(st.bad, c)
	first, _, _ := strings.Cut(st.blind.Reason, classList)
	names := make([]string, len(st.bad))
	for i, c := range st.bad {
		names[i] = string(c)
	}
	slices.Sort(names)
	st.blind.Reason = first + classList + strings.Join(names, ", ") + ")"
}

const classList = " (classes: "

// whyBad gives the reason of a slot that was not collected whole.
func whyBad(run evidence.Run) evidence.Reason {
	switch {
	case run.Reason != nil:
		return *run.Reason
	case run.Outcome == evidence.Missed:
		return evidence.Reason{Class: evidence.AgentOff, Detail: "nobody was there to collect"}
	case run.Outcome == evidence.Failed:
		return evidence.Reason{Class: evidence.Internal, Detail: "the run states no reason"}
	}
	return evidence.Reason{Class: evidence.Incomplete, Detail: whatIsMissing(run)}
}

func whatIsMissing(run evidence.Run) string {
	if run.Certificate == nil {
		return "the run has no certificate"
	}
	for _, s := range run.Certificate.Scopes {
		if s.Status.Unread() {
			return fmt.Sprintf("%s was %s", s.Scope, s.Status)
		}
	}
	return "the certificate is not complete"
}

// criteria gives the union of the criteria of the tests, in the catalogue's order.
func (e *Engine) criteria(tests []*testState) []string {
	ids := []string{}
	for _, c := range e.cat.Criteria {
		if slices.ContainsFunc(tests, func(ts *testState) bool { return slices.Contains(ts.Criteria, c.ID) }) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// slotTally counts the slots of one stream that the schedule demands in the
// period. Those on demand are evidence, but nobody expected them: they must
// not make up for missed ones.
type slotTally struct {
	result.SlotCounts
	complete int
}

func (s *slotTally) add(out evidence.Outcome, o observation) {
	if !o.inPeriod || o.run.Trigger == evidence.OnDemand {
		return
	}
	s.Expected++
	if o.complete {
		s.complete++
	}
	switch {
	case out == evidence.Late && o.complete:
		s.Late++
	case out == evidence.Collected && o.complete:
		s.Collected++
	case out == evidence.Partial || out.Complete():
		s.Partial++ // it may call itself collected, but its certificate does not
	case out == evidence.Missed:
		s.Missed++
	default:
		s.Failed++
	}
}
