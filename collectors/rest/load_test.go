package rest

import (
	_ "embed"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"

	"github.com/evidenced/evidenced/collectors"
)

// tiny is a definition as small as one can be: users of a service.
//
//go:embed testdata/tiny.yaml
var tiny string

func TestTinyIsShort(t *testing.T) {
	if n := strings.Count(tiny, "\n"); n > 40 {
		t.Errorf("a plain users endpoint takes %d lines", n)
	}
	if _, err := Parse("tiny.yaml", []byte(tiny)); err != nil {
		t.Error(err)
	}
	page, err := os.ReadFile("../../docs/definitions.md")
	if err != nil || !strings.Contains(string(page), "```yaml\n"+tiny+"```\n") {
		t.Errorf("docs/definitions.md does not show testdata/tiny.yaml, %v", err)
	}
}

// TestMistakes: each mistake is named with its line, and what to write instead.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown key", "redact:", "redacted:", `tiny.yaml:9: unknown key "redacted"; known here: name, version, doc`},
		{"unknown key, deep", "page: {by: link}", "pages: {by: link}", `tiny.yaml:24: unknown key "pages"; known here: call, why`},
		{"not YAML", "doc: A service", "doc: [A service", "tiny.yaml:"},
		{"brace in a map", "{call: GET /me, why:", "{call: GET /orgs/{token}, why:", `tiny.yaml:13: within { } a value that holds a brace must be in quotes: "GET /orgs/{token}"`},
		{"brace in a map, last", "attributes: {org: .org}", "attributes: {org: .org, team: a/{team}}", `within { } a value that holds a brace must be in quotes: "a/{team}"`},
		{"placeholder in a map", "page: {by: link}", "query: {since: {token}}", `tiny.yaml:24: {token} must be in quotes here: "{token}"`},
		{"wrong type", "redact: [secret]", "redact: secret", "tiny.yaml:9: "},
		{"name", "name: tiny", "name: huge", `tiny.yaml: name is "huge": want that of the file`},
		{"no sentence", "doc: A service with users.", "doc: users", "tiny.yaml: doc: want one sentence"},
		{"unchecked", "checked: nothing, it does not exist\n", "", "tiny.yaml: documentation and checked are missing"},
		{"no redaction", "redact: [secret]\n", "", "tiny.yaml: redact is missing"},
		{"no auth", "auth: [{bearer: \"{token}\"}]\n", "", "tiny.yaml: auth is missing"},
		{"empty auth", `{bearer: "{token}"}`, `{jwt: {key: "{token}"}}`, "tiny.yaml:8: auth: want bearer, basic or header"},
		{"unknown setting in auth", `bearer: "{token}"`, `bearer: "{tokn}"`, "tiny.yaml:8: {tokn} is neither a setting nor one of"},
		{"path in base", "base: https://api.tiny.example", "base: https://api.tiny.example/v1", "tiny.yaml:7: \"https://api.tiny.example/v1\": want https, a host, and no path"},
		{"user in base", "https://api.tiny", "https://me@api.tiny", "tiny.yaml:7: \"https://me@api.tiny.example\": want https, a host"},
		{"query in base", "tiny.example\nauth", "tiny.example?a=b\nauth", "tiny.yaml:7: "},
		{"plain http", "base: https:", "base: http:", "tiny.yaml:7: "},
		{"secret in base", "https://api.tiny", "https://{token}.tiny", "tiny.yaml:7: {token} in a host is a secret"},
		{"secret in query", "page: {by: link}", `query: {key: "{token}"}`, "tiny.yaml:24: {token} in a query is a secret"},
		{"unknown placeholder", "page: {by: link}", `query: {a: "{from}"}`, "tiny.yaml:24: {from} in a query is no setting"},
		{"reserved setting", "name: token", "name: kinds", `tiny.yaml:6: setting "kinds": want lower-case letters`},
		{"not jq", "id: .id", "id: .id |", `tiny.yaml:25: ".id |" is not jq`},
		{"unknown variable", "mfa: .mfa", "mfa: $factors", `tiny.yaml:27: "$factors": variable not defined: $factors; variables here are $account, $each, $parent, $settings`},
		{"clock", "mfa: .mfa", "mfa: now", `tiny.yaml:27: "now": now does not depend on the answer alone`},
		{"clock, deep", "mfa: .mfa", "mfa: 'if .a then [.b | now] else 1 end'", "now does not depend on the answer alone"},
		{"environment", "mfa: .mfa", "mfa: $ENV.HOME", "$ENV does not depend on the answer alone"},
		{"kind of another", "kind: tiny.user", "kind: okta.user", `tiny.yaml:18: kind "okta.user": want tiny.something`},
		{"no id", "    id: .id\n", "", "tiny.yaml:18: kind tiny.user: read and id are missing"},
		{"required is none", "required: [mfa]", "required: [mfaa]", `tiny.yaml:18: "mfaa" is required or volatile, and no attribute`},
		{"attribute name", "mfa: .mfa", "isMFA: .mfa", `attribute "isMFA": want lower-case letters`},
		{"no why", "        why: users\n", "", "tiny.yaml:21: GET /users: why is missing"},
		{"no permissions", "        permissions: [users:read]\n", "", "tiny.yaml:21: GET /users: permissions are missing"},
		{"query in call", "call: GET /users", "call: GET /users?all=1", "want a method and a path without a query"},
		{"write", "call: GET /users", "call: DELETE /users", `tiny.yaml:21: call "DELETE /users" is not a read`},
		{"write by POST", "call: GET /users", "body: {}\n        call: POST /users", `call "POST /users" is not a read`},
		{"POST without body", "call: GET /users", "call: POST /users/search", "POST, and nothing else, has a body"},
		{"unknown variable of path", "call: GET /users", "call: GET /users/{id}", "say under path which member of the row it is, such as path: {id: .id}"},
		{"paging", "by: link", "by: links", `tiny.yaml:24: page.by is "links": want one of link, next, token, offset, number`},
		{"token without at", "by: link", "by: token, as: cursor", "tiny.yaml:24: page: at says where"},
		{"offset without as", "by: link", "by: offset", "tiny.yaml:24: page: as names the parameter"},
		{"meaning", "page: {by: link}", "answers: [{status: 404, means: nothing}]", `tiny.yaml:24: answers: means is "nothing": want one of absent, unsaid, denied, not_licensed`},
		{"meaning of success", "page: {by: link}", "answers: [{status: 200, means: absent}]", "tiny.yaml:24: answers: status is 200"},
		{"events without time", "doc: A user.", "doc: A user.\n    events: {late: 1h}", "time is missing"},
		{"lateness", "doc: A user.", "doc: A user.\n    events: {late: soon}", `tiny.yaml:20: "soon": want a time such as 90d, 1h or 30m`},
		{"alike", "call: GET /users", "call: GET /{a}/users\n        path: {a: .a}\n        with: {x: {call: \"GET /users/{b}\", path: {b: .b}, why: x, permissions: [x]}}", `call "GET /users/{b}" cannot be told from call "GET /{a}/users"`},
		{"nothing", "doc: A user.", "doc:", "tiny.yaml:19: there is nothing here"},
		{"anchor", "attributes: {org: .org}", "attributes: &a {org: .org}", "anchors and aliases are not taken here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(tiny, tt.old, tt.new, 1)
			if text == tiny {
				t.Fatal("the mistake is not made")
			}
			_, err := Parse("tiny.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// FuzzParse: no file makes the reader panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("kinds: [null]\naccount: null\nauth: [null]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := Parse("tiny.yaml", b); err == nil {
			d.Spec()
		}
	})
}

// TestMisnamed: a file that would be passed over is not passed over in silence.
func TestMisnamed(t *testing.T) {
	tiny, err := os.ReadFile("testdata/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defs, err := Load(fstest.MapFS{"tiny.yaml": {Data: tiny}, "other.yml": {Data: tiny}, "notes.txt": {Data: tiny}}, "sources")
	if err == nil || !strings.Contains(err.Error(), "sources/other.yml: the file would be passed over: name it other.yaml") || len(defs) != 1 {
		t.Errorf("%d definitions, %v", len(defs), err)
	}
}

// TestConfigSaysWhatWasUsed: the log holds a configuration as it was read, the
// schedules of single kinds too, and no secret.
func TestConfigSaysWhatWasUsed(t *testing.T) {
	specs := Specs()
	i := slices.IndexFunc(specs, func(s collectors.Spec) bool { return s.Name == "okta" })
	c := specs[i].NewConfig()
	if err := yaml.Unmarshal([]byte("schedule: 0 7 * * *\nschedules: {okta.event: 0 * * * *}\nkinds: [okta.user, okta.event]\nurl: https://acme.okta.com\ntoken: s3cret\n"), c); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"okta.event: 0 * * * *", "url: https://acme.okta.com", "- okta.user"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "s3cret") || c.Base().Schedules["okta.event"] == "" {
		t.Errorf("schedules %v, text\n%s", c.Base().Schedules, text)
	}
}
