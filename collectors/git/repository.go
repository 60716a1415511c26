package git

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const branchPrefix = "refs/heads/"

// branch is one branch and the commit it names.
type branch struct{ name, sha string }

// repository is what the kinds of one repository rest on.
type repository struct {
	path          string
	shallow, bare bool
	head          string // the branch that HEAD names, "" if it names a commit or an unborn branch
	branches      []branch
	origin        string // as host/path, "" if it is no clone
}

// repository reads the branches once in a visit, so that all kinds speak of
// the same ones.
func (s *session) repository(ctx context.Context, path string) (repository, error) {
	return collectors.Shared(ctx, "repository "+path, func(ctx context.Context) (repository, error) {
		r := repository{path: path}
		shape, err := s.git(ctx, path, declared(callShape)...)
		if err != nil {
			return r, err
		}
		words := strings.Fields(shape)
		if len(words) != 2 {
			return r, collectors.Incomplete("%s: git does not say whether the repository is shallow and bare", path)
		}
		r.shallow, r.bare = words[0] == "true", words[1] == "true"
		if r.origin, err = s.originOf(ctx, path); err != nil {
			return r, err
		}
		if r.branches, err = s.branches(ctx, path); err != nil || len(r.branches) == 0 {
			return r, err // without a branch, HEAD names one that is not born
		}
		r.head, err = s.head(ctx, path)
		return r, err
	})
}

var objectName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })

func (s *session) branches(ctx context.Context, path string) (all []branch, err error) {
	out, err := s.git(ctx, path, declared(callBranches)...)
	if err != nil {
		return nil, err
	}
	for l := range strings.Lines(out) {
		sha, ref, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\x00")
		name, ok := strings.CutPrefix(ref, branchPrefix)
		if !ok || !objectName().MatchString(sha) {
			return nil, collectors.Incomplete("%s: a branch is listed as %.100q", path, l)
		}
		all = append(all, branch{strings.ToValidUTF8(name, "\uFFFD"), sha})
	}
	return all, nil
}

// head returns the branch that HEAD names. That HEAD names none, because it is
// detached or its branch is not born, is no error.
func (s *session) head(ctx context.Context, path string) (string, error) {
	out, err := s.git(ctx, path, declared(callHead)...)
	var r *refusal
	if errors.As(err, &r) && strings.Contains(r.text, "unknown revision") {
		return "", nil
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(out), branchPrefix)
	if !ok {
		name = "" // a commit
	}
	return name, err
}

// protected returns the protected branch. ok is false in a repository without any
// branch; of any other, the branch must be there.
func (s *session) protected(r repository) (b branch, ok bool, err error) {
	name := s.branch
	if name == "" {
		name = r.head
	}
	for _, b := range r.branches {
		if b.name == name {
			return b, true, nil
		}
	}
	switch {
	case len(r.branches) == 0:
		return b, false, nil
	case name == "":
		return b, false, collectors.Incomplete("%s: HEAD names no branch: set branch in the configuration", r.path)
	}
	return b, false, collectors.Incomplete("%s: there is no branch %q", r.path, name)
}

func (s *session) collectRepositories(ctx context.Context, out *collectors.Output) error {
	scopes := s.Scopes(nil)
	out.Total(len(scopes))
	return out.EachScope(ctx, scopes, 4, func(ctx context.Context, sc evidence.Scope) error {
		r, err := s.repository(ctx, string(sc))
		if err != nil {
			return err
		}
		a := r.attributes()
		if b, ok, err := s.protected(r); ok && err == nil {
			a["branch"], a["tip"] = b.name, b.sha
		}
		out.Page()
		return out.Emit(evidence.Record{ID: r.path, Name: r.name(), Scope: sc, Attributes: a})
	})
}

// name is what a person calls the repository.
func (r repository) name() string {
	path := strings.TrimSuffix(r.path, string(filepath.Separator)+".git")
	return strings.TrimSuffix(filepath.Base(path), ".git")
}

func (r repository) attributes() collectors.Attributes {
	branches := []any{}
	for _, b := range r.branches {
		branches = append(branches, map[string]any{"name": b.name, "sha": b.sha})
	}
	a := collectors.Attributes{"path": r.path, "shallow": r.shallow, "bare": r.bare, "empty": len(r.branches) == 0, "branches": branches}
	a.Text("head", &r.head)
	a.Text("origin", &r.origin)
	return a
}

// originOf tells of which repository this one is a clone.
func (s *session) originOf(ctx context.Context, path string) (string, error) {
	out, err := s.git(ctx, path, declared(callOrigin)...)
	var r *refusal
	if errors.As(err, &r) && r.exit == 1 { // "the section or key is invalid", or not set
		return "", nil
	}
	return hostedAs(strings.TrimSpace(out)), err
}

var scpLike = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[^/@]*@)?([^/:]+):([^/].*)$`) })

// hostedAs returns host/path of "https://user@host/path.git" and of "user@host:path",
// without user, password and query.
func hostedAs(remote string) string {
	_, rest, isURL := strings.Cut(remote, "://")
	authority, path, _ := strings.Cut(rest, "/")
	host, _, _ := strings.Cut(authority[strings.LastIndexByte(authority, '@')+1:], ":")
	if m := scpLike().FindStringSubmatch(remote); m != nil && !isURL {
		host, path = m[1], m[2]
	}
	if host == "" {
		return "" // a folder of some machine says nothing to others
	}
	path, _, _ = strings.Cut(path, "?")
	return strings.ToLower(host) + "/" + strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
