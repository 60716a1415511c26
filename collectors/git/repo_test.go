package git

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// day is the first day of the period in these tests.
var day = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// repo is a real repository, made by git.
type repo struct {
	t   testing.TB
	dir string
	now time.Time // of the next commit
}

// newRepo makes a clone's repository with an empty branch main.
func newRepo(t testing.TB) *repo {
	t.Helper()
	r := &repo{t: t, dir: filepath.Join(t.TempDir(), "product"), now: day.Add(time.Hour)}
	if out, err := exec.Command("git", "init", "-q", "-b", "main", r.dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	return r
}

func (r *repo) path() string { return filepath.Join(r.dir, ".git") }

// env is an environment in which git depends on nothing of this machine.
func (r *repo) env() []string {
	at := fmt.Sprintf("%d +0200", r.now.Unix())
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann Author", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_AUTHOR_DATE="+at,
		"GIT_COMMITTER_NAME=Bob Builder", "GIT_COMMITTER_EMAIL=bob@example.com", "GIT_COMMITTER_DATE="+at)
}

// git runs git in the repository and gives what it says.
func (r *repo) git(args ...string) string {
	r.t.Helper()
	return r.feed("", args...)
}

func (r *repo) feed(input string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir}, args...)...)
	cmd.Env, cmd.Stdin = r.env(), strings.NewReader(input)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("git %q: %v: %s", args, err, complaint.String())
	}
	return strings.TrimSpace(out.String())
}

// commit makes a commit an hour after the last one, and returns its name.
func (r *repo) commit(message string) string {
	r.t.Helper()
	r.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message)
	r.now = r.now.Add(time.Hour)
	return r.git("rev-parse", "HEAD")
}

// dated makes a commit that claims another time.
func (r *repo) dated(at time.Time, message string) string {
	r.t.Helper()
	was := r.now
	r.now = at
	sha := r.commit(message)
	r.now = was
	return sha
}

// source opens the source over repositories.
func source(t testing.TB, opt transport.Options, paths ...string) *transport.Source {
	t.Helper()
	cfg := newConfig()
	cfg.Repositories = paths
	return sourceOf(t, opt, cfg)
}

func sourceOf(t testing.TB, opt transport.Options, cfg *Config) *transport.Source {
	t.Helper()
	src, err := transport.Open(Spec(), cfg, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// reading reads one kind of one repository in a visit of its own.
func reading(t testing.TB, src *transport.Source, path string, k evidence.Kind, w evidence.Window) transport.Snapshot {
	t.Helper()
	scope := evidence.Scope(path)
	if k == kindRepository {
		scope = src.Collector().RootScope()
	}
	return src.Visit(context.Background(), scope).Capture(context.Background(), k, w)
}

// read reads one kind that must be complete.
func read(t testing.TB, path string, k evidence.Kind, w evidence.Window) transport.Snapshot {
	t.Helper()
	snap := reading(t, source(t, transport.Options{}, path), path, k, w)
	if snap.Err != nil || !snap.Certificate.Complete {
		t.Fatalf("%s: %v", k, snap.Err)
	}
	return snap
}

// window is day n of the period, after a mark.
func window(n int, mark string) evidence.Window {
	return evidence.Window{From: day.AddDate(0, 0, n), To: day.AddDate(0, 0, n+1), After: mark}
}

// ids returns the ids of records.
func ids(records []evidence.Record) map[string]bool {
	m := map[string]bool{}
	for _, r := range records {
		m[r.ID] = true
	}
	return m
}

// one returns the record with the id.
func one(t testing.TB, records []evidence.Record, id string) evidence.Record {
	t.Helper()
	for _, r := range records {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("no record %q among %d", id, len(records))
	return evidence.Record{}
}

// canonical returns the canonical form of something.
func canonical(t testing.TB, v any) string {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
