package github

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func codeOwnersKind() kind {
	return kind{
		KindSpec: state(kindCodeOwners, "The CODEOWNERS file of a repository, or that there is none."), listing: true,
		calls: []collectors.Call{
			reads("GET /repos/{owner}/{repo}/git/trees/{tree_sha}", "contents: read", "whether there is a CODEOWNERS file"),
			reads("GET /repos/{owner}/{repo}/codeowners/errors", "contents: read", "whether it can be followed"),
		},
		read: (*session).collectCodeOwners,
	}
}

// ownersFolders are where GitHub looks for CODEOWNERS, in this order; "" is the root.
var ownersFolders = []string{".github", "", "docs"}

func (s *session) collectCodeOwners(ctx context.Context, _ evidence.Window, out *collectors.Output) error {
	repos, unseen := s.repositories(ctx, out)
	out.Filter("CODEOWNERS", "of the default branch of each repository")
	err := s.eachRepository(ctx, out, repos, func(ctx context.Context, r repository) error {
		if r.DefaultBranch == nil || *r.DefaultBranch == "" {
			return nil
		}
		return s.collectOwners(ctx, out, r, *r.DefaultBranch)
	})
	return cmp.Or(unseen, err)
}

// collectOwners looks into the folders rather than for the file: to ask for a
// file that may not be read, and for one that is not there, gives the same 404.
func (s *session) collectOwners(ctx context.Context, out *collectors.Output, r repository, branch string) error {
	root, err := s.tree(ctx, out, r, branch)
	var no *refusal
	if errors.As(err, &no) && no.status == http.StatusConflict {
		return nil // "Git Repository is empty."
	}
	if err != nil {
		return err
	}
	path, err := s.ownersPath(ctx, out, r, root)
	if err != nil {
		return err
	}
	a := collectors.Attributes{"repository": r.FullName, "branch": branch, "exists": path != ""}
	a.Text("path", &path)
	if path != "" {
		if a["errors"], err = s.ownersErrors(ctx, out, r); err != nil {
			return err
		}
	}
	return out.Emit(evidence.Record{ID: r.id(), Name: r.FullName, Scope: r.scope(), Attributes: a})
}

// ownersPath returns where CODEOWNERS is, "" if it is nowhere.
func (s *session) ownersPath(ctx context.Context, out *collectors.Output, r repository, root []treeEntry) (string, error) {
	for _, folder := range ownersFolders {
		entries, prefix := root, ""
		if folder != "" {
			sub := find(root, folder, "tree")
			if sub == nil {
				continue
			}
			var err error
			if entries, err = s.tree(ctx, out, r, sub.SHA); err != nil {
				return "", err
			}
			prefix = folder + "/"
		}
		if find(entries, "CODEOWNERS", "blob") != nil {
			return prefix + "CODEOWNERS", nil
		}
	}
	return "", nil
}

// treeEntry is one entry of a folder.
type treeEntry struct {
	Path string `json:"path"`
	Type string `json:"type"`
	SHA  string `json:"sha"`
}

func find(entries []treeEntry, path, typ string) *treeEntry {
	for _, e := range entries {
		if e.Path == path && e.Type == typ {
			return &e
		}
	}
	return nil
}

// tree lists a folder, by the name of its tree or of a branch.
// https://docs.github.com/en/rest/git/trees#get-a-tree
func (s *session) tree(ctx context.Context, out *collectors.Output, r repository, name string) ([]treeEntry, error) {
	var t struct {
		Tree      *[]treeEntry `json:"tree"`
		Truncated *bool        `json:"truncated"`
	}
	if _, err := s.api.get(ctx, r.path("git", "trees", name), &t); err != nil {
		return nil, err
	}
	out.Page()
	if t.Tree == nil || t.Truncated == nil || *t.Truncated {
		return nil, collectors.Incomplete("a folder of %s is not listed whole", r.FullName)
	}
	return *t.Tree, nil
}

// ownersErrors counts the lines of CODEOWNERS that GitHub cannot follow.
// https://docs.github.com/en/rest/repos/repos#list-codeowners-errors
func (s *session) ownersErrors(ctx context.Context, out *collectors.Output, r repository) (int64, error) {
	var answer struct {
		Errors *[]struct{} `json:"errors"`
	}
	if _, err := s.api.get(ctx, r.path("codeowners", "errors"), &answer); err != nil {
		return 0, err
	}
	out.Page()
	if answer.Errors == nil {
		return 0, collectors.Incomplete("the answer for %s holds no list of errors", r.FullName)
	}
	return int64(len(*answer.Errors)), nil
}
