package gap

import (
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// scopeLedger holds the scopes of one source: those that its root kind lists, and
// those that are collected.
type scopeLedger struct {
	root      evidence.Kind
	listed    map[string]string // id -> name, of the last complete root run
	at        time.Time         // its observation; zero before the first
	appeared  map[string]*newScope
	vanished  map[string]*trackedGap
	collected map[evidence.Kind]map[evidence.Scope]bool // streams of listed scopes that have had a run
}

// newScope is a scope that appeared, and of which some kind was not collected
// completely yet.
type newScope struct {
	id, name     string
	due          time.Time // of the root run that listed it first
	listedBefore time.Time // the last root run but one that listed it
	gap          *trackedGap
	completed    map[evidence.Kind]completion
}

// completion is the first complete run of a kind of a new scope.
type completion struct{ at, due time.Time }

func newScopeLedger(root evidence.Kind) *scopeLedger {
	return &scopeLedger{root: root, appeared: map[string]*newScope{}, vanished: map[string]*trackedGap{},
		collected: map[evidence.Kind]map[evidence.Scope]bool{}}
}

// pending returns the new scope that a stream's scope names by its id, or by its
// name where the streams of the source use that; nil where there is none.
func (l *scopeLedger) pending(scope evidence.Scope) *newScope {
	if n := l.appeared[string(scope)]; n != nil || len(l.appeared) == 0 {
		return n
	}
	for _, id := range slices.Sorted(maps.Keys(l.appeared)) {
		if l.appeared[id].name == string(scope) {
			return l.appeared[id]
		}
	}
	return nil
}

// inNewScope reports whether the stream belongs to a new scope, and had no
// complete run since.
func (e *Engine) inNewScope(st *stream) bool {
	ledger := e.ledgers[st.id.Source]
	if ledger == nil || st.id.Kind == ledger.root {
		return false
	}
	n := ledger.pending(st.id.Scope)
	if n == nil {
		return false
	}
	_, done := n.completed[st.id.Kind]
	return !done
}

// trackScopes updates the ledger of the run's source.
func (e *Engine) trackScopes(st *stream, o observation) {
	ledger := e.ledgers[st.id.Source]
	switch {
	case ledger == nil:
	case st.id.Kind != ledger.root:
		ledger.recordRun(st, o)
	case o.complete && st.events == nil:
		e.updateScopes(ledger, st, o)
	}
}

// lists reports whether a scope is one that the root lists, by its id or its name.
func (l *scopeLedger) lists(scope evidence.Scope) bool {
	_, byID := l.listed[string(scope)]
	return byID || slices.Contains(slices.Collect(maps.Values(l.listed)), string(scope))
}

// recordRun records a run of a stream that is not the root.
func (l *scopeLedger) recordRun(st *stream, o observation) {
	if len(l.collected) == 0 && !l.lists(st.id.Scope) { // the root lists something else, as a register lists files
		return
	}
	if l.collected[st.id.Kind] == nil {
		l.collected[st.id.Kind] = map[evidence.Scope]bool{}
	}
	l.collected[st.id.Kind][st.id.Scope] = true
	n := l.pending(st.id.Scope)
	if n == nil || !o.complete {
		return
	}
	if _, ok := n.completed[st.id.Kind]; !ok {
		n.completed[st.id.Kind] = completion{o.at, o.due}
	}
	if len(n.completed) == len(l.collected) { // every kind that is collected of any scope
		n.close()
		delete(l.appeared, n.id)
	}
}

// close fixes the gap of a scope of which every kind was collected completely. If
// that was in the tick in which the scope appeared, there was no gap.
func (n *newScope) close() {
	var last time.Time
	same := true
	for _, c := range n.completed {
		last = later(last, c.at)
		same = same && c.due.Equal(n.due)
	}
	n.gap.retracted = same
	if !n.gap.LastSeen.Before(last) { // of the root run in the same tick
		n.gap.LastSeen = n.listedBefore
	}
	n.gap.fix(last, "")
}

// updateScopes compares a complete root run with the one before.
func (e *Engine) updateScopes(ledger *scopeLedger, st *stream, o observation) {
	now := map[string]string{}
	for _, r := range st.order {
		now[r.key.id] = r.name
	}
	if !ledger.at.IsZero() && len(ledger.collected) > 0 { // otherwise it lists no scopes: a roster lists people
		for _, id := range slices.Sorted(maps.Keys(now)) {
			if _, was := ledger.listed[id]; !was {
				e.scopeAppeared(ledger, st, o, id, now[id])
			}
		}
		for _, id := range slices.Sorted(maps.Keys(ledger.listed)) {
			if _, is := now[id]; !is {
				e.scopeVanished(ledger, st, o, id)
			}
		}
	}
	for id, n := range ledger.appeared {
		n.listedBefore, n.gap.LastSeen = n.gap.LastSeen, o.at
		n.name = now[id]
	}
	for _, g := range ledger.vanished {
		g.LastSeen = o.at
	}
	ledger.listed, ledger.at = now, o.at
}

func (e *Engine) scopeAppeared(ledger *scopeLedger, st *stream, o observation, id, name string) {
	if g := ledger.vanished[id]; g != nil {
		g.fix(o.at, "listed again")
		delete(ledger.vanished, id)
	}
	ledger.appeared[id] = &newScope{id: id, name: name, due: o.due, completed: map[evidence.Kind]completion{},
		gap: e.openScopeGap(ledger, st, o, id, name, "appeared, and not all of it is collected")}
}

func (e *Engine) scopeVanished(ledger *scopeLedger, st *stream, o observation, id string) {
	if n := ledger.appeared[id]; n != nil {
		n.gap.fix(o.at, "no longer listed")
		delete(ledger.appeared, id)
	}
	ledger.vanished[id] = e.openScopeGap(ledger, st, o, id, ledger.listed[id], "no longer listed")
}

func (e *Engine) openScopeGap(ledger *scopeLedger, st *stream, o observation, id, name, reason string) *trackedGap {
	return e.openGap(result.Gap{Kind: result.Scope, Criteria: e.sourceCriteria(st.id.Source), Severity: blindSeverity, Stream: st.text,
		Resource: id, Name: name, Reason: reason}, blindSLADays, o.at, ledger.at)
}

// sourceCriteria returns the criteria of every test on the kinds of a source
// that are collected.
func (e *Engine) sourceCriteria(name string) []string {
	var tests []*testState
	for id, st := range e.streams {
		if id.Source == name {
			tests = append(tests, st.kind.tests...)
		}
	}
	return e.criteria(tests)
}
