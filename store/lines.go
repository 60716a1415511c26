package store

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/evidenced/evidenced/evidence"
)

// A blob is kept as lines, and a line is recognized by its key: the scope and
// id of a record, the question of an exchange. Keys sort as the lines do. They
// only say how a blob is cut and what a line is compared with; its bytes do not
// depend on them.

// keyOf returns the key of a line of that content; a file has none.
func keyOf(c evidence.Content, line []byte) []byte {
	switch c {
	case evidence.ContentRecords:
		return recordKey(line)
	case evidence.ContentExchanges:
		return exchangeKey(line)
	}
	return nil
}

// What stands before the text of a member that is not the first one.
var (
	markID      = []byte(`,"id":"`)
	markScope   = []byte(`,"scope":"`)
	markCall    = []byte(`,"call":"`)
	markURL     = []byte(`,"url":"`)
	markRequest = []byte(`,"request":"`)
)

// recordKey reads scope and id. In canonical JSON the sequence `,"id":"` cannot
// stand within a string, and the last one is that of the record itself: what
// follows it holds no objects.
func recordKey(line []byte) []byte {
	at := bytes.LastIndex(line, markID)
	if at < 0 {
		return bytes.Clone(line)
	}
	return pairKey(member(line[at:], markScope), member(line[at:], markID))
}

// pairKey joins two texts so that the keys sort as the pairs do.
func pairKey(scope, id []byte) []byte {
	k := make([]byte, 0, len(scope)+len(id)+2)
	if bytes.IndexByte(scope, 0) >= 0 {
		scope = bytes.ReplaceAll(scope, []byte{0}, []byte{0, 0xff})
	}
	k = append(append(k, scope...), 0, 1)
	return append(k, id...)
}

func exchangeKey(line []byte) []byte {
	var k []byte
	for _, mark := range [][]byte{markCall, markScope, markURL, markRequest} {
		k = append(append(k, member(line, mark)...), 0)
	}
	return k
}

// member finds the text behind a mark; nil if there is none.
func member(line, mark []byte) []byte {
	_, rest, _ := bytes.Cut(line, mark)
	n := evidence.StringEnd(rest)
	if n < 0 {
		return nil
	}
	return unescape(rest[:n])
}

func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	var s string
	if json.Unmarshal(slices.Concat([]byte{'"'}, b, []byte{'"'}), &s) != nil {
		return b
	}
	return []byte(s)
}

// sameButVolatile reports whether two record lines differ in nothing but what
// may change without the resource having changed: the source's own time, and
// the attributes named.
func sameButVolatile(a, b []byte, volatile []string) bool {
	if len(volatile) > 0 && inVolatile(a, b, volatile) {
		return true
	}
	ma, okA := evidence.Members(bytes.TrimSuffix(a, []byte("\n")))
	mb, okB := evidence.Members(bytes.TrimSuffix(b, []byte("\n")))
	return okA && okB && equalBut(ma, mb, func(name, x, y []byte) bool {
		return string(name) == "effective" || string(name) == "attributes" && sameAttributes(x, y, volatile)
	})
}

// inVolatile is the short way for what happens most: all that differs lies in
// the value of one volatile attribute. It may say no where the long way says yes.
func inVolatile(a, b []byte, volatile []string) bool {
	const open = `{"attributes":{`
	begin, end := common(a, b)
	if !bytes.HasPrefix(a, []byte(open)) || begin < len(open) {
		return false
	}
	for at := len(open); at < begin; {
		name := evidence.ValueEnd(a[at:])
		if name < 2 || at+name >= begin || a[at+name] != ':' {
			return false
		}
		value := at + name + 1
		size := evidence.ValueEnd(a[value:])
		if size == 0 {
			return false
		}
		if after := value + size; after <= begin {
			if at = after + 1; a[after] != ',' {
				return false
			}
			continue
		}
		other := evidence.ValueEnd(b[value:])
		return other > 0 && value <= begin && value+size <= len(a) && value+size > begin &&
			len(a)-value-size <= end && len(b)-value-other == len(a)-value-size &&
			slices.Contains(volatile, string(a[at+1:at+name-1]))
	}
	return false
}

func sameAttributes(a, b []byte, volatile []string) bool {
	ma, okA := evidence.Members(a)
	mb, okB := evidence.Members(b)
	return okA && okB && equalBut(ma, mb, func(name, _, _ []byte) bool {
		return slices.Contains(volatile, string(name))
	})
}

// equalBut merges two sorted lists of members; where they differ, or one has a
// member that the other has not, fine must say that it does not matter.
func equalBut(a, b []evidence.Member, fine func(name, x, y []byte) bool) bool {
	for len(a) > 0 || len(b) > 0 {
		var x, y evidence.Member
		switch c := compareHeads(a, b, func(p evidence.Member) []byte { return p.Name }); {
		case c < 0:
			x, a = a[0], a[1:]
		case c > 0:
			y, b = b[0], b[1:]
		default:
			x, y, a, b = a[0], b[0], a[1:], b[1:]
		}
		name := x.Name
		if name == nil {
			name = y.Name
		}
		if !bytes.Equal(x.Value, y.Value) && !fine(name, x.Value, y.Value) {
			return false
		}
	}
	return true
}

// compareHeads compares the first items of two sorted lists; an ended list comes last.
func compareHeads[T any](a, b []T, key func(T) []byte) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return bytes.Compare(key(a[0]), key(b[0]))
}
