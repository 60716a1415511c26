package git

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// collector implements collectors.Collector.
type collector struct {
	run     func(ctx context.Context, args ...string) (collectors.Reply, error)
	paths   []string
	branch  string
	tickets *regexp.Regexp
}

// rootScope is the scope of the list of repositories.
const rootScope evidence.Scope = "repositories"

// RootScope names the list of repositories.
func (c *collector) RootScope() evidence.Scope { return rootScope }

// Scopes are the repositories, by path.
func (c *collector) Scopes([]evidence.Record) (scopes []evidence.Scope) {
	for _, p := range c.paths {
		scopes = append(scopes, evidence.Scope(p))
	}
	return scopes
}

// Session asks which user asks, and which git answers.
func (c *collector) Session(ctx context.Context, scope evidence.Scope) (collectors.Session, error) {
	if scope != rootScope && !slices.Contains(c.paths, string(scope)) {
		return nil, fmt.Errorf("scope %q is not one of the repositories", scope)
	}
	user, err := c.ask(ctx, "id", "-u")
	if err != nil {
		return nil, fmt.Errorf("who asks: %w", err)
	}
	version, err := c.ask(ctx, "git", "version")
	if err != nil {
		return nil, fmt.Errorf("is git installed? %w", err)
	}
	return &session{collector: c, path: string(scope), principal: "uid " + strings.TrimSpace(user) + " by " + strings.TrimSpace(version)}, nil
}

// refusal is an exit status other than 0, with what the program said.
type refusal struct {
	exit int
	text string
	err  error
}

// Error returns the class and the program's words.
func (r *refusal) Error() string { return fmt.Sprintf("%v: %s", r.err, r.text) }

// Unwrap returns the class.
func (r *refusal) Unwrap() error { return r.err }

// ask runs a program that must succeed, and complain of nothing.
func (c *collector) ask(ctx context.Context, args ...string) (string, error) {
	r, err := c.run(ctx, args...)
	switch {
	case err != nil:
	case r.Exit != 0:
		err = &refusal{r.Exit, fmt.Sprintf("%s ended with status %d: %s", args[0], r.Exit, r.Err), classOf(r.Err)}
	case r.Err != "": // it passes over a branch that it cannot read, for one
		err = &refusal{r.Exit, fmt.Sprintf("%s warned: %s", args[0], r.Err), collectors.ErrIncomplete}
	}
	return r.Out, err
}

// classOf tells why git refused. It says so in words only; the locale is fixed.
func classOf(complaint string) error {
	if strings.Contains(complaint, "ermission denied") || strings.Contains(complaint, "dubious ownership") {
		return collectors.ErrDenied
	}
	return collectors.ErrIncomplete
}

// git asks about one repository.
func (c *collector) git(ctx context.Context, path string, args ...string) (string, error) {
	out, err := c.ask(ctx, append([]string{"git", "--git-dir=" + path}, args...)...)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// declared returns the fixed arguments of a call about a repository.
func declared(call string) []string {
	args := strings.Split(strings.TrimPrefix(call, inRepository), " ")
	return slices.DeleteFunc(args, func(a string) bool { return strings.HasSuffix(a, "}") })
}

// session implements collectors.Session.
type session struct {
	*collector
	path      string
	principal string
}

// Principal is the user of this process, and the git that answers.
func (s *session) Principal() string { return s.principal }

// Collect reads one kind.
func (s *session) Collect(ctx context.Context, kind evidence.Kind, w evidence.Window, out *collectors.Output) error {
	switch kind {
	case kindRepository:
		return s.collectRepositories(ctx, out)
	case kindCommit:
		return s.collectCommits(ctx, w, out)
	case kindUpdate:
		return s.collectUpdates(ctx, w, out)
	case kindTag:
		return s.collectTags(ctx, out)
	}
	return fmt.Errorf("kind %s is not read by git", kind)
}
