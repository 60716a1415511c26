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

func TestSpreadsheetCell(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"plain, = and - text": "plain, = and - text",
		"=2+5":                "'=2+5",
		"+1 555":              "'+1 555",
		"-1":                  "'-1",
		"@SUM(A1)":            "'@SUM(A1)",
		"\t=2":                "'\t'=2",
		"\r=2":                "'\r'=2",
		";=2+5":               ";'=2+5",
		"a;=2+5;-3":           "a;'=2+5;'-3",
		"a|=cmd":              "a|'=cmd",
		"a\n=2":               "a\n'=2",
		"a\r\n=2":             "a\r\n'=2",
		"a\t=2":               "a\t'=2",
		"a,=2":                "a,=2",
		`{"n":[1,-2]}`:        `{"n":[1,-2]}`,
		"'=2":                 "'=2",
		"==2":                 "'==2",
		"ä;=é":                "ä;'=é",
	} {
		got := SpreadsheetCell(in)
		if got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if again := SpreadsheetCell(got); again != got {
			t.Errorf("%q became %q, and that %q", in, got, again)
		}
	}
}
