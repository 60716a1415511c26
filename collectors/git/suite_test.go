package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

func TestDeclaration(t *testing.T) { collectortest.Check(t, Spec()) }

// planted is a credential that must never be kept.
const planted = "pl4nted-cr3dential"

// story is a repository that has all kinds to show, and the mark before its last move.
func story(t testing.TB) (*repo, string) {
	r := newRepo(t)
	r.git("remote", "add", "origin", "https://reader:"+planted+"@Git.Example.com/acme/product.git?private_token="+planted)
	r.commit("begin")
	mark := r.commit("lost") + " main"
	r.git("tag", "v1")
	r.git("reset", "-q", "--hard", "HEAD~1")
	r.commit("see https://bot:" + planted + "@ci.example.com/1?access_token=" + planted + "&page=2 (#3)")
	return r, mark
}

var everyKind = []evidence.Kind{kindRepository, kindCommit, kindUpdate, kindTag}

func storyWindow(k evidence.Kind, mark string) evidence.Window {
	if k == kindCommit || k == kindUpdate {
		return window(1, mark)
	}
	return evidence.Window{}
}

// TestStory: every kind is read whole, without the planted credential, and the
// recording alone gives the same records. What is declared is asked.
func TestStory(t *testing.T) {
	r, mark := story(t)
	asked := map[string]bool{callList: true} // of a first reading only; see TestCommit
	for _, k := range everyKind {
		w := storyWindow(k, mark)
		snap := read(t, r.path(), k, w)
		if len(snap.Records) == 0 || !strings.HasPrefix(snap.Certificate.Principal, "uid ") || !slices.Equal(snap.Certificate.Endpoints, []string{"exec:git", "exec:id"}) {
			t.Errorf("%s: %d records, certificate %+v", k, len(snap.Records), snap.Certificate)
		}
		if kept := canonical(t, snap.Exchanges) + canonical(t, snap.Records); strings.Contains(kept, planted) {
			t.Errorf("%s keeps the credential: %s", k, kept)
		}
		again := reading(t, source(t, transport.Replay(snap.Exchanges), r.path()), r.path(), k, w)
		if again.Err != nil || canonical(t, again.Records) != canonical(t, snap.Records) || again.Certificate.Mark != snap.Certificate.Mark {
			t.Errorf("%s differs when it is played back: %v", k, again.Err)
		}
		for _, x := range snap.Exchanges {
			asked[x.Call] = true
		}
	}
	for _, c := range Spec().Calls {
		if !asked[c.Name] {
			t.Errorf("%s is declared, and not asked", c.Name)
		}
	}
}

func TestOrigin(t *testing.T) {
	r, _ := story(t)
	want(t, read(t, r.path(), kindRepository, evidence.Window{}).Records[0], map[string]any{"origin": "git.example.com/acme/product"})
	for remote, origin := range map[string]string{
		"git@github.com:acme/product.git": "github.com/acme/product", "ssh://git@github.com:22/acme/product": "github.com/acme/product",
		"/srv/git/product.git": "", "file:///srv/git/product.git": "", "../product": "",
	} {
		if got := hostedAs(remote); got != origin {
			t.Errorf("%s: %q, want %q", remote, got, origin)
		}
	}
}

// TestFaults: a broken call leaves no stream that needs it complete.
func TestFaults(t *testing.T) {
	r, mark := story(t)
	faults := map[string]struct {
		class  error
		change func(collectors.Reply) (collectors.Reply, error)
	}{
		"refused": {collectors.ErrDenied, func(collectors.Reply) (collectors.Reply, error) {
			return collectors.Reply{Exit: 128, Err: "fatal: cannot open: Permission denied"}, nil
		}},
		"broken": {collectors.ErrIncomplete, func(collectors.Reply) (collectors.Reply, error) {
			return collectors.Reply{Exit: 128, Err: "error: object file is empty"}, nil
		}},
		"gone": {collectors.ErrUnreachable, func(collectors.Reply) (collectors.Reply, error) {
			return collectors.Reply{}, errors.New("executable file not found")
		}},
		"other": {collectors.ErrIncomplete, func(r collectors.Reply) (collectors.Reply, error) {
			return collectors.Reply{Out: "usage: git [-v | --version]\n"}, nil
		}},
	}
	for name, f := range faults {
		for _, c := range Spec().Calls {
			if c.Name == callList || name == "other" && slices.Contains([]string{callUser, callVersion, callHead, callOrigin, callAncestor}, c.Name) {
				continue // any text is an answer to these
			}
			opt := transport.Options{Run: func(ctx context.Context, p transport.Process) (collectors.Reply, error) {
				x, _ := transport.RequestFromContext(ctx)
				reply, err := transport.RunProgram(ctx, p)
				if x.Call == c.Name {
					return f.change(reply)
				}
				return reply, err
			}}
			for _, k := range everyKind {
				if len(c.Kinds) > 0 && !slices.Contains(c.Kinds, k) {
					continue
				}
				snap := reading(t, source(t, opt, r.path()), r.path(), k, storyWindow(k, mark))
				if !errors.Is(snap.Err, f.class) || snap.Certificate.Complete {
					t.Errorf("%s, %s: %s gives %v", name, c.Name, k, snap.Err)
				}
				again := reading(t, source(t, transport.Replay(snap.Exchanges), r.path()), r.path(), k, storyWindow(k, mark))
				if !errors.Is(again.Err, f.class) {
					t.Errorf("%s, %s: %s played back gives %v", name, c.Name, k, again.Err)
				}
			}
		}
	}
}

// TestOneOfMany: an unreadable repository in the middle leaves the others read.
func TestOneOfMany(t *testing.T) {
	a, b := newRepo(t), newRepo(t)
	a.commit("x")
	b.commit("y")
	missing := filepath.Join(t.TempDir(), "missing.git")
	src := source(t, transport.Options{}, a.path(), missing, b.path())
	snap := reading(t, src, "", kindRepository, evidence.Window{})
	if !errors.Is(snap.Err, collectors.ErrIncomplete) || len(snap.Records) != 2 || len(snap.Certificate.Scopes) != 3 {
		t.Errorf("%v, %d records, scopes %+v", snap.Err, len(snap.Records), snap.Certificate.Scopes)
	}
	if got := src.Collector().Scopes(nil); len(got) != 3 {
		t.Errorf("scopes %v", got)
	}
}

// TestNothingRuns: a repository whose settings name programs runs none of them.
func TestNothingRuns(t *testing.T) {
	r, mark := story(t)
	trap := filepath.Join(t.TempDir(), "trap")
	ran := filepath.Join(t.TempDir(), "ran")
	if err := os.WriteFile(trap, []byte("#!/bin/sh\necho ran >> "+ran+"\nexec cat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"core.fsmonitor", "core.pager", "core.editor", "core.askPass", "core.sshCommand", "core.alternateRefsCommand", "gpg.program",
		"gpg.ssh.program", "diff.external", "credential.helper", "pager.rev-list", "pager.for-each-ref", "remote.origin.uploadpack", "alias.rev-list"} {
		r.git("config", name, trap)
	}
	r.git("config", "log.showSignature", "true")
	r.git("config", "extensions.partialClone", "origin")
	hooks := filepath.Join(r.path(), "hooks")
	for _, h := range []string{"post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"} {
		if err := os.MkdirAll(hooks, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(trap, filepath.Join(hooks, h)); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range everyKind {
		read(t, r.path(), k, storyWindow(k, mark))
	}
	if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program of the repository ran: %v", err)
	}
}

// TestReplaced: replacements and grafts do not change what is read.
func TestReplaced(t *testing.T) {
	r := newRepo(t)
	base := r.commit("base")
	evil := r.commit("evil")
	top := r.commit("top")
	r.git("replace", "--graft", top, base)
	if err := os.WriteFile(filepath.Join(r.path(), "info", "grafts"), []byte(top+" "+base+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	one(t, read(t, r.path(), kindCommit, window(0, "")).Records, evil)
}

func TestConfig(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"none":     func(c *Config) { c.Repositories = nil },
		"relative": func(c *Config) { c.Repositories = []string{"product.git"} },
		"climbing": func(c *Config) { c.Repositories = []string{"/srv/../etc"} },
		"twice":    func(c *Config) { c.Repositories = []string{"/srv/a", "/srv/a"} },
		"endpoint": func(c *Config) { c.Common.Endpoint = "https://git.example.com/" },
		"tickets":  func(c *Config) { c.TicketPattern = "(" },
	} {
		cfg := newConfig()
		cfg.Repositories = []string{"/srv/git/product.git"}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		if set(cfg); cfg.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
