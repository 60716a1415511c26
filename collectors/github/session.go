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
	cfg      *Config
	env      collectors.Env
	api      *client
	org      string
	tickets  *regexp.Regexp
	parallel int

	projects, protected, tools []string // see Config
	suggestionsContribute      bool
}

// RootScope is the login of the organisation.
func (c *collector) RootScope() evidence.Scope { return evidence.Scope(c.org) }

// Scopes is the login of the organisation; repositories are parts of it.
func (c *collector) Scopes([]evidence.Record) []evidence.Scope {
	return []evidence.Scope{evidence.Scope(c.org)}
}

// Session asks who the credential is.
func (c *collector) Session(ctx context.Context, scope evidence.Scope) (collectors.Session, error) {
	if scope != c.RootScope() {
		return nil, fmt.Errorf("scope %q is not the organisation %q", scope, c.org)
	}
	if c.cfg.AppID != 0 {
		return c.asApp(ctx)
	}
	if err := c.cfg.Token.Check(); err != nil && !c.env.Offline {
		return nil, fmt.Errorf("token, such as token: \"${env:GITHUB_TOKEN}\": %w", err)
	}
	login, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	return &session{collector: c, principal: login}, nil
}

// user returns the login of the token's user.
// https://docs.github.com/en/rest/users/users#get-the-authenticated-user
func (c *collector) user(ctx context.Context) (string, error) {
	var user struct {
		Login string `json:"login"`
	}
	_, err := c.api.get(ctx, "user", &user)
	switch {
	case answered(err, http.StatusForbidden, "Resource not accessible by integration"):
		return "GitHub App installation", nil // an installation is not a user
	case err != nil:
		return "", err
	case user.Login == "":
		return "", collectors.Incomplete("GET /user does not say who asks")
	}
	return user.Login, nil
}

// asApp opens a session with a token of its own, so that every snapshot shows
// who asked, with which rights.
func (c *collector) asApp(ctx context.Context) (collectors.Session, error) {
	proof := &app{id: c.cfg.AppID, key: c.cfg.PrivateKey, now: c.env.Now, offline: c.env.Offline}
	own, err := newClient(c.cfg, c.env, proof)
	if err != nil {
		return nil, err
	}
	in := &installed{proof: proof, api: own, id: c.cfg.InstallationID, conceal: c.env.Conceal}
	mine := *c
	if mine.api, err = newClient(c.cfg, c.env, in); err != nil {
		return nil, err
	}
	principal, err := in.principal(ctx)
	if err != nil {
		return nil, err
	}
	return &session{collector: &mine, principal: principal}, nil
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
