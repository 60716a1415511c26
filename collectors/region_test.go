package collectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// TestEachRegion: a part whose host does not exist, while another was read, has
// nothing to read. If no part was read, nothing is known of any.
func TestEachRegion(t *testing.T) {
	excluded := fmt.Errorf("%w: %w", ErrDenied, ErrExcluded)
	noHost := fmt.Errorf("%w: %w", ErrUnreachable, ErrNoHost)
	for name, tt := range map[string]struct {
		errs map[evidence.Scope]error
		want []evidence.ScopeStatus // of a, b, c
		err  error
	}{
		"not brought there": {map[evidence.Scope]error{"b": noHost}, []evidence.ScopeStatus{evidence.ScopeRead, evidence.ScopeAbsent, evidence.ScopeRead}, nil},
		"no name server":    {map[evidence.Scope]error{"a": noHost, "b": noHost, "c": noHost}, []evidence.ScopeStatus{evidence.ScopeFailed, evidence.ScopeFailed, evidence.ScopeFailed}, ErrUnreachable},
		"excluded":          {map[evidence.Scope]error{"b": excluded}, []evidence.ScopeStatus{evidence.ScopeRead, evidence.ScopeAbsent, evidence.ScopeRead}, nil},
		"all excluded":      {map[evidence.Scope]error{"a": excluded, "b": excluded, "c": excluded}, []evidence.ScopeStatus{evidence.ScopeDenied, evidence.ScopeDenied, evidence.ScopeDenied}, ErrDenied},
		"one denied":        {map[evidence.Scope]error{"a": ErrDenied, "b": noHost}, []evidence.ScopeStatus{evidence.ScopeDenied, evidence.ScopeAbsent, evidence.ScopeRead}, ErrDenied},
		"down":              {map[evidence.Scope]error{"b": ErrUnreachable}, []evidence.ScopeStatus{evidence.ScopeRead, evidence.ScopeFailed, evidence.ScopeRead}, ErrUnreachable},
	} {
		out := NewOutput("k.k")
		err := out.EachRegion(t.Context(), []evidence.Scope{"a", "b", "c"}, 2, func(_ context.Context, s evidence.Scope) error { return tt.errs[s] })
		var got []evidence.ScopeStatus
		for _, r := range out.Reading().Scopes {
			got = append(got, r.Status)
		}
		if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, err, tt.want, tt.err)
		}
	}
}
