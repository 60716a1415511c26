package simulator

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/simulator/graphql"
)

// The operations of GitHub that are served; the names are those of its reference.
const (
	opUser       = "GET /user"
	opOrg        = "GET /orgs/{org}"
	opMembers    = "GET /orgs/{org}/members"
	opRepos      = "GET /orgs/{org}/repos"
	opRepo       = "GET /repos/{owner}/{repo}"
	opBranch     = "GET /repos/{owner}/{repo}/branches/{branch}"
	opProtection = "GET /repos/{owner}/{repo}/branches/{branch}/protection"
	opRules      = "GET /repos/{owner}/{repo}/rules/branches/{branch}"
	opRuleset    = "GET /repos/{owner}/{repo}/rulesets/{ruleset_id}"
	opPulls      = "GET /repos/{owner}/{repo}/pulls"
	opPull       = "GET /repos/{owner}/{repo}/pulls/{pull_number}"
	opReviews    = "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews"
	opCommits    = "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits"
	opCheckRuns  = "GET /repos/{owner}/{repo}/commits/{ref}/check-runs"
	opStatus     = "GET /repos/{owner}/{repo}/commits/{ref}/status"
	opStatuses   = "GET /repos/{owner}/{repo}/commits/{ref}/statuses"
)

// hubRequest is one request to GitHub.
type hubRequest struct {
	call
	http   *http.Request
	graph  graphql.Request // if it is one of GraphQL
	now    time.Time
	effect effect
}

// github builds the API below /github/.
func (c *Company) github() http.Handler {
	mux := http.NewServeMux()
	for op, h := range map[string]func(*hubRequest) reply{
		opUser: c.getUser, opOrg: c.getOrg, opMembers: c.listMembers, opRepos: c.listRepos, opRepo: c.getRepo,
		opBranch: c.getBranch, opProtection: c.getProtection, opRules: c.listRules, opRuleset: c.getRuleset,
		opPulls: c.listPulls, opPull: c.getPull, opReviews: c.listReviews, opCommits: c.listCommits,
		opGraphQL: c.postGraph, opCheckRuns: c.listCheckRuns, opStatus: c.getStatus, opStatuses: c.listStatuses,
	} {
		mux.HandleFunc(strings.Replace(op, "/", "/github/", 1), func(w http.ResponseWriter, r *http.Request) { c.serveGitHub(w, r, op, h) })
	}
	mux.HandleFunc("/github/", func(w http.ResponseWriter, r *http.Request) {
		c.serveGitHub(w, r, r.Method+" "+r.URL.Path, func(*hubRequest) reply { return notFound() })
	})
	return mux
}

// serveGitHub answers one request: the token first, then faults, then the company.
func (c *Company) serveGitHub(w http.ResponseWriter, r *http.Request, op string, h func(*hubRequest) reply) {
	q := &hubRequest{http: r, now: c.Now()}
	q.call = call{vendor: "github", op: op, places: []string{r.PathValue("owner") + "/" + r.PathValue("repo")}, key: r.Method + " " + r.URL.RequestURI()}
	for name, values := range r.URL.Query() {
		q.places = append(q.places, name+"="+values[0])
	}
	if op == opGraphQL {
		q.readGraph(c)
	}
	e, attempt := c.fault(q.call, q.now)
	q.effect = e
	a, failed := q.failure()
	switch {
	case !c.accepts(r):
		a = hubError(http.StatusUnauthorized, "Bad credentials")
	case op == opGraphQL && e == throttled:
		a = graphLimit()
	case op == opGraphQL && (!failed || e == denied || e == hidden):
		a = h(q) // GraphQL has no ETag
	case !failed:
		a = q.conditional(h(q))
	}
	send(w, q.dress(a, c.requestID(q.call, q.now, attempt)), e, q.now)
}

// accepts reports whether the request carries the one token.
func (c *Company) accepts(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token")) && token == c.Token()
}

// dress adds the headers that every answer of GitHub has. The budget never
// changes: what remains would tell the order of concurrent requests.
func (q *hubRequest) dress(a reply, id uint64) reply {
	return a.with("X-GitHub-Request-Id", fmt.Sprintf("%04X:%06X:%06X", id>>48, id>>24&0xffffff, id&0xffffff)).
		with("X-GitHub-Media-Type", "github.v3; format=json").with("X-OAuth-Scopes", "read:org, repo").
		with("X-RateLimit-Limit", "5000").with("X-RateLimit-Remaining", "4807").with("X-RateLimit-Used", "193").
		with("X-RateLimit-Resource", map[bool]string{true: "graphql", false: "core"}[q.op == opGraphQL]).
		with("X-RateLimit-Reset", strconv.FormatInt(q.now.Truncate(time.Hour).Add(time.Hour).Unix(), 10))
}

// conditional adds the ETag, and answers 304 to who has the same already.
func (q *hubRequest) conditional(a reply) reply {
	if a.status != http.StatusOK {
		return a
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	tag := fmt.Sprintf(`W/"%08x%08x%06x"`, crc32.Checksum(a.body, table), crc32.Checksum([]byte(a.header["Link"]), table), len(a.body))
	if q.effect == "" && q.http.Header.Get("If-None-Match") == tag {
		a.status, a.body = http.StatusNotModified, nil
	}
	return a.with("ETag", tag)
}

// failure gives the error that a fault wants in place of the answer.
func (q *hubRequest) failure() (reply, bool) {
	switch q.effect {
	case throttled:
		return hubError(http.StatusTooManyRequests, "API rate limit exceeded").with("Retry-After", "1"), true
	case secondary:
		return hubError(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.").with("Retry-After", "1"), true
	case unavailable:
		return hubError(http.StatusServiceUnavailable, "No server is currently available to service your request."), true
	case broken:
		return hubError(http.StatusInternalServerError, "Server Error"), true
	case denied:
		return hubError(http.StatusForbidden, "Resource not accessible by personal access token"), true
	case hidden:
		return notFound(), true
	case refused:
		return hubError(http.StatusUnprocessableEntity, "Only owners can use this filter."), true
	case expired:
		return hubError(http.StatusUnauthorized, "Bad credentials"), true
	}
	return reply{}, false
}

func notFound() reply { return hubError(http.StatusNotFound, "Not Found") }

func hubError(status int, message string) reply {
	a := hubReply(object{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)})
	a.status = status
	return a
}

// object is one JSON object.
type object map[string]any

func hubReply(v any) reply {
	return reply{status: http.StatusOK, mime: "application/json; charset=utf-8", body: render(v)}
}

// render gives the JSON text; what is rendered here always has one.
func render(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: an answer has no JSON text: %v", err))
	}
	return b
}

// page gives the bounds of the page that is asked for, at most limit items,
// and its Link header.
func (q *hubRequest) page(n, limit int) (from, to int, link string) {
	query := q.http.URL.Query()
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size < 1 {
		size = 30
	}
	size = min(size, limit)
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	last := max((n+size-1)/size, 1)
	if q.effect == loops {
		return 0, min(size, n), q.link(2, "next")
	}
	from, to = min((page-1)*size, n), min(page*size, n)
	var links []string
	if page > 1 {
		links = append(links, q.link(page-1, "prev"), q.link(1, "first"))
	}
	if page < last {
		links = append(links, q.link(page+1, "next"), q.link(last, "last"))
	}
	return from, to, strings.Join(links, ", ")
}

func (q *hubRequest) link(page int, rel string) string {
	u := *q.http.URL
	u.Scheme, u.Host = "http", q.http.Host
	if q.http.TLS != nil {
		u.Scheme = "https"
	}
	query := u.Query()
	query.Set("page", strconv.Itoa(page))
	u.RawQuery = query.Encode()
	return fmt.Sprintf(`<%s>; rel=%q`, u.String(), rel)
}

// list answers with one page of n items, of which only those on it are rendered.
func (q *hubRequest) list(n, limit int, item func(int) []byte) reply {
	from, to, link := q.page(n, limit)
	a := reply{status: http.StatusOK, mime: "application/json; charset=utf-8", body: join(from, to, item)}
	if link != "" {
		a = a.with("Link", link)
	}
	return a
}

func join(from, to int, item func(int) []byte) []byte {
	b := append(make([]byte, 0, 16<<10), '[')
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		b = append(b, item(i)...)
	}
	return append(b, ']')
}
