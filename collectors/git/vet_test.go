//go:build unix

package git

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// TestHostileRepositories: whoever owns a repository that is audited can have git read
// any file of the agent's, and say what it found there. No word of it is kept.
func TestHostileRepositories(t *testing.T) {
	const secret = "PRIVATE+KEY+evidenced+stolen"
	for name, change := range map[string]func(t *testing.T, dir, key string){
		"shallow is a link":         func(t *testing.T, dir, key string) { link(t, key, dir, "shallow") },
		"packed-refs is a link":     func(t *testing.T, dir, key string) { link(t, key, dir, "packed-refs") },
		"HEAD is a link":            func(t *testing.T, dir, key string) { link(t, key, dir, "HEAD") },
		"config is a link":          func(t *testing.T, dir, key string) { link(t, key, dir, "config") },
		"config.worktree is a link": func(t *testing.T, dir, key string) { link(t, key, dir, "config.worktree") },
		"a branch is a link":        func(t *testing.T, dir, key string) { link(t, key, dir, "refs/heads/linked") },
		"a tag is a link":           func(t *testing.T, dir, key string) { link(t, key, dir, "refs/tags/v9") },
		"the branches are a link":   func(t *testing.T, dir, key string) { link(t, filepath.Dir(key), dir, "refs/heads") },
		"a file of info is a link":  func(t *testing.T, dir, key string) { link(t, key, dir, "info/attributes") },
		"objects/info is a link":    func(t *testing.T, dir, key string) { link(t, filepath.Dir(key), dir, "objects/info") },
		"a pack is a link":          func(t *testing.T, dir, key string) { link(t, key, dir, "objects/pack/pack-1.idx") },
		"loose objects are a link":  func(t *testing.T, dir, key string) { link(t, filepath.Dir(key), dir, "objects/ff") },
		"a link that leads nowhere": func(t *testing.T, dir, _ string) { link(t, "/none", dir, "refs/heads/none") },
		"shallow is a pipe":         func(t *testing.T, dir, _ string) { must(t, syscall.Mkfifo(filepath.Join(dir, "shallow"), 0o600)) },
		"alternates":                func(t *testing.T, dir, key string) { file(t, filepath.Dir(key), dir, "objects/info/alternates") },
		"alternates by HTTP":        func(t *testing.T, dir, key string) { file(t, "http://localhost/", dir, "objects/info/http-alternates") },
		"commondir":                 func(t *testing.T, dir, key string) { file(t, filepath.Dir(key), dir, "commondir") },
		"settings include a file":   func(t *testing.T, dir, key string) { file(t, "[include]\n\tpath = "+key+"\n", dir, "config") },
		"include beside a section":  func(t *testing.T, dir, key string) { file(t, "[core][INCLUDE]path="+key+"\n", dir, "config") },
		"settings include a file if": func(t *testing.T, dir, key string) {
			file(t, "[includeIf \"gitdir:/**\"]\npath="+key+"\n", dir, "config")
		},
		"settings of the work tree":     func(t *testing.T, dir, key string) { file(t, "[include]\npath="+key+"\n", dir, "config.worktree") },
		"settings without an end":       func(t *testing.T, dir, _ string) { file(t, strings.Repeat("#", maxConfig+1), dir, "config") },
		"a shallow file of other words": func(t *testing.T, dir, _ string) { file(t, secret+"\n", dir, "shallow") },
		"packed-refs of other words":    func(t *testing.T, dir, _ string) { file(t, secret+"\n", dir, "packed-refs") },
		"settings of other words":       func(t *testing.T, dir, _ string) { file(t, secret+"\n", dir, "config") },
		"a branch of other words":       func(t *testing.T, dir, _ string) { file(t, secret+"\n", dir, "refs/heads/main") },
	} {
		t.Run(name, func(t *testing.T) {
			r, mark := story(t)
			key := filepath.Join(t.TempDir(), "evidence.key")
			must(t, os.WriteFile(key, []byte(secret+"\n"), 0o600))
			change(t, r.path(), key)
			for _, k := range everyKind {
				snap := reading(t, source(t, transport.Options{}, r.path()), r.path(), k, storyWindow(k, mark))
				if k == kindTag && strings.HasPrefix(name, "a branch of") {
					continue // tags are whole without it
				}
				if snap.Err == nil {
					t.Fatalf("%s was read", k)
				}
				if kept := canonical(t, snap.Exchanges) + canonical(t, snap.Records) + snap.Err.Error(); strings.Contains(kept, "stolen") {
					t.Errorf("%s keeps the key: %s", k, kept)
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// link puts a link in the place of a file or folder of the repository.
func link(t *testing.T, to, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	must(t, os.RemoveAll(path))
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.Symlink(to, path))
}

func file(t *testing.T, text, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// TestForms: a work tree, its .git folder and a bare repository are all repositories;
// the work tree that is linked to another one is none.
func TestForms(t *testing.T) {
	r, _ := story(t)
	bare := filepath.Join(t.TempDir(), "product.git")
	r.git("clone", "-q", "--bare", r.dir, bare)
	linked := filepath.Join(t.TempDir(), "linked")
	r.git("worktree", "add", "-q", linked)
	for path, refusal := range map[string]string{r.dir: "", r.path(): "", bare: "", linked: "name the repository that it belongs to", t.TempDir(): "is not a git repository", filepath.Join(bare, "config"): "is no folder", "/none.git": "no such folder"} {
		snap := reading(t, source(t, transport.Options{}, path), path, kindTag, evidence.Window{})
		switch {
		case refusal == "" && (snap.Err != nil || len(snap.Records) != 1):
			t.Errorf("%s: %d tags, %v", path, len(snap.Records), snap.Err)
		case refusal != "" && (snap.Err == nil || !strings.Contains(snap.Err.Error(), refusal)):
			t.Errorf("%s: %v, want %q", path, snap.Err, refusal)
		}
	}
}

// ownedBy is a folder of a user.
type ownedBy struct {
	fs.FileInfo
	uid uint32
}

func (o ownedBy) Sys() any { return &syscall.Stat_t{Uid: o.uid} }

// TestOwners: a repository of another user is read only if the configuration names the user.
func TestOwners(t *testing.T) {
	self, other := uint32(os.Geteuid()), uint32(os.Geteuid())+12345
	name := strconv.FormatUint(uint64(other), 10)
	for _, c := range []struct {
		owners []string
		uid    uint32
		want   bool
	}{{nil, self, true}, {nil, 0, true}, {nil, other, false}, {[]string{"no-such-user", "1" + name}, other, false}, {[]string{name}, other, true}, {[]string{name}, self, true}} {
		if got := trusted(c.owners)(ownedBy{uid: c.uid}); got != c.want {
			t.Errorf("owners %v, a folder of %d: %t", c.owners, c.uid, got)
		}
	}
	r, _ := story(t)
	_, err := vetter{func(fs.FileInfo) bool { return false }}.folder(r.dir)
	if !errors.Is(err, collectors.ErrDenied) || !strings.Contains(err.Error(), "owners") {
		t.Errorf("a repository of a user who is not trusted: %v", err)
	}
}
