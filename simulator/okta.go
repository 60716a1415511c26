package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The operations of Okta that are served; the names are those of its reference.
const (
	opOktaOrg      = "GET /api/v1/org"
	opOktaUsers    = "GET /api/v1/users"
	opFactors      = "GET /api/v1/users/{userId}/factors"
	opUserRoles    = "GET /api/v1/users/{userId}/roles"
	opGroups       = "GET /api/v1/groups"
	opGroupMembers = "GET /api/v1/groups/{groupId}/users"
	opAdmins       = "GET /api/v1/iam/assignees/users"
	opTokens       = "GET /api/v1/api-tokens"
	opLogs         = "GET /api/v1/logs"
)

// oktaPage is the most that one page holds; Okta's own are larger.
const oktaPage = 20

// oktaRequest is one request to Okta.
type oktaRequest struct {
	call
	http   *http.Request
	now    time.Time
	effect effect
}

// okta builds the API below /okta/.
func (c *Company) okta() http.Handler {
	mux := http.NewServeMux()
	for op, h := range map[string]func(*oktaRequest) reply{
		opOktaOrg: c.getOktaOrg, opOktaUsers: c.listOktaUsers, opFactors: c.listFactors, opUserRoles: c.listRoles, opGroups: c.listGroups,
		opGroupMembers: c.listGroupMembers, opAdmins: c.listAdmins, opTokens: c.listTokens, opLogs: c.listLogs,
	} {
		mux.HandleFunc(strings.Replace(op, "/", "/okta/", 1), func(w http.ResponseWriter, r *http.Request) { c.serveOkta(w, r, op, h) })
	}
	mux.HandleFunc("/okta/", func(w http.ResponseWriter, r *http.Request) {
		c.serveOkta(w, r, r.Method+" "+r.URL.Path, func(q *oktaRequest) reply { return q.notFound() })
	})
	return mux
}

// serveOkta answers one request: the token first, then faults, then the company.
func (c *Company) serveOkta(w http.ResponseWriter, r *http.Request, op string, h func(*oktaRequest) reply) {
	q := &oktaRequest{http: r, now: c.Now()}
	q.call = call{vendor: "okta", op: op, key: r.Method + " " + r.URL.RequestURI()}
	e, attempt := c.fault(q.call, q.now)
	q.effect = e
	a, failed := q.failure()
	switch {
	case r.Header.Get("Authorization") != "SSWS "+c.OktaToken():
		a = q.refuse(http.StatusUnauthorized, "E0000011", "Invalid token provided")
	case !failed:
		a = h(q)
	}
	send(w, q.dress(a, c.requestID(q.call, q.now, attempt)), e, q.now)
}

// dress adds the headers that every answer of Okta has. What remains of the
// limit never changes: it would tell the order of concurrent requests.
func (q *oktaRequest) dress(a reply, id uint64) reply {
	left := "598"
	if a.status == http.StatusTooManyRequests {
		left = "0"
	}
	return a.with("X-Okta-Request-Id", fmt.Sprintf("%016x", id)).with("Cache-Control", "no-cache, no-store").
		with("X-Rate-Limit-Limit", "600").with("X-Rate-Limit-Remaining", left).
		with("X-Rate-Limit-Reset", strconv.FormatInt(q.now.Truncate(time.Minute).Add(time.Minute).Unix(), 10))
}

// failure gives the error that a fault wants in place of the answer.
func (q *oktaRequest) failure() (reply, bool) {
	switch q.effect {
	case throttled:
		return q.refuse(http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests."), true
	case unavailable:
		return q.refuse(http.StatusServiceUnavailable, "E0000010", "Service is in read only mode"), true
	case broken:
		return q.refuse(http.StatusInternalServerError, "E0000009", "Internal Server Error"), true
	case denied:
		return q.refuse(http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action"), true
	case expired:
		return q.refuse(http.StatusUnauthorized, "E0000011", "Invalid token provided"), true
	}
	return reply{}, false
}

func (q *oktaRequest) notFound() reply {
	return q.refuse(http.StatusNotFound, "E0000007", "Not found: Resource not found")
}

func (q *oktaRequest) refuse(status int, code, text string) reply {
	a := oktaReply(object{"errorCode": code, "errorSummary": text, "errorLink": code, "errorId": oktaID("oae", q.key), "errorCauses": []object{}})
	a.status = status
	return a
}

func oktaReply(v any) reply {
	return reply{status: http.StatusOK, mime: "application/json", body: render(v)}
}

// list answers with one page of n items, and names the next one by the id of the last.
func (q *oktaRequest) list(n int, id func(int) string, card func(int) object) reply {
	from, to := q.page(n, id)
	a := reply{status: http.StatusOK, mime: "application/json", body: join(from, to, func(i int) []byte { return render(card(i)) })}
	links := fmt.Sprintf(`<%s>; rel="self"`, q.address(q.http.URL.Query().Get("after")))
	if next := q.next(from, to, n, id); next != "" {
		links += fmt.Sprintf("\n<%s>; rel=\"next\"", next)
	}
	return a.with("Link", links)
}

func (q *oktaRequest) page(n int, id func(int) string) (from, to int) {
	query := q.http.URL.Query()
	size, err := strconv.Atoi(query.Get("limit"))
	if err != nil || size < 1 || size > oktaPage {
		size = oktaPage
	}
	if after := query.Get("after"); after != "" && q.effect != loops {
		for from < n && id(from) != after {
			from++
		}
		from = min(from+1, n)
	}
	return from, min(from+size, n)
}

// next gives the address of the page after [from, to), empty after the last.
func (q *oktaRequest) next(from, to, n int, id func(int) string) string {
	if to == n && q.effect != loops || to == from {
		return ""
	}
	return q.address(id(to - 1))
}

// address is that of the page after an item.
func (q *oktaRequest) address(after string) string {
	query := q.http.URL.Query()
	if after != "" {
		query.Set("after", after)
	}
	u := *q.http.URL
	u.RawQuery = query.Encode()
	return q.base() + strings.TrimPrefix(u.RequestURI(), "/okta")
}

// base is the address of the organisation, as whoever asks knows it.
func (q *oktaRequest) base() string {
	scheme := "http"
	if q.http.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + q.http.Host + "/okta"
}

// oktaTime gives a time as Okta writes it, null for none.
func oktaTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (c *Company) getOktaOrg(q *oktaRequest) reply {
	return oktaReply(object{"id": oktaID("00o", c.org.login), "subdomain": c.org.login, "companyName": c.org.login, "status": "ACTIVE",
		"created": oktaTime(c.org.created), "lastUpdated": oktaTime(c.org.created), "website": "https://www.example.com",
		"_links": object{"organization": href(q.base() + "/api/v1/org")}})
}

// onUser answers for one user who exists by now.
func (c *Company) onUser(q *oktaRequest, answer func(*oktaUser) reply) reply {
	i := slices.IndexFunc(c.directory, func(u *oktaUser) bool { return u.id == q.http.PathValue("userId") && u.exists(q.now) })
	if i < 0 {
		return q.notFound()
	}
	return answer(c.directory[i])
}

// usersLike gives the users who exist by now and satisfy like.
func (c *Company) usersLike(q *oktaRequest, like func(*oktaUser) bool) (out []*oktaUser) {
	for _, u := range c.directory {
		if u.exists(q.now) && like(u) {
			out = append(out, u)
		}
	}
	return out
}
