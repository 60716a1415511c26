package store

import "sync"

// The text that is kept in memory is bounded by cacheBytes in each of two
// generations, or by what one blob needs so that the next one of its series,
// which is a patch to it, finds it there; but never by more than mostCached.
const (
	cacheBytes = 8 << 20
	mostCached = 24 << 20
)

// shards keeps the text of frames that were used last: the next snapshot of a
// stream, to be written or read, is a patch to them. What is in it never
// changes, as a frame's text never does.
type shards struct {
	mu         sync.Mutex
	young, old map[uint64]*shard
	bytes      int // of young
	limit      int // of bytes; 0 stands for cacheBytes
}

// room makes room for the text of a blob: a reader that goes from one to the next holds
// both, and touches each twice.
func (c *shards) room(size uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = max(c.limit, cacheBytes, int(min(5*size/2, mostCached)))
}

func (c *shards) get(id uint64) *shard {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.young[id]; s != nil {
		return s
	}
	s := c.old[id]
	if s != nil {
		c.put(id, s)
	}
	return s
}

func (c *shards) add(id uint64, s *shard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(id, s)
}

// put adds to the young; when they are too many they become the old ones, and
// those are forgotten.
func (c *shards) put(id uint64, s *shard) {
	if c.young == nil || c.bytes > max(c.limit, cacheBytes) {
		c.old, c.young, c.bytes = c.young, map[uint64]*shard{}, 0
	}
	c.young[id] = s
	c.bytes += len(s.text) + 8*len(s.ends) + 120*len(s.keyed) // keys are of some 70 bytes
}

// publish adds what a transaction has written, once it is in the file.
func (c *shards) publish(from *shards) {
	for _, generation := range []map[uint64]*shard{from.old, from.young} {
		for id, s := range generation {
			c.add(id, s)
		}
	}
}

// forget empties the cache.
func (c *shards) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old, c.bytes = nil, nil, 0
}
