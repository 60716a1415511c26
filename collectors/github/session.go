package github

import (
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collector implements collectors.Collector.
type collector struct {
	api      *client
	org      string
	tickets  *regexp.Regexp
	parallel int
	token    collectors.Secret
	offline  bool
}

// RootScope is the login of the organisation.
func (c *collector) RootScope() evidence.Scope { return evidence.Scope(c.org) }

// Scopes is the login of the organisation; repositories are parts of it.
func (c *collector) Scopes([]evidence.Record) []evidence.Scope {
	return []evidence.Scope{evidence.Scope(c.org)}
}

// Session asks who the credential is.
// https://docs.github.com/en/rest/users/users#get-the-authenticated-user
func (c *collector) Session(ctx context.Context, scope evidence.Scope) (collectors.Session, error) {
	if scope != c.RootScope() {
		return nil, fmt.Errorf("scope %q is not the organisation %q", scope, c.org)
	}
	if err := c.token.Check(); err != nil && !c.offline {
		return nil, fmt.Errorf("token, such as token: \"${env:GITHUB_TOKEN}\": %w", err)
	}
	var user struct {
		Login string `json:"login"`
	}
	_, err := c.api.get(ctx, "user", &user)
	switch {
	case answered(err, http.StatusForbidden, "Resource not accessible by integration"):
		user.Login = "GitHub App installation" // an installation is not a user
	case err != nil:
		return nil, err
	case user.Login == "":
		return nil, collectors.Incomplete("GET /user does not say who asks")
	}
	return &session{collector: c, principal: user.Login}, nil
}

// session implements collectors.Session.
type session struct {
	*collector
	principal string
}

// Principal is the login of the credential's user.
func (s *session) Principal() string { return s.principal }

// Collect reads one kind.
func (s *session) Collect(ctx context.Context, kind evidence.Kind, w evidence.Window, out *collectors.Output) error {
	for _, k := range table() {
		if k.Kind == kind {
			return k.read(s, ctx, w, out)
		}
	}
	return fmt.Errorf("kind %s is not read by github", kind)
}
