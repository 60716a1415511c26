package register

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/sheet"
)

// form is what the cells of a column hold.
type form string

const (
	text form = "text"
	// who is an e-mail address, or the id of a person in the roster; in lower case.
	who    form = "person"
	date   form = "date"
	yesNo  form = "yes or no"
	number form = "number"
	// list is texts, separated by semicolons.
	list form = "list"
	// word is one of those that the column names.
	word form = "word"
)

// column declares one column of a register.
type column struct {
	name  string
	form  form
	words []string
	need  need
}

// need says what of a column must be there.
type need int

const (
	free need = iota
	// present: the column must be in the file.
	present
	// filled: and each of its cells must hold something.
	filled
)

// yes and no are the words of a column of yes and no; "true" and "false" are taken for them.
var answers = map[string]bool{"yes": true, "no": false, "true": true, "false": false}

// ours are the words that a column may hold, none if it has no words of its own.
func (c column) ours() []string {
	switch c.form {
	case word:
		return c.words
	case yesNo:
		return []string{"yes", "no"}
	}
	return nil
}

// read takes the cell of the column into a.
func (c column) read(r *sheet.Row, words sheet.Words, a collectors.Attributes) error {
	v := r.Value(c.name)
	switch {
	case v == "" && c.need == filled:
		return r.Wrong(c.name, "it is empty")
	case v == "":
		return nil
	}
	switch c.form {
	case date:
		day, err := r.Date(c.name)
		if err != nil {
			return err
		}
		a[c.name] = day
	case number:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return r.Wrong(c.name, "%.100q is no number", v)
		}
		a[c.name] = int64(n)
	case list:
		a.Set(c.name, split(v))
	case word, yesNo:
		return c.readWord(r, words.Ours(c.name, v), a)
	case who:
		a[c.name] = strings.ToLower(v)
	default:
		a[c.name] = v
	}
	return nil
}

func (c column) readWord(r *sheet.Row, v string, a collectors.Attributes) error {
	yes, known := answers[v]
	switch {
	case c.form == yesNo && known:
		a[c.name] = yes
	case c.form == word && slices.Contains(c.words, v):
		a[c.name] = v
	default:
		return r.Wrong(c.name, "%.100q is none of %s; say under values.%s what it means", r.Value(c.name), strings.Join(c.ours(), ", "), c.name)
	}
	return nil
}

// split returns the items of a list.
func split(v string) (items []string) {
	for item := range strings.SplitSeq(v, ";") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
