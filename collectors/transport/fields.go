package transport

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// fieldSet removes the values of named JSON members, XML elements and form
// fields. It works on broken and cut documents too, since those are stored as
// well; a whole document stays whole. Names are compared without case.
type fieldSet map[string]string

func newFieldSet(names []string) fieldSet {
	f := fieldSet{}
	for _, n := range names {
		f[strings.ToLower(n)] = n
	}
	return f
}

// remove returns b without the values and the declared names of what was removed.
func (f fieldSet) remove(contentType string, b []byte) ([]byte, []string) {
	c := fieldRemover{names: f, src: b}
	lead := bytes.TrimLeft(b, "\ufeff \t\r\n")
	switch {
	case len(f) == 0 || len(lead) == 0:
		return b, nil
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		c.form()
	case lead[0] == '<':
		c.xml()
	default:
		c.json()
	}
	if c.removed == nil {
		return b, nil
	}
	return c.out, union(c.removed, nil)
}

// fieldRemover copies src to out and leaves the values of names behind.
type fieldRemover struct {
	names   fieldSet
	src     []byte
	out     []byte
	removed []string
}

// isField reports whether name is one of the fields.
func (c *fieldRemover) isField(name string) bool {
	_, ok := c.names[strings.ToLower(name)]
	return ok
}

// noteRemoved keeps the declared name of what is removed.
func (c *fieldRemover) noteRemoved(name string) {
	c.removed = append(c.removed, c.names[strings.ToLower(name)])
}

func (c *fieldRemover) form() {
	for i, pair := range strings.Split(string(c.src), "&") {
		if i > 0 {
			c.out = append(c.out, '&')
		}
		raw, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			name = raw
		}
		name = name[strings.LastIndexByte(name, '.')+1:]
		if value != "" && c.isField(name) {
			c.noteRemoved(name)
			pair = raw + "=" + url.QueryEscape(collectors.Redacted)
		}
		c.out = append(c.out, pair...)
	}
}

// json copies the document token by token. A string before a colon is a member's name.
func (c *fieldRemover) json() {
	for i := 0; i < len(c.src); {
		if c.src[i] != '"' {
			c.out = append(c.out, c.src[i])
			i++
			continue
		}
		end := stringEnd(c.src, i)
		at := valueOf(c.src, end)
		if at < 0 || !c.isJSONField(c.src[i:end], c.src[at:]) {
			c.out = append(c.out, c.src[i:end]...)
			i = end
			continue
		}
		c.out = append(append(c.out, c.src[i:at]...), placeholder(c.src[at])...)
		i = valueEnd(c.src, at)
	}
}

// placeholder is what stands for a removed value that begins with b. An object stays
// one, so that a reader that expects an object can still read the document.
func placeholder(b byte) string {
	if b == '{' {
		return `{"` + collectors.Redacted + `":"` + collectors.Redacted + `"}`
	}
	return `"` + collectors.Redacted + `"`
}

// isJSONField leaves null as it is: it holds no secret, and shows that there is none.
func (c *fieldRemover) isJSONField(quoted, value []byte) bool {
	var name string
	if json.Unmarshal(quoted, &name) != nil || !c.isField(name) || string(value[:valueEnd(value, 0)]) == "null" {
		return false
	}
	c.noteRemoved(name)
	return true
}

// valueOf returns where the value starts of the member whose name ends at i, -1 if it is none.
func valueOf(src []byte, i int) int {
	i = skipSpace(src, i)
	if i >= len(src) || src[i] != ':' {
		return -1
	}
	if i = skipSpace(src, i+1); i >= len(src) {
		return -1
	}
	return i
}

func skipSpace(src []byte, i int) int {
	for i < len(src) && (src[i] == ' ' || src[i] == '\t' || src[i] == '\n' || src[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the place after the string that starts at i.
func stringEnd(src []byte, i int) int {
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// valueEnd returns the place after the value that starts at i; a value that was cut goes to the end.
func valueEnd(src []byte, i int) int {
	for depth := 0; i < len(src); {
		switch src[i] {
		case '"':
			i = stringEnd(src, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i // the end of what the value stands in
			}
			depth--
			i++
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			if depth == 0 {
				continue // within a number or a word
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(src)
}

// xml copies the document tag by tag.
func (c *fieldRemover) xml() {
	for i := 0; i < len(c.src); {
		end, name := markup(c.src, i)
		c.out = append(c.out, c.src[i:end]...)
		i = end
		local := name[strings.LastIndexByte(name, ':')+1:]
		if name == "" || !c.isField(local) {
			continue
		}
		if stop := contentEnd(c.src, i, name); stop > i {
			c.noteRemoved(local)
			c.out = append(c.out, collectors.Redacted...)
			i = stop
		}
	}
}

// markup returns the end of the piece of text or markup that starts at i, and
// the name of the element if it is an opening tag.
func markup(src []byte, i int) (end int, name string) {
	rest := src[i:]
	if rest[0] != '<' {
		return i + before(rest, "<"), ""
	}
	for _, m := range [...]struct{ open, close string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}, {"</", ">"}, {"<!", ">"}} {
		if bytes.HasPrefix(rest, []byte(m.open)) {
			from := len(m.open)
			return i + from + through(rest[from:], m.close), ""
		}
	}
	end = i + tagEnd(rest)
	tag := bytes.TrimSuffix(src[i+1:end], []byte(">"))
	if bytes.HasSuffix(tag, []byte("/")) {
		return end, ""
	}
	if at := bytes.IndexAny(tag, " \t\r\n"); at >= 0 {
		tag = tag[:at]
	}
	return end, string(tag)
}

// tagEnd returns the place after the '>' that is in no quotes.
func tagEnd(tag []byte) int {
	var quote byte
	for i, b := range tag {
		switch {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '>':
			return i + 1
		}
	}
	return len(tag)
}

// contentEnd returns where the closing tag of the element starts whose content starts at i.
func contentEnd(src []byte, i int, name string) int {
	for depth := 0; i < len(src); {
		end, opened := markup(src, i)
		switch {
		case opened == name:
			depth++
		case isClosing(src[i:end], name):
			if depth == 0 {
				return i
			}
			depth--
		}
		i = end
	}
	return len(src)
}

func isClosing(tag []byte, name string) bool {
	rest, ok := bytes.CutPrefix(tag, []byte("</"))
	return ok && string(bytes.TrimRight(rest, "> \t\r\n")) == name
}

// before returns how much of b comes before sep, all of it if there is none.
func before(b []byte, sep string) int {
	if at := bytes.Index(b, []byte(sep)); at >= 0 {
		return at
	}
	return len(b)
}

// through returns how much of b goes up to and including sep.
func through(b []byte, sep string) int { return min(before(b, sep)+len(sep), len(b)) }
