package transport

import (
	"bytes"
	"errors"
	"fmt"
)

// What a source sends is held while it is read, decoded into values that take many
// times its bytes, and kept for years, to be decoded by every command after it. So an
// answer is bounded not in its bytes alone, but in the values that it holds and in how
// deep they are nested; and all answers of a collection together are bounded as well.
// Beyond a budget nothing of the answer is kept, and the slot fails with the name of
// the budget.
const (
	// maxValues bounds the values of one answer: members and elements of JSON, tags of
	// XML, cells of a sheet. The largest honest ones have a hundred thousand.
	maxValues = 2_000_000
	// maxDepth bounds how deep lists and objects are nested. Honest ones reach twenty.
	maxDepth = 200
	// maxHeaderValue bounds one header that is kept, in bytes.
	maxHeaderValue = 4 << 10
)

// errTooMuch is a budget that an answer exceeds.
var errTooMuch = errors.New("the answer is too large")

// withinBudget refuses an answer with too many values.
func withinBudget(body []byte) error {
	values, depth := measure(body)
	switch {
	case values > maxValues:
		return fmt.Errorf("%w: over %d values", errTooMuch, maxValues)
	case depth > maxDepth:
		return fmt.Errorf("%w: values nested over %d deep", errTooMuch, maxDepth)
	}
	return nil
}

// measure counts what a document holds, whatever its form, at no more than a look at each byte.
func measure(body []byte) (values, depth int) {
	text := bytes.TrimLeft(trimBOM(body), " \t\r\n")
	switch {
	case len(text) == 0:
		return 0, 0
	case text[0] == '{' || text[0] == '[':
		return measureJSON(text)
	case text[0] == '<':
		return bytes.Count(text, []byte{'<'}), 0
	}
	return bytes.Count(text, []byte{','}) + bytes.Count(text, []byte{'\n'}), 0
}

// measureJSON counts members, elements and how deep they are nested. In JSON of
// several documents it counts all of them.
func measureJSON(text []byte) (values, deepest int) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = quoteEnd(text, i) - 1
		case ',':
			values++
		case '{', '[':
			values++
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return values, deepest
}

// room reports that the answers of a collection have used up what they may take together.
func (r *recorder) room(limit int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > limit {
		return fmt.Errorf("%w: the answers of this collection have over %d bytes together", errTooMuch, limit)
	}
	return nil
}
