package transport

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A source may repeat a secret in any spelling that its format allows: with an escaped
// slash, with each letter as an entity, with lower-case percent signs. The spellings
// cannot be listed, so a text that holds escapes is decoded, cleaned, and written anew
// where that changed it.

// maxNesting is how many encodings of one another are looked through: JSON in a form in
// JSON, for one.
const maxNesting = 3

// clean removes every known secret from s, as it stands and as it is decoded.
func (r *redactor) clean(s string, nesting int) string {
	s = r.replacer.Load().Replace(s)
	if nesting == 0 || !r.knowsAny.Load() {
		return s
	}
	if strings.IndexByte(s, '\\') >= 0 {
		s = eachQuoted(s, func(part string) string { return r.reencode(part, nesting, '\\', unescapeJSON, escapeJSON) })
	}
	if strings.IndexByte(s, '%') >= 0 {
		for _, separators := range []string{" \t\r\n\"'<>&=?#,;{}[]", " \t\r\n\""} { // a value alone, or else all that it may be part of
			s = eachRun(s, '%', separators, func(part string) string {
				part = r.reencode(part, nesting, '%', unescapePercent, url.PathEscape)
				return r.reencode(part, nesting, '%', unescapeForm, url.QueryEscape)
			})
		}
	}
	if strings.IndexByte(s, '&') >= 0 {
		s = eachRun(s, '&', " \t\r\n\"'<>", func(part string) string { return r.reencode(part, nesting, '&', html.UnescapeString, escapeXML) })
	}
	return s
}

// reencode returns part, written anew if it holds a secret when it is decoded.
func (r *redactor) reencode(part string, nesting int, mark byte, decode, encode func(string) string) string {
	if strings.IndexByte(part, mark) < 0 {
		return part
	}
	plain := decode(part)
	if plain == part || len(plain) < minSecret {
		return part
	}
	if c := r.clean(plain, nesting-1); c != plain {
		return encode(c)
	}
	return part
}

// eachQuoted applies f to what stands between quotes; to the whole of a text that is
// no JSON.
func eachQuoted(s string, f func(string) string) string {
	if lead := strings.TrimLeft(s, "\ufeff \t\r\n"); lead == "" || !strings.ContainsRune(`{["`, rune(lead[0])) {
		return f(s)
	}
	var out rewriting
	for i := 0; ; {
		at := strings.IndexByte(s[i:], '"')
		if at < 0 {
			return out.whole(s)
		}
		from := i + at + 1
		i = closingQuote(s, from)
		out.put(s, from, i, f(s[from:i]))
		i = min(i+1, len(s))
	}
}

// closingQuote returns the place of the quote that ends the string whose text starts at i.
func closingQuote(s string, i int) int {
	for from := i; ; {
		at := strings.IndexByte(s[from:], '"')
		if at < 0 {
			return len(s)
		}
		end, slashes := from+at, 0
		for end-1-slashes >= i && s[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end
		}
		from = end + 1
	}
}

// eachRun applies f to the runs between separators that hold the mark.
func eachRun(s string, mark byte, separators string, f func(string) string) string {
	var out rewriting
	for i := 0; ; {
		at := strings.IndexByte(s[i:], mark)
		if at < 0 {
			return out.whole(s)
		}
		from := i + strings.LastIndexAny(s[i:i+at], separators) + 1
		end := strings.IndexAny(s[i+at:], separators)
		if end < 0 {
			end = len(s)
		} else {
			end += i + at
		}
		out.put(s, from, end, f(s[from:end]))
		i = end
	}
}

// rewriting is a text of which some parts are replaced. It costs little where none is.
type rewriting struct {
	strings.Builder
	done int // how much of the text is written
}

// put replaces s[from:to].
func (w *rewriting) put(s string, from, to int, part string) {
	if part == s[from:to] {
		return
	}
	w.WriteString(s[w.done:from])
	w.WriteString(part)
	w.done = to
}

// whole returns the text with what was replaced.
func (w *rewriting) whole(s string) string {
	if w.done == 0 && w.Len() == 0 {
		return s
	}
	w.WriteString(s[w.done:])
	return w.String()
}

// unescapeJSON decodes the escapes of JSON (RFC 8259, section 7), and leaves what is none.
func unescapeJSON(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'u':
			r, n := escapedRune(s[i-1:])
			if n == 0 {
				out.WriteString(`\u`)
				continue
			}
			out.WriteRune(r)
			i += n - 2
		case 'b', 'f', 'n', 'r', 't':
			out.WriteByte("\b\f\n\r\t"[strings.IndexByte("bfnrt", s[i])])
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

// escapedRune decodes \uXXXX, or two of them that are one character; n is how long
// that is, 0 if it is none.
func escapedRune(s string) (r rune, n int) {
	one, ok := hexRune(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(one) {
		if two, ok := hexRune(s[6:]); ok {
			if both := utf16.DecodeRune(one, two); both != utf8.RuneError {
				return both, 12
			}
		}
		return utf8.RuneError, 6
	}
	return one, 6
}

func hexRune(s string) (rune, bool) {
	if len(s) < 6 || s[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

func escapeJSON(s string) string {
	b, _ := json.Marshal(s) // a string does not fail
	return string(b[1 : len(b)-1])
}

// unescapePercent decodes %XX in either case, and leaves what is none.
func unescapePercent(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				out.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// unescapeForm is unescapePercent where + stands for a space.
func unescapeForm(s string) string { return unescapePercent(strings.ReplaceAll(s, "+", " ")) }

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// secretForms returns the texts under which a secret turns up most: itself, as the
// usual escapes of it, in hexadecimal, in UTF-16, and in base64, also at each of the
// three places where it may begin in what was encoded, as in "user:secret".
func secretForms(s string) []string {
	digits := hex.EncodeToString([]byte(s))
	forms := []string{s, digits, strings.ToUpper(digits), url.QueryEscape(s), url.PathEscape(s), escapeXML(s), escapeJSON(s), strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s))}
	var little, big []byte
	for _, u := range utf16.Encode([]rune(s)) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	forms = append(forms, string(little), string(big))
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			forms = append(forms, base64At(e, s, offset))
		}
	}
	return union(forms, nil)
}

// base64At returns those letters that a secret alone determines which begins offset
// bytes into a group of three.
func base64At(e *base64.Encoding, s string, offset int) string {
	text := e.EncodeToString(append(make([]byte, offset), s...))
	from := (offset*8 + 5) / 6
	to := (offset + len(s)) * 8 / 6
	return text[from:to]
}
