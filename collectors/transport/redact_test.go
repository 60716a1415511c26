package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

func TestRedactFields(t *testing.T) {
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	tests := []struct{ name, ctype, in, want string }{
		{"json string", "", `{"Password":"x","a":"Password"}`, `{"Password":"[redacted]","a":"Password"}`},
		{"json object", "", `{"secret" : {"a":[1,"}"]} ,"b":1}`, `{"secret" : {"[redacted]":"[redacted]"} ,"b":1}`},
		{"json number", "", `[{"secret":12},{"secret":true}]`, `[{"secret":"[redacted]"},{"secret":"[redacted]"}]`},
		{"json null stays", "", `{"secret":null}`, `{"secret":null}`},
		{"json escaped name", "", `{"p\u0061ssword":"x"}`, `{"p\u0061ssword":"[redacted]"}`},
		{"json escaped value", "", `{"password":"a\"b"}`, `{"password":"[redacted]"}`},
		{"json deep", "", `{"a":{"b":[{"PASSWORD":"x"}]}}`, `{"a":{"b":[{"PASSWORD":"[redacted]"}]}}`},
		{"json lines", "", "{\"secret\":1}\n{\"secret\":2}\n", "{\"secret\":\"[redacted]\"}\n{\"secret\":\"[redacted]\"}\n"},
		{"json cut in value", "", `{"password":"abc`, `{"password":"[redacted]"`},
		{"json cut in object", "", `{"password":{"a":"b`, `{"password":{"[redacted]":"[redacted]"}`},
		{"xml", "", `<a><Password>x</Password><b>Password</b></a>`, `<a><Password>[redacted]</Password><b>Password</b></a>`},
		{"xml attributes", "", `<a><secret k=">">x<y/></secret></a>`, `<a><secret k=">">[redacted]</secret></a>`},
		{"xml namespace", "", `<n:a><n:secret>x</n:secret></n:a>`, `<n:a><n:secret>[redacted]</n:secret></n:a>`},
		{"xml nested", "", `<secret><secret>x</secret>y</secret>`, `<secret>[redacted]</secret>`},
		{"xml empty", "", `<a><secret/><secret></secret></a>`, `<a><secret/><secret></secret></a>`},
		{"xml comment", "", `<a><!-- <secret> --><![CDATA[<secret>]]><b/></a>`, `<a><!-- <secret> --><![CDATA[<secret>]]><b/></a>`},
		{"xml cdata", "", `<a><secret><![CDATA[</secret>]]></secret></a>`, `<a><secret>[redacted]</secret></a>`},
		{"xml cut", "", `<a><secret>abc`, `<a><secret>[redacted]`},
		{"form", form, `Action=X&Password=p%26q&b=1`, `Action=X&Password=%5Bredacted%5D&b=1`},
		{"form nested", form, `Login.Password=x`, `Login.Password=%5Bredacted%5D`},
		{"text", "text/plain", `password=hello`, `password=hello`},
		{"empty", "", ``, ``},
	}
	f := newFieldSet([]string{"password", "Secret"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, removed := f.remove(tt.ctype, []byte(tt.in))
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if (len(removed) > 0) != (tt.in != tt.want) {
				t.Errorf("removed %v", removed)
			}
		})
	}
}

func TestRedactKnownSecrets(t *testing.T) {
	r := newRedactor(nil, time.Now)
	r.conceal(testToken, time.Time{})
	r.conceal("short", time.Time{})
	quoted, _ := json.Marshal(testToken)
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(testToken))
	for name, form := range map[string]string{
		"plain": testToken, "query": url.QueryEscape(testToken), "path": url.PathEscape(testToken),
		"json": strings.Trim(string(quoted), `"`), "xml": escaped.String(),
		"base64": base64.StdEncoding.EncodeToString([]byte(testToken)), "base64 url": base64.RawURLEncoding.EncodeToString([]byte(testToken)),
	} {
		if got := r.text("a " + form + " b"); got != "a [redacted] b" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := r.text("a short word"); got != "a short word" {
		t.Errorf("too short to be told from words: %q", got)
	}
	body, removed := r.body("", []byte(`{"echo":"`+url.QueryEscape(testToken)+`"}`))
	if string(body) != `{"echo":"[redacted]"}` || len(removed) != 1 || removed[0] != credential {
		t.Errorf("body %s, removed %v", body, removed)
	}
}

// TestForget: a token that expired a day ago is known no more; one that is good,
// one whose end nobody told, and one that was learnt again, are.
func TestForget(t *testing.T) {
	c := newClock()
	r := newRedactor(nil, c.Now)
	r.conceal("configured-secret", time.Time{})
	r.conceal("until-nobody-knows", c.Now().Add(time.Hour))
	r.conceal("until-nobody-knows", time.Time{})
	r.conceal("good-for-a-week", c.Now().Add(7*24*time.Hour))
	r.conceal("expired-when-learnt", c.Now().Add(-100*time.Hour))
	r.conceal("learnt-twice", c.Now().Add(time.Hour))
	var tokens []string
	for i := range 72 { // three days of tokens of an hour
		tokens = append(tokens, fmt.Sprintf("hourly-token-%02d", i))
		r.conceal(tokens[i], c.Now().Add(time.Hour))
		if i == 10 {
			r.conceal("learnt-twice", c.Now().Add(80*time.Hour))
		}
		if i == 23 && r.text("expired-when-learnt") != collectors.Redacted {
			t.Error("the clock of whoever said when it ends was wrong, and it is forgotten")
		}
		_ = c.Sleep(t.Context(), time.Hour)
	}
	for _, s := range []string{"configured-secret", "until-nobody-knows", "good-for-a-week", "learnt-twice", tokens[71], tokens[47]} {
		if r.text("a "+s) != "a "+collectors.Redacted {
			t.Errorf("%s is forgotten", s)
		}
	}
	if n := len(r.secrets); n > 4+26 || r.text(tokens[0]) != tokens[0] {
		t.Errorf("%d secrets are known, the first token %q", n, r.text(tokens[0]))
	}
}

func TestSecretsInConfig(t *testing.T) {
	type inner struct{ Key collectors.Secret }
	self := &struct {
		A    collectors.Secret
		B    []inner
		C    map[string]*inner
		d    collectors.Secret
		Next any
	}{A: "first-secret", B: []inner{{"second-secret"}}, C: map[string]*inner{"x": {"third-secret"}}, d: "fourth-secret"}
	self.Next = self
	got := strings.Join(union(secretsIn(self), nil), " ")
	if got != "first-secret fourth-secret second-secret third-secret" {
		t.Errorf("found %s", got)
	}
}

// FuzzRedactJSON: a whole document stays whole, no value of a declared member
// survives, and nothing panics on any other bytes.
func FuzzRedactJSON(f *testing.F) {
	for _, s := range []string{`{"secret":"x"}`, `[{"secret":{"a":["b"]}},1]`, `{"secret":`, `{"a\"":1,"secret":-1e5}`, `"secret":`, `{"secret":"\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, _ := newFieldSet([]string{"secret"}).remove("application/json", in)
		lead := bytes.TrimLeft(in, "\ufeff \t\r\n")
		if !json.Valid(in) || len(lead) > 0 && lead[0] == '<' {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		var v any
		if err := json.Unmarshal(out, &v); err == nil {
			noSecret(t, v)
		}
	})
}

func noSecret(t *testing.T, v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			noSecret(t, e)
		}
	case map[string]any:
		for k, e := range v {
			if strings.EqualFold(k, "secret") && strings.ToLower(k) == "secret" && e != nil && e != collectors.Redacted && !emptied(e) {
				t.Fatalf("%s is still %v", k, e)
			}
			noSecret(t, e)
		}
	}
}

// emptied tells an object that stands for a removed one.
func emptied(v any) bool {
	m, ok := v.(map[string]any)
	return ok && len(m) == 1 && m[collectors.Redacted] == collectors.Redacted
}

// FuzzRedactXML: a document that encoding/xml reads stays readable.
func FuzzRedactXML(f *testing.F) {
	for _, s := range []string{`<a><secret>x</secret></a>`, `<secret a="&gt;>">x<secret/></secret>`, `<a><!--<secret>--></a>`, `<secret>`, `<`, `<?x <secret> ?><a/>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, _ := newFieldSet([]string{"secret"}).remove("text/xml", in)
		if bytes.Contains(in, []byte("<!D")) || bytes.Contains(in, []byte("<!d")) || !wholeXML(in) {
			return
		}
		if !wholeXML(out) {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

// wholeXML reports whether b is a document of elements, without a directive.
func wholeXML(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return true
		}
		if _, directive := tok.(xml.Directive); err != nil || directive {
			return false
		}
	}
}
