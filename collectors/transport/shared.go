package transport

import (
	"context"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// shared is one reading that several kinds of a visit rest on.
type shared struct {
	once  sync.Once
	rec   recorder
	value any
	err   error
}

// Share implements Sharer.
func (v *Visit) Share(ctx context.Context, name string, read func(context.Context) (any, error)) (any, error) {
	s := v.share(name)
	s.once.Do(func() {
		s.err = collectors.CatchPanic(func() (err error) {
			s.value, err = read(collectors.WithScope(withRecorder(ctx, &s.rec), ""))
			return err
		})
	})
	if r := recorderOf(ctx); r != nil {
		r.adopt(s)
	}
	return s.value, s.err
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
