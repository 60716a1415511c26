package gap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// trackBlindness opens, prolongs or fixes the blind gap of a stream: successive
// slots that are not complete. A stream of a scope that is still new has none: the
// scope's own gap covers it.
func (e *Engine) trackBlindness(st *stream, o observation) {
	switch {
	case o.complete:
		st.lastCompleteRun = o.at
		if st.blindGap != nil {
			st.blindGap.fix(o.at, "")
			st.blindGap, st.blindClasses = nil, nil
		}
	case e.inNewScope(st):
	case st.blindGap == nil:
		reason := blindReason(o.run)
		st.blindClasses = []evidence.Class{reason.Class}
		st.blindGap = e.openGap(result.Gap{Kind: result.Blind, Criteria: e.criteria(st.kind.tests), Severity: blindSeverity,
			Stream: st.text, Reason: reason.String()}, blindSLADays, o.due, st.lastCompleteRun)
	default:
		st.blindGap.LastSeen = later(st.blindGap.LastSeen, o.due) // a period that begins earlier adds slots that are older
		st.addBlindClass(blindReason(o.run).Class)
	}
}

// addBlindClass lists the classes in the gap's reason once they differ.
func (st *stream) addBlindClass(c evidence.Class) {
	if slices.Contains(st.blindClasses, c) {
		return
	}
	st.blindClasses = append(st.blindClasses, c)
	first, _, _ := strings.Cut(st.blindGap.Reason, classList)
	names := make([]string, len(st.blindClasses))
	for i, c := range st.blindClasses {
		names[i] = string(c)
	}
	slices.Sort(names)
	st.blindGap.Reason = first + classList + strings.Join(names, ", ") + ")"
}

const classList = " (classes: "

// blindReason returns why a slot is not complete.
func blindReason(run evidence.Run) evidence.Reason {
	switch {
	case run.Reason != nil:
		return *run.Reason
	case run.Outcome == evidence.Missed:
		return evidence.Reason{Class: evidence.AgentOff, Detail: "nobody was there to collect"}
	case run.Outcome == evidence.Failed:
		return evidence.Reason{Class: evidence.Internal, Detail: "the run states no reason"}
	}
	return evidence.Reason{Class: evidence.Incomplete, Detail: incompleteDetail(run)}
}

func incompleteDetail(run evidence.Run) string {
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

// criteria returns the union of the criteria of the tests, in the catalogue's order.
func (e *Engine) criteria(tests []*testState) []string {
	ids := []string{}
	for _, c := range e.cat.Criteria {
		if slices.ContainsFunc(tests, func(ts *testState) bool { return slices.Contains(ts.Criteria, c.ID) }) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// slotCounter counts the slots of one stream that its schedule expects in the
// period. Slots on demand do not count: they are evidence, but must not make up
// for missed ones.
type slotCounter struct {
	result.SlotCounts
	complete int
}

func (s *slotCounter) add(out evidence.Outcome, o observation) {
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
		s.Partial++ // also where the outcome is collected, and the certificate is not complete
	case out == evidence.Missed:
		s.Missed++
	default:
		s.Failed++
	}
}
