package collectors

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Reading is what an Output took.
type Reading struct {
	// Records in the order in which they were emitted.
	Records []evidence.Record
	// Scopes are the expected parts and what became of each, sorted by scope.
	Scopes []evidence.ScopeResult
	// Pages counts the pages read.
	Pages int
	// Total is the source's own count of what there is; nil if it has none.
	Total *int
	// Filters are the parameters that leave something out, by name.
	Filters map[string]string
	// Mark and Until are what Output.Mark and Output.Until were given last.
	Mark  string
	Until time.Time
}

// Reading returns a copy of what was taken so far; the attributes of its records
// are shared.
func (o *Output) Reading() Reading {
	o.mu.Lock()
	defer o.mu.Unlock()
	scopes := slices.SortedFunc(maps.Values(o.scopes), func(a, b evidence.ScopeResult) int { return cmp.Compare(a.Scope, b.Scope) })
	return Reading{slices.Clone(o.records), scopes, o.pages, o.total, maps.Clone(o.filters), o.mark, o.until}
}

// Window returns the window as far as it was read, nil for state kinds.
func (r Reading) Window(w evidence.Window) *evidence.Window {
	switch {
	case w == (evidence.Window{}):
		return nil
	case !r.Until.IsZero() && r.Until.After(w.From) && r.Until.Before(w.To):
		w.To = r.Until.UTC()
	}
	return &w
}
