package github

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/evidence"
)

// wholeOrg answers every call, always alike.
func wholeOrg(t *testing.T) http.Handler {
	replies := inOne()
	for key, r := range map[string]reply{
		"/orgs/acme":                                   ok(`{"id":1,"login":"acme","two_factor_requirement_enabled":true,"public_repos":0,"total_private_repos":1}`),
		"/orgs/acme/members?role=admin":                ok(`[{"id":1,"login":"ann"}]`),
		"/orgs/acme/members?role=member":               ok(`[{"id":2,"login":"bob"},{"id":3,"login":"` + token + `"}]`),
		"/orgs/acme/members?filter=2fa_disabled":       ok(`[{"id":2,"login":"bob"}]`),
		"/repos/acme/product/branches/main/protection": ok(strict),
		"/repos/acme/product/rules/branches/main":      ok(ruleset),
		pathSet5: ok(bypassed), pathSet6: ok(bypassed),
	} {
		replies[key] = []reply{r}
	}
	for key, body := range others() {
		replies[key] = []reply{ok(body)}
	}
	mux := http.NewServeMux()
	mux.Handle("/", &fake{replies: replies, asked: map[string]int{}})
	mux.Handle("POST /graphql", product10(t, pull5()))
	return mux
}

// endless makes every page name a next one, which holds the same again.
func endless() func(evidence.Exchange, *collectortest.Answer) bool {
	var mu sync.Mutex
	pages := map[string][]byte{}
	return func(x evidence.Exchange, a *collectortest.Answer) bool {
		if x.Call == callGraphQL {
			a.Body = []byte(strings.ReplaceAll(string(a.Body), `"hasNextPage":false`, `"hasNextPage":true`))
			return true
		}
		if !strings.Contains(x.URL, "per_page=") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		listing := strings.Replace(x.URL, "page=2&", "", 1)
		if a.Status == http.StatusOK && pages[listing] == nil {
			pages[listing] = a.Body
		}
		a.Status, a.Body = http.StatusOK, pages[listing]
		a.Header.Set("Link", `<`+listing+`&page=2>; rel="next"`)
		return true
	}
}

func TestSuite(t *testing.T) {
	cfg := newConfig()
	cfg.Organization, cfg.Token = "acme", token
	collectortest.Run(t, collectortest.Case{
		Spec: Spec(), Config: cfg, Server: wholeOrg(t), Now: start,
		Window:  evidence.Window{From: start.Add(-24 * time.Hour), To: start},
		Secrets: []string{token, leaked},
		Unused:  []string{callApp, callAppToken},
		Loop:    endless(),
	})
}
