package evidence

import "testing"

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain — ä 漢 <&>":     "plain — ä 漢 <&>",
		"\x1b]0;x\a":          "\uFFFD]0;x\uFFFD",
		"a\nsound\r\tb\x7f":   "a\uFFFDsound\uFFFD\uFFFDb\uFFFD",
		"\u009b2J":            "\uFFFD2J",
		"\u202efdp.exe\u202c": "\uFFFDfdp.exe\uFFFD",
		"\u2066a\u2069\u200f": "\uFFFDa\uFFFD\uFFFD",
		"l\u2028p\u2029":      "l\uFFFDp\uFFFD",
		"\x9b2J\xff":          "\uFFFD2J\uFFFD",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q gave %q, want %q", in, got, want)
		}
	}
}
