package notify

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
)

// Issues are made for gaps that opened, one a group of a message. Who fixes a gap
// closes the issue; that it is fixed, the evidence says by itself.

// GitHub opens issues in a repository.
// https://docs.github.com/rest/issues/issues
type GitHub struct {
	call *caller
	path string
}

// GitHubEndpoint is the vendor's own.
const GitHubEndpoint = "https://api.github.com/"

// NewGitHub makes a sender to a repository, "owner/name".
func NewGitHub(endpoint, repository, token string) (*GitHub, error) {
	c, err := newCaller(endpoint, map[string]string{"Authorization": "Bearer " + token, "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"})
	return &GitHub{c, "repos/" + repository + "/issues"}, err
}

const label = "evidenced"

// mark is how an issue is known again.
func mark(m Message, g Group) string { return "evidenced-message: " + m.ID + " " + g.Name }

// Send implements Sender. The newest issues are looked at first: what was opened
// before the answer was lost is not opened again.
func (h *GitHub) Send(ctx context.Context, m Message) error {
	var there []struct{ Body string }
	if err := h.call.do(ctx, "GET", h.path+"?state=all&labels="+label+"&per_page=100&sort=created&direction=desc", nil, nil, &there); err != nil {
		return err
	}
	for _, g := range opened(m) {
		known := false
		for _, i := range there {
			known = known || strings.Contains(i.Body, mark(m, g))
		}
		if known {
			continue
		}
		body := "```\n" + strings.ReplaceAll(g.Line(), "`", "'") + "\n```\n<!-- " + mark(m, g) + " -->"
		if err := h.call.do(ctx, "POST", h.path, nil, map[string]any{"title": cut(issueTitle(g), 250), "body": body, "labels": []string{label}}, nil); err != nil {
			return err
		}
	}
	return nil
}

// opened are the groups that an issue is made of.
func opened(m Message) (out []Group) {
	for _, g := range m.Groups {
		if g.What == Opened || g.What == Trouble {
			out = append(out, g)
		}
	}
	return out
}

func issueTitle(g Group) string { return "[evidenced] " + g.Severity + ": " + g.Title }

// Jira opens issues in a project of Jira Cloud.
// https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
type Jira struct {
	call          *caller
	project, kind string
}

// NewJira makes a sender to a project, by its key; kind is the name of an issue type.
func NewJira(site, email, token, project, kind string) (*Jira, error) {
	auth := base64.StdEncoding.EncodeToString([]byte(email + ":" + token))
	c, err := newCaller(site, map[string]string{"Authorization": "Basic " + auth, "Accept": "application/json"})
	return &Jira{c, project, kind}, err
}

// Send implements Sender. A label that follows from message and group is how an
// issue is known again.
func (j *Jira) Send(ctx context.Context, m Message) error {
	for _, g := range opened(m) {
		own := label + "-" + Compose(m.Organization, []Event{{Key: mark(m, g)}}, m.At).ID
		var there struct{ Issues []struct{ ID string } }
		jql := url.QueryEscape(`project = "` + j.project + `" AND labels = "` + own + `"`)
		if err := j.call.do(ctx, "GET", "rest/api/3/search/jql?maxResults=1&fields=id&jql="+jql, nil, nil, &there); err != nil {
			return err
		}
		if len(there.Issues) > 0 {
			continue
		}
		text := map[string]any{"type": "doc", "version": 1, "content": []any{map[string]any{"type": "codeBlock", "content": []any{map[string]any{"type": "text", "text": g.Line()}}}}}
		fields := map[string]any{"project": map[string]any{"key": j.project}, "issuetype": map[string]any{"name": j.kind},
			"summary": cut(issueTitle(g), 250), "description": text, "labels": []string{label, own}}
		if err := j.call.do(ctx, "POST", "rest/api/3/issue", nil, map[string]any{"fields": fields}, nil); err != nil {
			return err
		}
	}
	return nil
}
