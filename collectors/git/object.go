package git

import (
	"strconv"
	"strings"
	"time"
)

// object is a commit as it is stored.
type object struct {
	sha       string
	tree      string
	parents   []string
	author    person
	committer person
	signature string // the first line of the signature, "" if there is none
	message   string
}

// person is who is named in a commit, and when. Any part may be missing.
type person struct {
	name, email string
	at          time.Time
}

// parseObject reads what rev-list --header gives of one commit: its name, the
// headers, an empty line, and the message indented by four spaces. Headers that
// go on begin their further lines with a space.
func parseObject(text string) object {
	text = strings.ToValidUTF8(text, "\uFFFD")
	head, body, _ := strings.Cut(text, "\n\n")
	var o object
	for i, l := range strings.Split(head, "\n") {
		if i == 0 {
			o.sha = l
			continue
		}
		o.header(l)
	}
	o.message = unindented(body)
	return o
}

func (o *object) header(l string) {
	name, value, _ := strings.Cut(l, " ")
	switch name {
	case "tree":
		o.tree = value
	case "parent":
		o.parents = append(o.parents, value)
	case "author":
		o.author = parsePerson(value)
	case "committer":
		o.committer = parsePerson(value)
	case "gpgsig", "gpgsig-sha256":
		o.signature = value
	}
}

// unindented takes the four spaces off each line of a message.
func unindented(body string) string {
	lines := strings.Split(body, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "    ")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// parsePerson reads "Ann Author <ann@example.com> 1700000000 +0100".
func parsePerson(v string) person {
	end := strings.LastIndexByte(v, '>')
	start := strings.IndexByte(v, '<')
	if start < 0 || end < start {
		return person{}
	}
	p := person{name: strings.TrimSpace(v[:start]), email: strings.TrimSpace(v[start+1 : end])}
	p.at = parseTime(v[end+1:])
	return p
}

// latest is the last second that a time in the evidence can have.
const latest = 253402300799

func parseTime(v string) time.Time {
	words := strings.Fields(v)
	if len(words) == 0 {
		return time.Time{}
	}
	sec, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || sec < 0 || sec > latest {
		return time.Time{}
	}
	return time.Unix(sec, 0).UTC()
}
