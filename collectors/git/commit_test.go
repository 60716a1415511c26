package git

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// want compares the attributes of a record that are named.
func want(t *testing.T, r evidence.Record, attributes map[string]any) {
	t.Helper()
	for k, v := range attributes {
		got, there := r.Attributes[k]
		if v == nil {
			if there {
				t.Errorf("%s: %s is %v, want it absent", r.ID, k, got)
			}
			continue
		}
		if !there || canonical(t, got) != canonical(t, v) {
			t.Errorf("%s: %s is %v, want %v", r.ID, k, got, v)
		}
	}
}

func TestCommit(t *testing.T) {
	r := newRepo(t)
	first := r.commit("ENG-1 begin\n\nFor OPS-22 and ENG-1.")
	second := r.commit("Add a thing (#17)\n\nWith care.\n\nCo-authored-by: Cleo <cleo@example.com>\nCo-Authored-By: Dan <dan@example.com>")
	third := r.commit("Revert \"Add a thing (#17)\"\n\nThis reverts commit " + second + ".")
	records := read(t, r.path(), kindCommit, window(0, "")).Records
	if len(records) != 3 {
		t.Fatalf("%d records", len(records))
	}
	want(t, one(t, records, first), map[string]any{
		"repository": r.path(), "branch": "main", "sha": first, "parents": []any{}, "predecessor": nil, "merge": false, "signed": false, "signature_type": nil,
		"author_name": "Ann Author", "author_email": "ann@example.com", "authored_at": "2026-07-01T01:00:00Z",
		"committer_name": "Bob Builder", "committer_email": "bob@example.com", "committed_at": "2026-07-01T01:00:00Z",
		"co_authors": []any{}, "subject": "ENG-1 begin", "tickets": []any{"ENG-1", "OPS-22"}, "pull_request": nil, "reverts": []any{},
	})
	want(t, one(t, records, second), map[string]any{
		"parents": []any{first}, "predecessor": first, "pull_request": int64(17),
		"co_authors": []any{map[string]any{"name": "Cleo", "email": "cleo@example.com"}, map[string]any{"name": "Dan", "email": "dan@example.com"}},
	})
	want(t, one(t, records, third), map[string]any{"reverts": []any{second}, "pull_request": nil})
	if at := one(t, records, second).Effective; at == nil || !at.Equal(day.Add(2*time.Hour)) {
		t.Errorf("effective %v", at)
	}
}

// TestMerges: merges of two and more parents, squashes and fast-forwards; only
// first parents count.
func TestMerges(t *testing.T) {
	r := newRepo(t)
	base := r.commit("base")
	side := func(name string) string {
		r.git("checkout", "-q", "-b", name, base)
		sha := r.commit("work on " + name)
		r.git("checkout", "-q", "main")
		return sha
	}
	a, b, c, d := side("a"), side("b"), side("c"), side("d")
	r.git("merge", "-q", "--no-ff", "-m", "Merge pull request #7 from acme/a", "a")
	two := r.git("rev-parse", "HEAD")
	r.git("merge", "-q", "-m", "Merge branches 'b' and 'c'\n\nSee merge request acme/product!8", "b", "c")
	octopus := r.git("rev-parse", "HEAD")
	r.git("merge", "-q", "--squash", "d")
	squash := r.commit("All of d (#9)")
	records := read(t, r.path(), kindCommit, window(0, "")).Records
	if got := ids(records); !maps.Equal(got, map[string]bool{base: true, two: true, octopus: true, squash: true}) {
		t.Fatalf("got %v", got)
	}
	want(t, one(t, records, two), map[string]any{"merge": true, "parents": []any{base, a}, "predecessor": base, "pull_request": int64(7)})
	want(t, one(t, records, octopus), map[string]any{"merge": true, "parents": []any{two, b, c}, "pull_request": int64(8)})
	want(t, one(t, records, squash), map[string]any{"merge": false, "parents": []any{octopus}, "pull_request": int64(9)})
	if ids(records)[d] {
		t.Error("the squashed commit itself did not reach the branch")
	}
}

// TestDatesLie: what arrives is read once and only once, whatever it claims.
func TestDatesLie(t *testing.T) {
	r := newRepo(t)
	r.dated(day.AddDate(-1, 0, 0), "before the period")
	inside := r.commit("in the window")
	backdated := r.dated(day.AddDate(-5, 0, 0), "dated before all, on top of what is not")
	snap := read(t, r.path(), kindCommit, window(0, ""))
	if got := ids(snap.Records); !maps.Equal(got, map[string]bool{inside: true, backdated: true}) {
		t.Fatalf("first reading: %v", got)
	}
	old := r.dated(day.AddDate(-2, 0, 0), "backdated")
	future := r.dated(day.AddDate(9, 0, 0), "from the future")
	honest := r.dated(day.Add(30*time.Hour), "honest")
	second := read(t, r.path(), kindCommit, window(1, snap.Certificate.Mark))
	for id, at := range map[string]time.Time{old: day.AddDate(0, 0, 1), future: day.AddDate(0, 0, 2).Add(-time.Second), honest: day.Add(30 * time.Hour)} {
		if got := one(t, second.Records, id).Effective; !got.Equal(at) {
			t.Errorf("%s is effective at %s, want %s", id, got, at)
		}
	}
	want(t, one(t, second.Records, old), map[string]any{"committed_at": "2024-07-01T00:00:00Z"})
	third := read(t, r.path(), kindCommit, window(2, second.Certificate.Mark))
	if len(second.Records) != 3 || len(third.Records) != 0 || third.Certificate.Mark != second.Certificate.Mark {
		t.Errorf("read %d, then %d", len(second.Records), len(third.Records))
	}
}

// TestRewritten: of a rewritten history all that is new is read again, and the
// move says what is gone.
func TestRewritten(t *testing.T) {
	r := newRepo(t)
	base := r.commit("base")
	lost := r.commit("lost")
	before := read(t, r.path(), kindCommit, window(0, "")).Certificate.Mark
	if first := read(t, r.path(), kindUpdate, window(0, "")); len(first.Records) != 0 || first.Certificate.Mark != before {
		t.Fatalf("the first reading gives %d updates, mark %q", len(first.Records), first.Certificate.Mark)
	}
	r.git("reset", "-q", "--hard", base)
	instead := r.commit("instead")
	if got := ids(read(t, r.path(), kindCommit, window(1, before)).Records); !maps.Equal(got, map[string]bool{instead: true}) {
		t.Errorf("got %v", got)
	}
	move := read(t, r.path(), kindUpdate, window(1, before)).Records
	want(t, move[0], map[string]any{
		"from": lost, "to": instead, "branch": "main", "from_branch": "main", "from_present": true, "fast_forward": false,
		"added": int64(1), "removed": int64(1), "removed_commits": []any{lost},
	})
	r.git("reflog", "expire", "--expire=all", "--all")
	r.git("gc", "-q", "--prune=now")
	forgotten := read(t, r.path(), kindUpdate, window(1, before)).Records
	want(t, forgotten[0], map[string]any{"from": lost, "from_present": false, "fast_forward": false, "removed": nil, "added": nil})
	if got := ids(read(t, r.path(), kindCommit, window(0, before)).Records); !got[instead] {
		t.Errorf("after the old tip was forgotten: %v", got)
	}
}

// TestMoves: the other ways in which a branch can move.
func TestMoves(t *testing.T) {
	r := newRepo(t)
	base := r.commit("base")
	mark := base + " main"
	next := r.commit("next")
	want(t, read(t, r.path(), kindUpdate, window(1, mark)).Records[0], map[string]any{"fast_forward": true, "added": int64(1), "removed": int64(0)})

	// main becomes the second parent of another line: nothing is lost, and yet the
	// line of first parents is another one.
	r.git("checkout", "-q", "-b", "other", base)
	other := r.commit("other")
	r.git("merge", "-q", "--no-ff", "-m", "Merge main", "main")
	foxtrot := r.git("rev-parse", "HEAD")
	r.git("branch", "-q", "-f", "main", "HEAD")
	r.git("checkout", "-q", "main")
	want(t, read(t, r.path(), kindUpdate, window(1, next+" main")).Records[0], map[string]any{
		"fast_forward": true, "removed": int64(1), "removed_commits": []any{next}, "added": int64(2)})
	if got := ids(read(t, r.path(), kindCommit, window(1, next+" main")).Records); !maps.Equal(got, map[string]bool{other: true, foxtrot: true}) {
		t.Errorf("got %v", got)
	}

	// The same move at another time is another move.
	first, again := read(t, r.path(), kindUpdate, window(1, mark)).Records[0], read(t, r.path(), kindUpdate, window(5, mark)).Records[0]
	if first.ID == again.ID {
		t.Errorf("two moves share the id %s", first.ID)
	}

	// Another branch becomes the protected one.
	r.git("checkout", "-q", "-b", "trunk", next)
	want(t, read(t, r.path(), kindUpdate, window(1, foxtrot+" main")).Records[0], map[string]any{
		"from_branch": "main", "branch": "trunk", "fast_forward": false, "removed": int64(2)})

	// A commit that was once merged becomes one of the line itself.
	r.git("checkout", "-q", "-B", "main", other)
	if got := ids(read(t, r.path(), kindCommit, window(1, other+" main")).Records); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// TestStrange: what repositories may hold, and be.
func TestStrange(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		r := newRepo(t)
		for _, k := range []evidence.Kind{kindCommit, kindUpdate, kindTag} {
			if snap := read(t, r.path(), k, window(0, "")); len(snap.Records) != 0 || snap.Certificate.Mark != "" {
				t.Errorf("%s: %d records, mark %q", k, len(snap.Records), snap.Certificate.Mark)
			}
		}
		want(t, read(t, r.path(), kindRepository, evidence.Window{}).Records[0], map[string]any{"empty": true, "tip": nil, "branches": []any{}})
	})
	t.Run("emptied", func(t *testing.T) {
		r := newRepo(t)
		mark := r.commit("was here") + " main"
		r.git("update-ref", "-d", "refs/heads/main")
		incomplete(t, r.path(), kindCommit, mark)
		incomplete(t, r.path(), kindUpdate, mark)
	})
	t.Run("detached", func(t *testing.T) {
		r := newRepo(t)
		r.git("checkout", "-q", "--detach", r.commit("x"))
		want(t, read(t, r.path(), kindRepository, evidence.Window{}).Records[0], map[string]any{"head": nil, "tip": nil})
		incomplete(t, r.path(), kindCommit, "")
		cfg := newConfig()
		cfg.Repositories, cfg.Branch = []string{r.path()}, "main"
		if snap := reading(t, sourceOf(t, transport.Options{}, cfg), r.path(), kindCommit, window(0, "")); snap.Err != nil || len(snap.Records) != 1 {
			t.Errorf("with the branch named: %v", snap.Err)
		}
	})
	t.Run("unborn", func(t *testing.T) {
		r := newRepo(t)
		r.commit("x")
		r.git("symbolic-ref", "HEAD", "refs/heads/nowhere")
		want(t, read(t, r.path(), kindRepository, evidence.Window{}).Records[0], map[string]any{"head": nil})
		incomplete(t, r.path(), kindCommit, "")
	})
	t.Run("bare", func(t *testing.T) {
		r := newRepo(t)
		sha := r.commit("x")
		bare := t.TempDir() + "/copy.git"
		r.git("clone", "-q", "--bare", r.dir, bare)
		one(t, read(t, bare, kindCommit, window(0, "")).Records, sha)
		rec := read(t, bare, kindRepository, evidence.Window{}).Records[0]
		want(t, rec, map[string]any{"bare": true, "branch": "main", "tip": sha, "origin": nil})
		if rec.Name != "copy" {
			t.Errorf("name %q", rec.Name)
		}
	})
	t.Run("shallow", func(t *testing.T) {
		r := newRepo(t)
		r.commit("x")
		r.commit("y")
		shallow := t.TempDir() + "/copy.git"
		r.git("clone", "-q", "--bare", "--depth=1", "file://"+r.dir, shallow)
		want(t, read(t, shallow, kindRepository, evidence.Window{}).Records[0], map[string]any{"shallow": true})
		incomplete(t, shallow, kindCommit, "")
		incomplete(t, shallow, kindUpdate, "")
	})
	t.Run("no repository", func(t *testing.T) { incomplete(t, t.TempDir(), kindCommit, "") })
	t.Run("the folder of a clone", func(t *testing.T) {
		r := newRepo(t)
		sha := r.commit("x")
		one(t, read(t, r.dir, kindCommit, window(0, "")).Records, sha)
		incomplete(t, filepath.Join(r.path(), "refs"), kindCommit, "") // nothing is looked for above
	})
	t.Run("commits as no git makes them", func(t *testing.T) {
		r := newRepo(t)
		x := r.commit("x")
		tree := r.git("rev-parse", x+"^{tree}")
		bad := func(text string) string {
			sha := r.feed(text, "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
			r.git("update-ref", "refs/heads/main", sha)
			return sha
		}
		bare := bad("tree " + tree + "\nparent " + x + "\n\nno author at all\n")
		signed := bad("tree " + tree + "\nparent " + bare + "\nauthor A\xff <a\xfe@x> 99999999999999999999 +0000\ncommitter <> 1782900000 +0000\n" +
			"gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n\nnot UTF-8: \xe4\xf6\n")
		latin := bad("tree " + tree + "\nparent " + signed + "\nauthor J\xf6rg <j@x> 1782900000 +0000\ncommitter J\xf6rg <j@x> 1782900000 +0000\nencoding ISO-8859-1\n\nGr\xfc\xdfe\n")
		records := read(t, r.path(), kindCommit, window(0, "")).Records
		want(t, one(t, records, bare), map[string]any{"author_name": nil, "committer_name": nil, "committed_at": nil, "subject": "no author at all"})
		want(t, one(t, records, signed), map[string]any{"signed": true, "signature_type": "ssh", "author_name": "A\uFFFD", "authored_at": nil, "committer_name": nil, "subject": "not UTF-8: \uFFFD"})
		want(t, one(t, records, latin), map[string]any{"author_name": "Jörg", "subject": "Grüße"})
	})
}

// incomplete: the stream is not read whole, and says so.
func incomplete(t *testing.T, path string, k evidence.Kind, mark string) {
	t.Helper()
	snap := reading(t, source(t, transport.Options{}, path), path, k, window(0, mark))
	if !errors.Is(snap.Err, collectors.ErrIncomplete) || snap.Certificate.Complete || snap.Certificate.Mark != "" {
		t.Errorf("%s: %v, mark %q", k, snap.Err, snap.Certificate.Mark)
	}
}

func TestTags(t *testing.T) {
	r := newRepo(t)
	sha := r.commit("x")
	r.git("tag", "light")
	r.git("tag", "-m", "the first\n", "v1.0", sha)
	records := read(t, r.path(), kindTag, evidence.Window{}).Records
	if len(records) != 2 {
		t.Fatalf("%d tags", len(records))
	}
	want(t, one(t, records, "refs/tags/light"), map[string]any{"tag": "light", "annotated": false, "target": sha, "target_type": "commit", "tagger_name": nil, "signed": nil})
	want(t, one(t, records, "refs/tags/v1.0"), map[string]any{
		"annotated": true, "target": sha, "target_type": "commit", "signed": false,
		"tagger_name": "Bob Builder", "tagger_email": "bob@example.com", "tagged_at": "2026-07-01T02:00:00Z"})
}

// importCommits makes n commits by fast-import, one a minute from the start on.
func importCommits(r *repo, n int) {
	r.t.Helper()
	var b strings.Builder
	for i := range n {
		msg := fmt.Sprintf("ENG-%d: change %d (#%d)\n\nWhy it was done.\n\nCo-authored-by: Cleo <cleo@example.com>\n", i, i, i+1)
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter Bob Builder <bob@example.com> %d +0000\ndata %d\n%s\n", day.Add(time.Duration(i)*time.Minute).Unix(), len(msg), msg)
	}
	r.feed(b.String(), "fast-import", "--quiet")
}

// TestMany: pages join without hole or overlap.
func TestMany(t *testing.T) {
	const n = 10_000
	r := newRepo(t)
	importCommits(r, n)
	w := evidence.Window{From: day, To: day.AddDate(0, 0, 30)}
	snap := read(t, r.path(), kindCommit, w)
	if c := snap.Certificate; len(snap.Records) != n || c.Pages != n/page || c.Total == nil || *c.Total != n {
		t.Fatalf("%d records, certificate %+v", len(snap.Records), c)
	}
	byPredecessor := map[any]string{}
	for _, rec := range snap.Records {
		byPredecessor[rec.Attributes["predecessor"]] = rec.ID
	}
	if len(byPredecessor) != n { // each follows another, and the first follows none
		t.Errorf("%d predecessors", len(byPredecessor))
	}
	later := read(t, r.path(), kindCommit, evidence.Window{From: day, To: day.AddDate(0, 0, 30), After: r.git("rev-parse", "main~1500") + " main"})
	if len(later.Records) != 1500 || slices.ContainsFunc(later.Records, func(rec evidence.Record) bool { return rec.Attributes["subject"] == "" }) {
		t.Errorf("%d records after a mark", len(later.Records))
	}
}
