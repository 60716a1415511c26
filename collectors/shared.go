package collectors

import (
	"context"
	"sync"

	"github.com/evidenced/evidenced/evidence"
)

// shared is one reading that several kinds of a visit rest on.
type shared struct {
	once  sync.Once
	rec   recorder
	value any
	err   error
}

type visitKey struct{}

// Shared reads something once in a visit that several of its kinds need, such
// as the list of regions. Whoever asks first waits for the reading. Its
// exchanges become part of every snapshot that asked for it, so that each one
// can be derived from its own exchanges. Outside of a visit it just reads.
func Shared[T any](ctx context.Context, name string, read func(context.Context) (T, error)) (T, error) {
	v, ok := ctx.Value(visitKey{}).(*Visit)
	if !ok {
		return read(ctx)
	}
	s := v.share(name)
	s.once.Do(func() {
		s.err = caught(func() (err error) {
			s.value, err = read(withScope(withRecorder(ctx, &s.rec), ""))
			return err
		})
	})
	if r := recorderOf(ctx); r != nil {
		r.adopt(s)
	}
	value, _ := s.value.(T)
	return value, s.err
}

func (v *Visit) share(name string) *shared {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shared == nil {
		v.shared = map[string]*shared{}
	}
	if v.shared[name] == nil {
		v.shared[name] = &shared{}
	}
	return v.shared[name]
}

// adopt takes the exchanges of a shared reading, once.
func (r *recorder) adopt(s *shared) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.adopted == nil {
		r.adopted = map[*shared][]evidence.Exchange{}
	}
	r.adopted[s] = s.rec.exchanges()
}
