package github

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// TestRepositoryLives: a repository is made, renamed, made public, archived and
// deleted, and its default branch is another one. Its record keeps its id, and says it all.
func TestRepositoryLives(t *testing.T) {
	const other = `{"id":9,"node_id":"R_9","full_name":"acme/other","default_branch":"main"}`
	read := func(list string, count int) map[string]map[string]any {
		s := capture(t, with(map[string][]reply{"/orgs/acme": {stating(0, count)}, repos: {ok(list)}}), kindRepository)
		if s.Err != nil || s.Certificate.Total == nil || *s.Certificate.Total != count {
			t.Fatalf("error %v, total %v", s.Err, s.Certificate.Total)
		}
		all := map[string]map[string]any{}
		for _, r := range s.Records {
			all[r.ID] = r.Attributes
		}
		return all
	}
	if _, there := read("["+other+"]", 1)["10"]; there {
		t.Error("it is there before it was made")
	}
	for _, tt := range []struct{ change, name, value string }{
		{`"full_name":"acme/product","private":true,"visibility":"private","archived":false,"default_branch":"master"`, "full_name", "acme/product"},
		{`"full_name":"acme/goods","private":true,"visibility":"private","archived":false,"default_branch":"master"`, "full_name", "acme/goods"},
		{`"full_name":"acme/goods","private":true,"visibility":"private","archived":false,"default_branch":"main"`, "default_branch", "main"},
		{`"full_name":"acme/goods","private":false,"visibility":"public","archived":false,"default_branch":"main"`, "visibility", "public"},
		{`"full_name":"acme/goods","private":false,"visibility":"public","archived":true,"default_branch":"main"`, "archived", "true"},
	} {
		a := read("["+other+`,{"id":10,"node_id":"R_10",`+tt.change+"}]", 2)["10"]
		if got := fmt.Sprint(a[tt.name]); got != tt.value {
			t.Errorf("%s is %s, want %s", tt.name, got, tt.value)
		}
	}
	if _, there := read("["+other+"]", 1)["10"]; there {
		t.Error("it is there after it was deleted")
	}
}

// TestRenamedRepository: what was merged keeps its id; the name is that of today.
func TestRenamedRepository(t *testing.T) {
	read := func(name, branch string) evidence.Record {
		rs := with(map[string][]reply{repos: {ok(`[{"id":10,"node_id":"R_10","full_name":"` + name + `","default_branch":"` + branch + `"}]`)}})
		s := captureFrom(t, rs, product10(t, pull5()), kindPullRequest)
		if s.Err != nil || len(s.Records) != 1 {
			t.Fatalf("error %v, %d records", s.Err, len(s.Records))
		}
		return s.Records[0]
	}
	before, after := read("acme/product", "main"), read("acme/goods", "trunk")
	if before.ID != after.ID || after.Attributes["repository"] != "acme/goods" || after.Name != "acme/goods#5" {
		t.Errorf("before %v, after %v", before, after)
	}
	if before.Attributes["base_is_default"] != true || after.Attributes["base_is_default"] != false || after.Attributes["base_ref"] != "main" {
		t.Errorf("before %v, after %v", before.Attributes, after.Attributes)
	}
}

// TestUnorderedEvents: a listing that is not newest first is read to its end.
func TestUnorderedEvents(t *testing.T) {
	at := func(id int, when string) string {
		return fmt.Sprintf(`{"id":%d,"sha":"b","environment":"production","created_at":"2026-%sZ"}`, id, when)
	}
	rs := answering(nil)
	rs[deployments] = []reply{{status: 200, body: "[" + at(71, "07-01T05:00:00") + "," + at(72, "05-01T00:00:00") + "," + at(73, "06-01T00:00:00") + "]", next: "2"}}
	rs[deployments+"?page=2"] = []reply{ok("[" + at(74, "07-01T04:00:00") + "]")}
	rs[inProduct+"deployments/74/statuses"] = []reply{ok(`[]`)}
	if s := capture(t, rs, kindDeployment); s.Err != nil || len(s.Records) != 2 {
		t.Errorf("error %v, %d records", s.Err, len(s.Records))
	}
	rs[deployments] = []reply{{status: 200, body: "[" + at(71, "07-01T05:00:00") + "," + at(72, "05-01T00:00:00") + "]", next: "2"}}
	if s := capture(t, rs, kindDeployment); s.Err != nil || len(s.Records) != 1 {
		t.Errorf("in order: error %v, %d records; want no second page", s.Err, len(s.Records))
	}
}

// free tells how many of the requests for which GitHub has a validator were
// answered by it.
func free(xs []evidence.Exchange) (unmodified, all int) {
	for _, x := range xs {
		if x.Call == callGraphQL {
			continue
		}
		if all++; x.Unmodified != nil {
			unmodified++
		}
	}
	return unmodified, all
}

// withETags answers with a validator, and 304 to who has the same already.
func withETags(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		for name, v := range rec.Header() {
			w.Header()[name] = v
		}
		tag := `W/"` + evidence.HashOf(rec.Body.Bytes()).String() + `"`
		if r.Method == http.MethodGet && rec.Code == http.StatusOK {
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// TestRerunIsFree: of an organisation in which nothing has changed, nine
// requests of ten cost nothing, and the records are the same.
func TestRerunIsFree(t *testing.T) {
	srv := httptest.NewServer(withETags(wholeOrg(t)))
	t.Cleanup(srv.Close)
	cfg := newConfig()
	cfg.Organization, cfg.Token, cfg.Common.Endpoint = "acme", token, srv.URL
	src, err := transport.Open(Spec(), cfg, transport.Options{Now: still}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var first []string
	for run := range 2 {
		visit, unmodified, all := src.Visit(t.Context(), "acme"), 0, 0
		for i, k := range src.Spec.Kinds {
			w := evidence.Window{}
			if k.Mode == evidence.Event {
				w = evidence.Window{From: start.Add(-24 * time.Hour), To: start}
			}
			s := visit.Capture(t.Context(), k.Kind, w)
			n, of := free(s.Exchanges)
			unmodified, all = unmodified+n, all+of
			if got := text(t, s); run == 0 {
				first = append(first, got)
			} else if s.Err != nil || got != first[i] || strings.Contains(got, token) {
				t.Errorf("%s: error %v, %s, before %s", k.Kind, s.Err, got, first[i])
			}
		}
		if run == 1 && unmodified*10 < all*9 {
			t.Errorf("%d of %d requests were free", unmodified, all)
		}
	}
}
