package evidence

import "strings"

// Printable makes text of a source, a bundle or a file fit for one line of a
// terminal: control characters (line breaks, escapes, DEL, C1), what ends a
// line or turns the direction of writing, and bytes that are no UTF-8 become
// U+FFFD.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if deceives(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// deceives reports what moves the cursor, speaks to the terminal, or shows text
// in another order than it has.
func deceives(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f: // marks of direction
		return true
	case r >= 0x2028 && r <= 0x202e: // line and paragraph separator, embeddings, overrides
		return true
	case r >= 0x2066 && r <= 0x2069: // isolates
		return true
	}
	return false
}

// SpreadsheetCell makes text of a source or a person fit for a cell of a CSV
// file: what a spreadsheet would run as a formula is preceded by an apostrophe,
// at the beginning of the text and behind each character that a spreadsheet of
// another country takes for the end of a cell or a row. (A comma within a quoted
// cell is none: a spreadsheet that separates by commas keeps to the quotes.)
func SpreadsheetCell(s string) string {
	var out strings.Builder
	start := 0
	for i := 0; i < len(s); i++ {
		if beginsFormula(s[i]) && (i == 0 || endsCell(s[i-1])) {
			out.WriteString(s[start:i])
			out.WriteByte('\'')
			start = i
		}
	}
	if start == 0 && out.Len() == 0 {
		return s
	}
	out.WriteString(s[start:])
	return out.String()
}

func beginsFormula(c byte) bool {
	switch c {
	case '=', '+', '-', '@', '\t', '\r':
		return true
	}
	return false
}

func endsCell(c byte) bool {
	switch c {
	case ';', '|', '\t', '\n', '\r':
		return true
	}
	return false
}
