package collectors

import (
	"context"

	"github.com/evidenced/evidenced/evidence"
)

type scopeKey struct{}

// WithScope notes the part of the scope that requests are made for.
func WithScope(ctx context.Context, s evidence.Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// ScopeFromContext returns the part of the scope that requests are made for, ""
// for the whole of it.
func ScopeFromContext(ctx context.Context) evidence.Scope {
	s, _ := ctx.Value(scopeKey{}).(evidence.Scope)
	return s
}

type callKey struct{}

// ForCall names the declared call that requests are to be: an address that a source
// gives, of the next page or by a redirect, must not become another one.
func ForCall(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callKey{}, name)
}

// CallFromContext returns the call that ForCall named; empty if it may be any.
func CallFromContext(ctx context.Context) string {
	name, _ := ctx.Value(callKey{}).(string)
	return name
}

type triesKey struct{}

// Tries bounds how often a request is made that fails otherwise than by
// throttling, for one who can ask for less when an answer is too much for the
// source: a page of half the size.
func Tries(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, triesKey{}, n)
}

// TriesFromContext returns the bound that Tries set, or otherwise def.
func TriesFromContext(ctx context.Context, def int) int {
	if n, ok := ctx.Value(triesKey{}).(int); ok {
		return n
	}
	return def
}

// Sharer reads once what several kinds of one visit need.
type Sharer interface {
	// Share returns what read returned when the name was first asked for.
	Share(ctx context.Context, name string, read func(context.Context) (any, error)) (any, error)
}

type sharerKey struct{}

// WithSharer makes Shared use s below ctx.
func WithSharer(ctx context.Context, s Sharer) context.Context {
	return context.WithValue(ctx, sharerKey{}, s)
}

// Shared reads something once in a visit that several of its kinds need, such
// as the list of regions. Whoever asks first waits for the reading. Its
// exchanges become part of every snapshot that asked for it, so that each one
// can be derived from its own exchanges. Outside of a visit it just reads.
func Shared[T any](ctx context.Context, name string, read func(context.Context) (T, error)) (T, error) {
	s, ok := ctx.Value(sharerKey{}).(Sharer)
	if !ok {
		return read(ctx)
	}
	v, err := s.Share(ctx, name, func(ctx context.Context) (any, error) { return read(ctx) })
	value, _ := v.(T)
	return value, err
}
