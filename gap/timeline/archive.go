package timeline

import (
	"bytes"
	"strings"
)

// section is one part of an archive: what follows a line "-- NAME --".
type section struct {
	name string
	line int // of its first line in the archive, from 1
	text string
}

// split gives the sections of an archive. What stands before the first is a comment.
func split(data []byte) (comment string, sections []section) {
	var text strings.Builder
	end := func() {
		if len(sections) == 0 {
			comment = text.String()
		} else {
			sections[len(sections)-1].text = text.String()
		}
		text.Reset()
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		bare := strings.TrimRight(string(line), "\r\n")
		name, ok := marker(bare)
		if !ok {
			text.WriteString(bare + "\n")
			continue
		}
		end()
		sections = append(sections, section{name: name, line: n + 1})
	}
	end()
	return comment, sections
}

func marker(line string) (name string, ok bool) {
	name, ok = strings.CutPrefix(line, "-- ")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, " --")
	name = strings.TrimSpace(name)
	return name, ok && name != ""
}

// join is the inverse of split.
func join(comment string, sections []section) []byte {
	var b bytes.Buffer
	b.WriteString(comment)
	for _, s := range sections {
		b.WriteString("-- " + s.name + " --\n" + s.text)
	}
	return b.Bytes()
}
