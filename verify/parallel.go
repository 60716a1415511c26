package verify

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls work for every member, several at a time, and done with what it
// returned, one at a time and in the order of the members, until the check has
// ended. work must not touch the check.
func each[T any](c *check, members []Member, work func(Member) T, done func(Member, T)) {
	workers := runtime.GOMAXPROCS(0)
	results := make([]chan T, len(members))
	for i := range results {
		results[i] = make(chan T, 1)
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				results[i] <- work(members[i])
			}
		})
	}
	begun := 0
	for i, m := range members {
		for ; begun < len(members) && begun < i+2*workers; begun++ { // so that little is done in vain
			next <- begun
		}
		if c.ended() {
			break
		}
		done(m, <-results[i])
	}
	close(next)
	wg.Wait()
}

// sums remembers sums that were added, the newest of those that share a place.
type sums struct{ places []atomic.Uint64 }

// maxSums is how many sums are remembered, 8 bytes each.
const maxSums = 1 << 20

func newSums() *sums { return &sums{make([]atomic.Uint64, maxSums)} }

func (s *sums) holds(sum uint64) bool { return sum != 0 && s.places[sum%maxSums].Load() == sum }

func (s *sums) add(sum uint64) { s.places[sum%maxSums].Store(sum) }
