package collectors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/evidenced/evidenced/evidence"
)

// Output collects what one collection reads. It is safe for concurrent use.
type Output struct {
	kind evidence.Kind

	mu      sync.Mutex
	records []evidence.Record
	scopes  map[evidence.Scope]evidence.ScopeResult
	pages   int
	total   *int
	filters map[string]string
	mark    string
	until   time.Time
}

// NewOutput makes an Output for one kind.
func NewOutput(kind evidence.Kind) *Output {
	return &Output{kind: kind, scopes: map[evidence.Scope]evidence.ScopeResult{}, filters: map[string]string{}}
}

// Emit adds one record. Its kind is set here.
func (o *Output) Emit(r evidence.Record) error {
	r.Kind = o.kind
	if err := r.Validate(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records = append(o.records, r)
	return nil
}

// Page counts one page read.
func (o *Output) Page() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pages++
}

// Total adds to the source's own count of what there is.
func (o *Output) Total(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.total == nil {
		o.total = new(int)
	}
	*o.total += n
}

// Mark notes where the reading of events ended, in the source's own terms; the
// next window has it as After. It is for sources whose times do not show what is new.
func (o *Output) Mark(at string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mark = at
}

// Until ends the window of events at t, before its end: up to there it was read
// whole, and the next window begins there. It is for what is too much for one
// slot, and for a source that stops answering.
func (o *Output) Until(t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until = t
}

// Adopt copies the scopes, pages and filters of a reading that several kinds
// share, but not its records.
func (o *Output) Adopt(shared *Output) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.scopes, shared.scopes)
	maps.Copy(o.filters, shared.filters)
	o.pages += shared.pages
}

// Filter names a parameter that leaves something out.
func (o *Output) Filter(name, value string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.filters[name] = value
}

// Scope notes that one expected part of the scope was read (nil) or why not.
func (o *Output) Scope(s evidence.Scope, err error) {
	res := evidence.ScopeResult{Scope: s, Status: evidence.ScopeRead}
	if err != nil {
		reason := ReasonOf(err)
		res.Reason, res.Status = &reason, evidence.ScopeFailed
		if reason.Class == evidence.Denied || reason.Class == evidence.Unauthenticated {
			res.Status = evidence.ScopeDenied
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, ok := o.scopes[s]; ok && old.Status != evidence.ScopeRead {
		return // a part once unread stays unread, and one that is absent stays absent
	}
	o.scopes[s] = res
}

// EachScope reads every part of the scope with read, at most parallel at a
// time, and notes each result. The exchanges made for a part name it. A part that cannot be read does not stop the
// others; the error then wraps the first one's class and says how many.
func (o *Output) EachScope(ctx context.Context, parts []evidence.Scope, parallel int, read func(context.Context, evidence.Scope) error) error {
	return o.finishParts(parts, eachPart(ctx, parts, parallel, read))
}

// EachRegion is EachScope for parts that have hosts of their own. A part whose
// host does not exist, while another part was read, is one to which the source
// has not brought what is read; one that is excluded by a policy, while the same is
// read elsewhere, is closed to everyone. Nothing is expected in either.
func (o *Output) EachRegion(ctx context.Context, parts []evidence.Scope, parallel int, read func(context.Context, evidence.Scope) error) error {
	errs := eachPart(ctx, parts, parallel, read)
	if slices.Contains(errs, nil) {
		for i, err := range errs {
			if errors.Is(err, ErrNoHost) || errors.Is(err, ErrExcluded) {
				o.markAbsent(parts[i], err)
				errs[i] = nil
			}
		}
	}
	return o.finishParts(parts, errs)
}

// markAbsent notes a part in which there is nothing to read.
func (o *Output) markAbsent(s evidence.Scope, err error) {
	reason := ReasonOf(err)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scopes[s] = evidence.ScopeResult{Scope: s, Status: evidence.ScopeAbsent, Reason: &reason}
}

func eachPart(ctx context.Context, parts []evidence.Scope, parallel int, read func(context.Context, evidence.Scope) error) []error {
	return Each(ctx, len(parts), parallel, func(ctx context.Context, i int) error {
		return read(WithScope(ctx, parts[i]), parts[i])
	})
}

// finishParts notes what became of each part, and returns the error of them all. What
// is noted already, and worse or absent, stays.
func (o *Output) finishParts(parts []evidence.Scope, errs []error) error {
	for i, err := range errs {
		o.Scope(parts[i], err)
	}
	failed := slices.DeleteFunc(slices.Clone(errs), func(e error) bool { return e == nil })
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d scopes not read, the first because: %w", len(failed), len(parts), failed[0])
}

// Each runs do for 0 to n-1, at most parallel at a time, and returns the error of
// each. A panic becomes an error; after the end of ctx nothing more is begun.
func Each(ctx context.Context, n, parallel int, do func(context.Context, int) error) []error {
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(max(parallel, 1))
	for i := range n {
		g.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = ErrEnded // until it returns
				errs[i] = CatchPanic(func() error { return do(ctx, i) })
			}
			return nil
		})
	}
	_ = g.Wait() // each error is in errs
	return errs
}

// ErrEnded: what collected ended its goroutine, by runtime.Goexit, of which
// neither a result nor a panic tells.
var ErrEnded = errors.New("collecting ended without a result")

// CatchPanic runs f and turns a panic into an error, so that one bad answer cannot
// end the daemon. The error becomes evidence: it names the function that
// panicked, and not the whole stack, which holds paths of this machine.
func CatchPanic(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while collecting, in %s: %v", panicked(), p)
		}
	}()
	return f()
}

// panicked returns function and line of the code that panicked. It is called
// while the panic is being recovered.
func panicked() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !more || !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s, line %d", path.Base(f.Function), f.Line)
		}
	}
}

// MaxPages bounds one listing; a listing that reaches it is an error, never a short list.
const MaxPages = 100_000

// Pages walks a listing to its last page. fetch reads the page named by token,
// "" for the first, and returns the token of the next, "" after the last. A
// token that comes twice is a loop, and an error.
func (o *Output) Pages(ctx context.Context, fetch func(ctx context.Context, token string) (next string, err error)) error {
	seen := map[string]bool{}
	for token := ""; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := fetch(ctx, token)
		if err != nil {
			return err
		}
		o.Page()
		if next == "" {
			return nil
		}
		if seen[next] {
			return Incomplete("page token %.40q came twice: the listing loops", next)
		}
		if len(seen) >= MaxPages {
			return Incomplete("more than %d pages", MaxPages)
		}
		seen[next], token = true, next
	}
}
