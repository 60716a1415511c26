package transport

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const plantedSecret = `s3cr/t+"value" & <more>=é`

// spellings are ways in which formats let a text be written.
var spellings = map[string]func(string) string{
	"as it is": func(s string) string { return s },
	"every letter as \\u": func(s string) string {
		return each(s, func(r rune) string { return fmt.Sprintf(`\u%04x`, r) })
	},
	"upper-case \\u":      func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf(`\u%04X`, r) }) },
	"an escaped slash":    func(s string) string { return strings.ReplaceAll(escapeJSON(s), "/", `\/`) },
	"entities, decimal":   func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) }) },
	"entities, hex":       func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#x%x;", r) }) },
	"entities, as usual":  html.EscapeString,
	"percent, lower-case": func(s string) string { return eachByte(s, "%%%02x") },
	"percent, upper-case": func(s string) string { return eachByte(s, "%%%02X") },
	"percent twice":       func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"a form":              url.QueryEscape,
	"JSON in JSON":        func(s string) string { return escapeJSON(`{"inner":"` + escapeJSON(s) + `"}`) },
	"letters in JSON in JSON": func(s string) string {
		return escapeJSON(`{"inner":"` + each(s, func(r rune) string { return fmt.Sprintf(`\u%04x`, r) }) + `"}`)
	},
	"lower-case percent, twice": func(s string) string { return strings.ReplaceAll(eachByte(s, "%%%02x"), "%", "%25") },
	"entities in JSON": func(s string) string {
		return escapeJSON(`<a b="` + each(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) }) + `"/>`)
	},
	"a form in JSON":    func(s string) string { return escapeJSON("a=1&token=" + url.QueryEscape(s) + "&b=2") },
	"hex":               func(s string) string { return hex.EncodeToString([]byte(s)) },
	"upper-case hex":    func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"base64":            func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 of a user":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte("user:" + s)) },
	"base64 of another": func(s string) string { return base64.URLEncoding.EncodeToString([]byte("user1:" + s + ":x")) },
	"base64 of a third": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("user12:" + s + ":xy")) },
	"UTF-16": func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	},
}

func each(s string, f func(rune) string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(f(r))
	}
	return b.String()
}

func eachByte(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// places are where a source may put a text.
var places = map[string]func(string) string{
	"a value":        func(s string) string { return `{"a":[1,"` + s + `"],"b":"\n"}` },
	"a name":         func(s string) string { return `{"` + s + `":1}` },
	"within a value": func(s string) string { return `[ "before ` + s + ` after" ]` },
	"a cut value":    func(s string) string { return `{"a":"` + s },
	"an element":     func(s string) string { return "<a><b>" + s + "</b></a>" },
	"an attribute":   func(s string) string { return `<a b="` + s + `"/>` },
	"a text":         func(s string) string { return "refused: " + s + "\n" },
	"a query":        func(s string) string { return "https://h/p?a=b&t=" + s + "&c=d" },
	"alone":          func(s string) string { return s },
}

// TestSecretsInEverySpelling: a known secret is found in whatever spelling a source gives it.
func TestSecretsInEverySpelling(t *testing.T) {
	r := newRedactor(nil, time.Now)
	r.conceal(plantedSecret, time.Time{})
	for spelling, spell := range spellings {
		for place, put := range places {
			text := put(spell(plantedSecret))
			if left := leftOf(r.text(text)); left != "" {
				t.Errorf("%s as %s: of %q is left %q", spelling, place, text, left)
			}
		}
	}
}

// leftOf returns a text in which the secret can still be found, however it is decoded.
func leftOf(clean string) string {
	all := []string{clean}
	for range 3 {
		for _, s := range all {
			all = append(all, unescapeJSON(s), unescapePercent(s), unescapeForm(s), html.UnescapeString(s))
		}
	}
	for _, s := range all {
		for _, form := range secretForms(plantedSecret) {
			if strings.Contains(s, form) {
				return s
			}
		}
	}
	return ""
}

// TestHonestTextsStay: what holds no secret is kept byte for byte, whatever escapes it has.
func TestHonestTextsStay(t *testing.T) {
	r := newRedactor(nil, time.Now)
	r.conceal(plantedSecret, time.Time{})
	rng := rand.New(rand.NewPCG(1, 1))
	letters := []rune("ab\\\"/%&;#u0041{}[]:, \n<>=+é\x00")
	for range 3000 {
		text := make([]rune, rng.IntN(60))
		for i := range text {
			text[i] = letters[rng.IntN(len(letters))]
		}
		if got := r.text(string(text)); got != string(text) {
			t.Fatalf("%q became %q", string(text), got)
		}
	}
}

// FuzzSecrets: whatever stands around a secret, a JSON document stays one, and the secret goes.
func FuzzSecrets(f *testing.F) {
	f.Add("before", "after", true)
	f.Add(`\`, `"`, false)
	f.Fuzz(func(t *testing.T, before, after string, letters bool) {
		r := newRedactor(nil, time.Now)
		r.conceal(plantedSecret, time.Time{})
		spelled := escapeJSON(plantedSecret)
		if letters {
			spelled = spellings["every letter as \\u"](plantedSecret)
		}
		doc := `{"k":"` + escapeJSON(before) + spelled + escapeJSON(after) + `"}`
		clean := r.text(doc)
		var v map[string]string
		if json.Unmarshal([]byte(clean), &v) != nil || strings.Contains(v["k"], plantedSecret) {
			t.Errorf("%q became %q", doc, clean)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	r := newRedactor(nil, time.Now)
	r.conceal(plantedSecret, time.Time{})
	page := strings.Repeat(`{"id":123,"name":"an ordinary name","description":"with a \"quote\" and\na line","url":"https:\/\/h\/p?a=%20b"},`, 5000)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		r.text(page)
	}
}
