package simulator

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// visitor reads Okta as a collector would, and shows every answer to look.
type visitor struct {
	t    *testing.T
	c    *Company
	look func(path string, a *httptest.ResponseRecorder)
}

// get gives the answer and the path of the next page.
func (v visitor) get(path string) (body []byte, next string) {
	v.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/okta"+path, nil)
	r.Header.Set("Authorization", "SSWS "+v.c.OktaToken())
	rec := httptest.NewRecorder()
	v.c.Handler().ServeHTTP(rec, r)
	if v.look != nil {
		v.look(path, rec)
	}
	for _, l := range rec.Header().Values("Link") {
		if u, ok := strings.CutSuffix(l, `>; rel="next"`); ok {
			_, next, _ = strings.Cut(u, "/okta")
		}
	}
	return rec.Body.Bytes(), next
}

// items gives all items of all pages.
func (v visitor) items(path string) (out []map[string]any) {
	v.t.Helper()
	for path != "" {
		body, next := v.get(path)
		var page []map[string]any
		if err := json.Unmarshal(body, &page); err != nil || len(page) > oktaPage {
			v.t.Fatalf("%s: %v, %d items", path, err, len(page))
		}
		out, path = append(out, page...), next
	}
	return out
}

const gone = "/api/v1/users?limit=200&search=status+eq+%22DEPROVISIONED%22"

// everything asks for all that there is.
func (v visitor) everything() {
	v.get("/api/v1/org")
	for _, path := range []string{"/api/v1/users?limit=200", gone} {
		for _, u := range v.items(path) {
			v.get("/api/v1/users/" + u["id"].(string) + "/factors")
			v.get("/api/v1/users/" + u["id"].(string) + "/roles")
		}
	}
	for _, g := range v.items("/api/v1/groups") {
		v.items("/api/v1/groups/" + g["id"].(string) + "/users")
	}
	v.get("/api/v1/iam/assignees/users?limit=2")
	v.items("/api/v1/api-tokens")
	v.items("/api/v1/logs?since=2026-01-01T00:00:00Z&until=2026-01-20T00:00:00Z")
}

// oktaSchemas gives the schema of an answer by its path, from Okta's own
// description; `make described` fetches it.
func oktaSchemas(t *testing.T) func(path string) (op string, s *openapi3.Schema) {
	t.Helper()
	cache := strings.TrimSpace(string(must[[]byte](t)(exec.Command("go", "env", "GOMODCACHE").Output())))
	text, err := os.ReadFile(filepath.Join(cache, "github.com", "okta", "okta-sdk-golang", "v5@v5.0.2", "okta", "api", "openapi.yaml"))
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: Okta's description is not here; `make described` fetches it")
	}
	text = bytes.ReplaceAll(text, []byte(`^P(?:$)`), []byte("^P")) // a slip of the pen, by which no duration fits but "P"
	doc := must[*openapi3.T](t)(openapi3.NewLoader().LoadFromData(text))
	return func(path string) (string, *openapi3.Schema) {
		path, _, _ = strings.Cut(path, "?")
		parts := strings.Split(path, "/")
		for _, op := range []string{opOktaOrg, opOktaUsers, opFactors, opUserRoles, opGroups, opGroupMembers, opAdmins, opTokens, opLogs} {
			name := strings.TrimPrefix(op, "GET ")
			want := strings.Split(name, "/")
			fits := len(want) == len(parts)
			for i := range want {
				fits = fits && (want[i] == parts[i] || strings.HasPrefix(want[i], "{"))
			}
			if !fits {
				continue
			}
			for p, item := range doc.Paths.Map() {
				if anonymous(p) == anonymous(name) {
					return op, item.Get.Responses.Status(200).Value.Content.Get("application/json").Schema.Value
				}
			}
		}
		t.Fatalf("%s is not described", path)
		return "", nil
	}
}

// anonymous is a path without the names of its variables.
func anonymous(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

// TestAnswersFitOktasSchema judges every answer of some days by Okta's own description of it.
func TestAnswersFitOktasSchema(t *testing.T) {
	schema := oktaSchemas(t)
	seen := map[string]int{}
	c := New(Options{Seed: 3, Start: start, Days: 60, Plant: true})
	for _, days := range []int{0, 20, 59} {
		c.SetNow(c.start.Add(time.Duration(days)*day + 15*time.Hour))
		visitor{t, c, func(path string, a *httptest.ResponseRecorder) {
			var v any
			if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != http.StatusOK {
				t.Fatalf("%s: %d, %v", path, a.Code, err)
			}
			op, s := schema(path)
			seen[op]++
			if err := s.VisitJSON(v, openapi3.MultiErrors()); err != nil {
				t.Fatalf("%s does not fit %s: %.1500v", path, op, err)
			}
		}}.everything()
	}
	if len(seen) != 9 {
		t.Errorf("answers were judged of %v", seen)
	}
	broken := map[string]any{"errorCode": 7}
	if _, s := schema("/api/v1/users"); s.VisitJSON([]any{map[string]any{"id": 7, "status": "HERE"}}) == nil || s.VisitJSON(broken) == nil {
		t.Error("the description fits anything")
	}
}

// TestOktaLists: each user who exists is in one of the two listings, once, and a page that leads to itself is no end.
func TestOktaLists(t *testing.T) {
	c := grow(5, 90)
	c.faults = nil
	c.SetNow(c.start.Add(80 * day))
	there := map[string]int{}
	v := visitor{t: t, c: c}
	for _, path := range []string{"/api/v1/users?limit=7", gone} {
		for _, u := range v.items(path) {
			there[u["id"].(string)]++
			if (u["status"] == "DEPROVISIONED") != (path == gone) {
				t.Errorf("%v is in the wrong listing", u)
			}
		}
	}
	n := 0
	for _, u := range c.directory {
		if u.exists(c.Now()) {
			n++
		}
		if (there[u.id] == 1) != u.exists(c.Now()) {
			t.Errorf("%s is listed %d times", u.login, there[u.id])
		}
	}
	if n <= oktaPage {
		t.Errorf("%d users are one page", n)
	}
	c.faults = []*fault{{span: interval{from: c.start}, vendor: "okta", op: opOktaUsers, effect: loops}}
	_, first := v.get("/api/v1/users?limit=7")
	if _, second := v.get(first); first == "" || first != second {
		t.Errorf("a loop leads from %s to %s", first, second)
	}
}

func TestOktaFaults(t *testing.T) {
	for e, want := range map[effect]struct {
		status int
		code   string
	}{throttled: {429, "E0000047"}, unavailable: {503, "E0000010"}, broken: {500, "E0000009"}, denied: {403, "E0000006"}, expired: {401, "E0000011"}} {
		c := afflicted(fault{vendor: "okta", op: opOktaOrg, effect: e})
		visitor{t, c, func(_ string, a *httptest.ResponseRecorder) {
			var x struct{ ErrorCode, ErrorSummary string }
			if err := json.Unmarshal(a.Body.Bytes(), &x); err != nil || a.Code != want.status || x.ErrorCode != want.code || x.ErrorSummary == "" {
				t.Errorf("%s: %d %s, %v", e, a.Code, a.Body, err)
			}
			if left := a.Header().Get("X-Rate-Limit-Remaining"); (left == "0") != (e == throttled) {
				t.Errorf("%s: %s are left", e, left)
			}
		}}.get("/api/v1/org")
	}
	c := grow(1, 30)
	rec := httptest.NewRecorder()
	c.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/okta/api/v1/org", nil))
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", rec.Code)
	}
}

// TestFiles: the roster and the register are whole, absent or torn, as the faults say; a torn one shows.
func TestFiles(t *testing.T) {
	for name, read := range map[string]func(*Company) ([]byte, bool){"roster": (*Company).Roster, "register": (*Company).Register} {
		for e, lines := range map[effect]bool{"": true, missing: false, truncated: false} {
			c := afflicted(fault{vendor: "file", op: name, effect: e})
			text, ok := read(c)
			rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
			if ok != (e != missing) || lines != (err == nil && len(rows) > 1) {
				t.Errorf("%s %s: %d rows, %t, %v", name, e, len(rows), ok, err)
			}
		}
	}
}

// TestLeaversStayInTheRoster, with the day on which they left.
func TestLeaversStayInTheRoster(t *testing.T) {
	c := New(Options{Seed: 4, Start: start, Days: 120})
	c.SetNow(c.end)
	text, _ := c.Roster()
	left := 0
	for _, row := range rowsOf(t, string(text)) {
		if row["status"] == "ended" {
			left++
			if row["end"] == "" || row["end"] < row["start"] {
				t.Errorf("%v", row)
			}
		}
	}
	want := 0
	for _, p := range c.people {
		want += count(!p.life.to.IsZero())
	}
	if left == 0 || left != want {
		t.Errorf("%d left, %d of them are listed", want, left)
	}
}
