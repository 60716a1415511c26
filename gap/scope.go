package gap

import (
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// source is the scope ledger of one source: what its root kind lists, and
// which of it is collected.
type source struct {
	root    evidence.Kind
	listed  map[string]string // id -> name, of the last complete root run
	at      time.Time         // its observation; zero before the first
	fresh   map[string]*newScope
	vanish  map[string]*spell
	readers map[evidence.Kind]map[evidence.Scope]bool // the streams seen of what it lists
}

// newScope is a scope that appeared and is not yet collected whole.
type newScope struct {
	id, name string
	due      time.Time // of the root run that showed it
	before   time.Time // the last root run but one that listed it
	spell    *spell
	done     map[evidence.Kind]observation // its streams' first complete runs
}

func newSource(root evidence.Kind) *source {
	return &source{root: root, fresh: map[string]*newScope{}, vanish: map[string]*spell{},
		readers: map[evidence.Kind]map[evidence.Scope]bool{}}
}

// pending finds the new scope that a stream's scope means: by its id, or by its
// name where the source's streams use that.
func (s *source) pending(scope evidence.Scope) *newScope {
	if n := s.fresh[string(scope)]; n != nil || len(s.fresh) == 0 {
		return n
	}
	for _, id := range slices.Sorted(maps.Keys(s.fresh)) {
		if s.fresh[id].name == string(scope) {
			return s.fresh[id]
		}
	}
	return nil
}

// isNew reports whether the stream belongs to a scope that appeared and was
// itself not collected whole since.
func (e *Engine) isNew(st *stream) bool {
	src := e.sources[st.id.Source]
	if src == nil || st.id.Kind == src.root {
		return false
	}
	n := src.pending(st.id.Scope)
	if n == nil {
		return false
	}
	_, done := n.done[st.id.Kind]
	return !done
}

// follow keeps the scope ledger.
func (e *Engine) follow(st *stream, o observation) {
	src := e.sources[st.id.Source]
	switch {
	case src == nil:
	case st.id.Kind != src.root:
		src.read(st, o)
	case o.complete && st.events == nil:
		e.list(src, st, o)
	}
}

// lists reports whether a scope is one that the root lists, by its id or its name.
func (s *source) lists(scope evidence.Scope) bool {
	_, byID := s.listed[string(scope)]
	return byID || slices.Contains(slices.Collect(maps.Values(s.listed)), string(scope))
}

// read notes a run of a stream of some scope.
func (s *source) read(st *stream, o observation) {
	if len(s.readers) == 0 && !s.lists(st.id.Scope) { // as of a register: what the root lists are files
		return
	}
	if s.readers[st.id.Kind] == nil {
		s.readers[st.id.Kind] = map[evidence.Scope]bool{}
	}
	s.readers[st.id.Kind][st.id.Scope] = true
	n := s.pending(st.id.Scope)
	if n == nil || !o.complete {
		return
	}
	if _, ok := n.done[st.id.Kind]; !ok {
		n.done[st.id.Kind] = o
	}
	if len(n.done) == len(s.readers) { // every kind that is read anywhere
		n.cover()
		delete(s.fresh, n.id)
	}
}

// cover ends the gap of a scope all of whose streams were collected whole; if
// that was in the tick in which it appeared, there was none.
func (n *newScope) cover() {
	var last time.Time
	same := true
	for _, o := range n.done {
		last = later(last, o.at)
		same = same && o.due.Equal(n.due)
	}
	n.spell.void = same
	if !n.spell.LastSeen.Before(last) { // the root run of the tick that covers it
		n.spell.LastSeen = n.before
	}
	n.spell.fix(last, "")
}

// list takes a complete root run.
func (e *Engine) list(src *source, st *stream, o observation) {
	now := map[string]string{}
	for _, r := range st.order {
		now[r.key.id] = r.name
	}
	if !src.at.IsZero() && len(src.readers) > 0 { // otherwise it lists no scopes: a roster lists people
		for _, id := range slices.Sorted(maps.Keys(now)) {
			if _, was := src.listed[id]; !was {
				e.appear(src, st, o, id, now[id])
			}
		}
		for _, id := range slices.Sorted(maps.Keys(src.listed)) {
			if _, is := now[id]; !is {
				e.disappear(src, st, o, id)
			}
		}
	}
	for id, n := range src.fresh {
		n.before, n.spell.LastSeen = n.spell.LastSeen, o.at
		n.name = now[id]
	}
	for _, s := range src.vanish {
		s.LastSeen = o.at
	}
	src.listed, src.at = now, o.at
}

func (e *Engine) appear(src *source, st *stream, o observation, id, name string) {
	if s := src.vanish[id]; s != nil {
		s.fix(o.at, "listed again")
		delete(src.vanish, id)
	}
	src.fresh[id] = &newScope{id: id, name: name, due: o.due, done: map[evidence.Kind]observation{},
		spell: e.openScope(src, st, o, id, name, "appeared, and not all of it is collected")}
}

func (e *Engine) disappear(src *source, st *stream, o observation, id string) {
	if n := src.fresh[id]; n != nil {
		n.spell.fix(o.at, "no longer listed")
		delete(src.fresh, id)
	}
	src.vanish[id] = e.openScope(src, st, o, id, src.listed[id], "no longer listed")
}

func (e *Engine) openScope(src *source, st *stream, o observation, id, name, why string) *spell {
	return e.open(result.Gap{Kind: result.Scope, Criteria: e.sourceCriteria(st.id.Source), Severity: blindSeverity, Stream: st.text,
		Resource: id, Name: name, Reason: why}, blindSLADays, o.at, src.at)
}

// sourceCriteria gives the criteria of every test on the kinds of a source
// that are collected.
func (e *Engine) sourceCriteria(name string) []string {
	var tests []*testState
	for id, st := range e.streams {
		if id.Source == name {
			tests = append(tests, st.plan.tests...)
		}
	}
	return e.criteria(tests)
}
