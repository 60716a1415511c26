package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/evidenced/evidenced/collectors"
)

// A JSON object that names a member twice means one thing to a reader that keeps the first
// and another to one that keeps the last (RFC 8259, section 4): what we read from
// it and what an auditor reads from the stored bytes might differ.

// rejectDuplicateMembers refuses a document in which an object names a member twice. What is no
// JSON is for the collector to judge.
func rejectDuplicateMembers(where string, body []byte) error {
	name, found := firstDuplicate(body)
	if !found || !isJSON(body) {
		return nil
	}
	return collectors.Incomplete("%s answered with an object that names the member %.60q twice, so that its value is not certain", where, name)
}

// isJSON reports one JSON value, or several after one another.
func isJSON(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(trimBOM(body)))
	for {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\ufeff")) }

// firstDuplicate returns the first name that stands twice in one object. It reads every
// answer there is: it looks at each byte once, and keeps but the names of objects
// that are open.
func firstDuplicate(src []byte) (name string, found bool) {
	src = trimBOM(src)
	if src = src[skipSpace(src, 0):]; len(src) == 0 || src[0] != '{' && src[0] != '[' {
		return "", false
	}
	var open openObjects
	naming := false // the next string is the name of a member
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '"':
			end := quoteEnd(src, i)
			if naming && !open.add(src[i+1:max(end-1, i+1)]) {
				return string(plainName(src[i+1 : max(end-1, i+1)])), true
			}
			i, naming = end-1, false
		case '{':
			open.push(true)
			naming = true
		case '[':
			open.push(false)
			naming = false
		case '}', ']':
			open.pop()
			naming = false
		case ',':
			naming = open.inObject()
		}
	}
	return "", false
}

// quoteEnd returns the place after the string that starts at i.
func quoteEnd(src []byte, i int) int {
	for from := i + 1; ; {
		at := bytes.IndexByte(src[from:], '"')
		if at < 0 {
			return len(src)
		}
		end, slashes := from+at, 0
		for src[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end + 1
		}
		from = end + 1
	}
}

// openObjects are the objects and lists that a place in a document is in.
type openObjects struct {
	frames []frame
	names  [][]byte // of all open objects, the innermost last
}

type frame struct {
	object bool
	from   int                 // where its names begin
	many   map[string]struct{} // its names, if there are many
}

// few is up to how many names are compared one by one.
const few = 24

func (o *openObjects) push(object bool) {
	o.frames = append(o.frames, frame{object: object, from: len(o.names)})
}

func (o *openObjects) pop() {
	if n := len(o.frames); n > 0 {
		o.names = o.names[:o.frames[n-1].from]
		o.frames = o.frames[:n-1]
	}
}

func (o *openObjects) inObject() bool {
	return len(o.frames) > 0 && o.frames[len(o.frames)-1].object
}

// add adds a name to the innermost object; false if it is there. Names that held
// a secret have become equal, which shows nothing.
func (o *openObjects) add(name []byte) bool {
	name = plainName(name)
	f := &o.frames[len(o.frames)-1]
	if own := o.names[f.from:]; len(own) < few {
		if slices.ContainsFunc(own, func(n []byte) bool { return bytes.Equal(n, name) }) {
			return bytes.Contains(name, []byte(collectors.Redacted))
		}
		o.names = append(o.names, name)
		return true
	}
	if f.many == nil {
		f.many = map[string]struct{}{}
		for _, n := range o.names[f.from:] {
			f.many[string(n)] = struct{}{}
		}
	}
	if _, there := f.many[string(name)]; there {
		return bytes.Contains(name, []byte(collectors.Redacted))
	}
	f.many[string(name)] = struct{}{}
	return true
}

// plainName returns a name as a decoder does.
func plainName(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 && utf8.Valid(name) {
		return name
	}
	var text string
	if json.Unmarshal(slices.Concat([]byte{'"'}, name, []byte{'"'}), &text) != nil {
		return name
	}
	return []byte(text)
}
