package population

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Item is one member of a population that a sample is drawn from.
type Item struct {
	Stream string         `json:"stream"`
	Scope  evidence.Scope `json:"scope,omitempty"`
	ID     string         `json:"id"`
	Name   string         `json:"name"`
	// At is the source's time of an event, or when a resource was first seen in the period.
	At time.Time `json:"at"`
}

// SizeTable is a published table of sample sizes, in items. The size is the firm's
// judgment: the AICPA prescribes none.
type SizeTable struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Size returns how many of n are drawn.
	Size func(n int) int `json:"-"`
}

// SizeTables are those that can be chosen. The first is the default.
var SizeTables = []SizeTable{
	{"y", "Y Assurance, on occurrence: all up to 10, 8 of 11-50, 15 of 51-250, 25 above", func(n int) int {
		return step(n, []int{10, 50, 250}, []int{n, 8, 15, 25})
	}},
	{"assurancelab", "AssuranceLab, by population: all below 5, 5 up to 50, a tenth up to 250, 25 above", func(n int) int {
		return step(n, []int{4, 50, 250}, []int{n, min(n, 5), int(math.Ceil(float64(n) / 10)), 25})
	}},
	{"attribute-90-10", "no deviation expected, 90 % confidence of at most 10 %: 22", func(n int) int { return min(n, 22) }},
	{"attribute-95-5", "no deviation expected, 95 % confidence of at most 5 %: 59", func(n int) int { return min(n, 59) }},
}

// step returns the value of the first bound that is at least n.
func step(n int, bounds, values []int) int {
	for i, b := range bounds {
		if n <= b {
			return values[i]
		}
	}
	return values[len(bounds)]
}

// Draw is a reproducible sample. Its seed follows from the population itself, so
// that nobody can steer it.
type Draw struct {
	Engagement string `json:"engagement"`
	Control    string `json:"control"`
	Kind       string `json:"kind"`
	// Population counts the items, Digest is the SHA-256 of their canonical JSON
	// lines in the order of At, stream, scope and id.
	Population int           `json:"population"`
	Digest     evidence.Hash `json:"digest"`
	// Seed is SHA-256("evidenced/sample/v1\n" engagement "\n" control "\n" kind "\n" digest "\n").
	Seed evidence.Hash `json:"seed"`
	// Picks are the items drawn: one of each of len(Picks) runs, of lengths that
	// differ by one at most, of the ordered population.
	Picks []Pick `json:"picks"`
}

// Pick is one item that was drawn.
type Pick struct {
	// Number is its place in the ordered population, from 1.
	Number int `json:"number"`
	Item
}

// NewDraw draws size items. It sorts the population; an item that is in it twice
// is an error.
func NewDraw(engagement, control, kind string, population []Item, size int) (*Draw, error) {
	if size < 0 || size > len(population) {
		return nil, fmt.Errorf("draw: %d of a population of %d", size, len(population))
	}
	slices.SortFunc(population, compareItems)
	for i := 1; i < len(population); i++ {
		if compareItems(population[i-1], population[i]) == 0 {
			return nil, fmt.Errorf("draw: %s of %s stands in the population twice", population[i].ID, population[i].Stream)
		}
	}
	h := sha256.New()
	var line []byte
	for _, it := range population {
		var err error
		if line, err = it.append(line[:0]); err != nil {
			return nil, fmt.Errorf("draw: %w", err)
		}
		h.Write(append(line, '\n'))
	}
	d := &Draw{Engagement: engagement, Control: control, Kind: kind, Population: len(population), Digest: evidence.Hash(h.Sum(nil)), Picks: []Pick{}}
	d.Seed = evidence.HashOf(fmt.Appendf(nil, "evidenced/sample/v1\n%s\n%s\n%s\n%s\n", engagement, control, kind, d.Digest))
	for i := range size {
		from, to := i*len(population)/size, (i+1)*len(population)/size
		n := from + int(d.number(i, uint64(to-from)))
		d.Picks = append(d.Picks, Pick{n + 1, population[n]})
	}
	return d, nil
}

// append appends the canonical JSON: that of evidence.Canonical, in a fraction of
// its time.
func (it Item) append(dst []byte) (_ []byte, err error) {
	dst = it.At.UTC().AppendFormat(append(dst, `{"at":"`...), time.RFC3339Nano)
	if dst, err = evidence.AppendText(append(dst, `","id":`...), it.ID); err != nil {
		return nil, err
	}
	if dst, err = evidence.AppendText(append(dst, `,"name":`...), it.Name); err != nil {
		return nil, err
	}
	if it.Scope != "" {
		if dst, err = evidence.AppendText(append(dst, `,"scope":`...), string(it.Scope)); err != nil {
			return nil, err
		}
	}
	if dst, err = evidence.AppendText(append(dst, `,"stream":`...), it.Stream); err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

func compareItems(a, b Item) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
}

// number returns the i-th number below n that follows from the seed: the first 8
// bytes, big endian, of SHA-256(seed, i, try), i and try as 4 bytes; a number
// that would favor the low ones is left out, and the next try counts.
func (d *Draw) number(i int, n uint64) uint64 {
	limit := math.MaxUint64 - math.MaxUint64%n
	for try := uint32(0); ; try++ {
		var b bytes.Buffer
		b.Write(d.Seed[:])
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(i)))
		b.Write(binary.BigEndian.AppendUint32(nil, try))
		sum := sha256.Sum256(b.Bytes())
		if v := binary.BigEndian.Uint64(sum[:8]); v < limit {
			return v % n
		}
	}
}
