package gap

import (
	"slices"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// A control's tests often read the same items: one of each pull request, one of
// the same pull request with its tickets. An item counts once for the control,
// however many tests apply to it.

// itemSet holds distinct items of one stream, as the evidence names it: those of
// the stream itself and of the views whose rows its records are.
type itemSet struct {
	resources map[recordKey]struct{}
	events    map[eventKey]struct{}
	whole     bool // the stream as a whole is an item
}

func (s *itemSet) count() int { return len(s.resources) + len(s.events) + pick(s.whole, 1, 0) }

// itemsOf returns, by the name of the stream, the distinct items of the period to
// which one of the tests applies.
func (e *Engine) itemsOf(mine func(*testState) bool) map[string]*itemSet {
	all := map[string]*itemSet{}
	for _, st := range e.allStreams(mine) {
		of := all[st.text]
		if of == nil {
			of = &itemSet{resources: map[recordKey]struct{}{}, events: map[eventKey]struct{}{}}
			all[st.text] = of
		}
		of.add(st, mine)
	}
	return all
}

// allStreams returns the streams of the tests, each once.
func (e *Engine) allStreams(mine func(*testState) bool) []*stream {
	var all []*stream
	for _, ts := range e.tests {
		if !mine(ts) {
			continue
		}
		for _, st := range ts.streams {
			if !slices.Contains(all, st) {
				all = append(all, st)
			}
		}
	}
	return all
}

func (s *itemSet) add(st *stream, mine func(*testState) bool) {
	tests := st.testsThat(mine)
	for _, i := range tests {
		s.whole = s.whole || st.kind.tests[i].Mode != catalogue.Each && st.tests[i].counted
	}
	for key, r := range st.resources {
		if r.countedBy(tests) {
			s.resources[key] = struct{}{}
		}
	}
	if st.events == nil {
		return
	}
	for key, n := range st.events.index {
		if st.events.countedBy(n, tests) {
			s.events[key] = struct{}{}
		}
	}
}

// testsThat returns the places of some tests among those of the stream.
func (st *stream) testsThat(mine func(*testState) bool) (tests []int) {
	for i, ts := range st.kind.tests {
		if mine(ts) {
			tests = append(tests, i)
		}
	}
	return tests
}

// countedBy reports whether one of the tests applied to a resource in the period.
func (r *resource) countedBy(tests []int) bool {
	return slices.ContainsFunc(tests, func(i int) bool { return r.cells[i].counted })
}

// countedBy reports whether one of the tests applies to an event of the period.
func (s *eventSet) countedBy(n int32, tests []int) bool {
	of := len(s.answers) / max(len(s.days), 1)
	return s.days[n] != outsidePeriod && slices.ContainsFunc(tests, func(i int) bool { return applies(s.answers[int(n)*of+i]) == 1 })
}

// countItems counts the distinct items that the tests of a control apply to.
func (e *Engine) countItems(control string) (n int) {
	mine := func(ts *testState) bool { return ts.Control == control }
	byText := map[string][]*stream{}
	for _, st := range e.allStreams(mine) {
		byText[st.text] = append(byText[st.text], st)
	}
	for _, streams := range byText {
		if len(streams) == 1 && streams[0].events != nil { // of a million events no set is made
			n += streams[0].countEvents(streams[0].testsThat(mine))
			continue
		}
		of := &itemSet{resources: map[recordKey]struct{}{}, events: map[eventKey]struct{}{}}
		for _, st := range streams {
			of.add(st, mine)
		}
		n += of.count()
	}
	return n
}

func (st *stream) countEvents(tests []int) (n int) {
	for i := range st.events.days {
		n += pick(st.events.countedBy(int32(i), tests), 1, 0)
	}
	return n
}

// Applies returns what reports whether an item of the period is one that a test
// of the control applies to. One that waits for what it is joined with is, as nobody
// knows better.
func (e *Engine) Applies(control string) func(name string, scope evidence.Scope, id string) bool {
	mine := func(ts *testState) bool { return ts.Control == control && ts.Mode == catalogue.Each }
	all, bases := e.itemsOf(mine), map[string][]*stream{}
	for _, st := range e.streams {
		bases[st.text] = append(bases[st.text], st)
	}
	return func(name string, scope evidence.Scope, id string) bool {
		key := recordKey{scope, id}
		if s := all[name]; s != nil && s.has(key) {
			return true
		}
		return slices.ContainsFunc(bases[name], func(st *stream) bool { return st.waits(key, mine) })
	}
}

func (s *itemSet) has(key recordKey) bool {
	_, resource := s.resources[key]
	_, event := s.events[keyOf(&evidence.Record{Scope: key.scope, ID: key.id})]
	return resource || event
}

// waits reports whether a record of the stream is a row that one of the tests has not
// judged yet.
func (st *stream) waits(key recordKey, mine func(*testState) bool) bool {
	return slices.ContainsFunc(st.tables, func(t *table) bool {
		r := t.rows[key]
		if res := st.resources[key]; r == nil && res != nil {
			r = res.rows[t.index]
		}
		return r != nil && slices.ContainsFunc(t.tests, func(v *viewTest) bool {
			return mine(v.stream.kind.tests[0]) && !v.stream.judged(key)
		})
	})
}

// judged reports whether the stream, one of a view, has an answer for a record.
func (st *stream) judged(key recordKey) bool {
	if st.events == nil {
		return st.resources[key] != nil
	}
	_, ok := st.events.index[keyOf(&evidence.Record{Scope: key.scope, ID: key.id})]
	return ok
}

// found counts the distinct items of a control that deviated in the period, and
// those that still do.
type found struct{ deviating, open int }

// distinctByControl counts deviating items by control. The occurrences of an
// activity are items of their own.
func distinctByControl(gaps []result.Gap) map[string]found {
	type item struct {
		control, duty, stream, resource string
		scope                           evidence.Scope
	}
	open := map[item]bool{}
	for _, g := range gaps {
		if !g.Kind.Finding() {
			continue
		}
		it := item{g.Control, "", g.Stream, g.Resource, g.Scope}
		if g.Kind == result.DutyGap {
			it.duty = g.Test
		}
		open[it] = open[it] || g.FixedBy == nil
	}
	out := map[string]found{}
	for it, isOpen := range open {
		f := out[it.control]
		f.deviating++
		f.open += pick(isOpen, 1, 0)
		out[it.control] = f
	}
	return out
}
