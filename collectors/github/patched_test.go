package github

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/evidenced/evidenced/collectors/transport"
)

// patched returns emulate what it lacks.
type patched struct {
	// whole adds answers to all that GitHub has and emulate has not; otherwise
	// only the list of repositories is added.
	whole bool
}

// RoundTrip implements http.RoundTripper.
func (p patched) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := transport.RequestFromContext(r.Context())
	switch {
	case x.Call == "GET /orgs/{org}/repos": // emulate knows the same list only as that of a user
		r = r.Clone(r.Context())
		r.URL.Path = "/user/repos"
	case x.Call == "GET /orgs/{org}": // all that are seeded are public
		return amended(r, document{"total_private_repos": 0})
	case !p.whole:
	case x.Call == "GET /repos/{owner}/{repo}/rules/branches/{branch}": // it has no rulesets
		return answer(r, http.StatusOK, `[]`), nil
	case x.Call == callGraphQL: // and no GraphQL
		return bridged(r)
	case x.Call == "GET /repos/{owner}/{repo}/branches/{branch}/protection":
		return unprotectedInGitHubsWords(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// amended adds members to the object that emulate answers with.
func amended(r *http.Request, more document) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	var v document
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		return nil, err
	}
	maps.Copy(v, more)
	body, err := json.Marshal(v)
	return answer(r, http.StatusOK, string(body)), err
}

// unprotectedInGitHubsWords tells the two reasons for which a branch has no
// protection; emulate answers plain "Not Found" to both.
func unprotectedInGitHubsWords(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusNotFound {
		return resp, err
	}
	_ = resp.Body.Close() // it says nothing
	branch := r.Clone(r.Context())
	branch.URL.Path = strings.TrimSuffix(r.URL.Path, "/protection")
	resp, err = http.DefaultTransport.RoundTrip(branch)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b struct {
		Protected *bool `json:"protected"`
	}
	switch err := json.NewDecoder(resp.Body).Decode(&b); {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotFound:
		return answer(r, http.StatusNotFound, `{"message":"Branch not found"}`), nil
	case b.Protected != nil && !*b.Protected:
		return answer(r, http.StatusNotFound, `{"message":"Branch not protected"}`), nil
	}
	return answer(r, http.StatusNotFound, `{"message":"Not Found"}`), nil
}

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}
