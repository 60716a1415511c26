package anchor_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	cosign "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/anchor/witness"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLog makes a store with a key made from seed.
func newLog(t testing.TB, seed byte) *store.Store {
	t.Helper()
	key, err := store.NewKey("evidenced/acme", bytes.NewReader(bytes.Repeat([]byte{seed}, 64)))
	must(t, err)
	s, err := store.Open(filepath.Join(t.TempDir(), "e.db"), store.Options{Key: key})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// grow appends entries that are no anchors.
func grow(t testing.TB, s *store.Store, what string, n int) {
	t.Helper()
	for i := range n {
		must(t, s.Append(context.Background(), func(w evidence.Writer) error {
			e, err := evidence.WithBody(evidence.EntryAgent, map[string]any{"event": fmt.Sprint(what, i)})
			if err == nil {
				_, err = w.Entry(e)
			}
			return err
		}))
	}
}

func run(t testing.TB, s *store.Store, places ...anchor.Place) []evidence.Anchor {
	t.Helper()
	out, err := anchor.Run(context.Background(), s, places)
	must(t, err)
	return out
}

// broken is a place that is not there.
type broken struct{ anchor.Folder }

func (broken) Name() string { return "broken" }

func (broken) Show(context.Context, anchor.Checkpoint) (anchor.Receipt, error) {
	return anchor.Receipt{}, errors.New("no \x1b[31mroute")
}

func TestRun(t *testing.T) {
	s, dir := newLog(t, 1), t.TempDir()
	if _, err := anchor.Run(context.Background(), s, nil); err == nil {
		t.Fatal("an empty log was shown")
	}
	grow(t, s, "a", 3)
	folder := anchor.NewFolder("vault", dir)
	shown := run(t, s, folder, broken{folder})
	if len(shown) != 2 || shown[0].Error != "" || shown[0].Size != 3 || strings.Contains(shown[1].Error, "\x1b") || !strings.Contains(shown[1].Error, "route") {
		t.Fatalf("%+v", shown)
	}
	if again := run(t, s, folder); len(again) > 0 {
		t.Fatalf("shown again, though nothing but anchors came: %+v", again)
	}
	if again := run(t, s, broken{folder}); len(again) != 1 {
		t.Fatal("what failed is not tried again")
	}
	grow(t, s, "b", 1)
	if next := run(t, s, folder); len(next) != 1 || next[0].Size != 7 {
		t.Fatalf("%+v", next)
	}
	n := 0
	for e, err := range s.Entries(0) {
		must(t, err)
		if e.Type == evidence.EntryAnchor {
			n++
		}
	}
	if n != 4 {
		t.Fatalf("%d anchors in the log", n)
	}
	r, err := s.Check(context.Background())
	if err != nil || !r.OK() {
		t.Fatal(err, r.Problems)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	s := newLog(t, 1)
	grow(t, s, "a", 2)
	a := run(t, s, anchor.NewFolder("vault", dir))[0]
	b, err := os.ReadFile(filepath.Join(dir, string(a.Receipt)))
	if err != nil || evidence.HashOf(b) != a.Digest {
		t.Fatalf("%q: %v", a.Receipt, err)
	}
	other := newLog(t, 2) // of the same name and size
	grow(t, other, "b", 2)
	if a := run(t, other, anchor.NewFolder("vault", dir))[0]; !strings.Contains(a.Error, "was rewritten") {
		t.Errorf("a fork: %q", a.Error)
	}
	grow(t, other, "b", 3) // longer than what was seen
	if a := run(t, other, anchor.NewFolder("vault", dir))[0]; !strings.Contains(a.Error, "was rewritten") {
		t.Errorf("a fork of another size: %q", a.Error)
	}
	grow(t, s, "a", 4)
	if a := run(t, s, anchor.NewFolder("vault", dir))[0]; a.Error != "" || a.Size != 7 {
		t.Errorf("what continues: %+v", a)
	}
	short := newLog(t, 1)
	grow(t, short, "a", 1)
	if a := run(t, short, anchor.NewFolder("vault", dir))[0]; !strings.Contains(a.Error, "it was cut") {
		t.Errorf("a cut log: %q", a.Error)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "evidenced-acme")); err != nil || len(files) != 2 {
		t.Errorf("%v: %v", files, err)
	}
	if a := run(t, other, anchor.NewFolder("gone", filepath.Join(dir, "nowhere")))[0]; !strings.Contains(a.Error, "mount or make it") {
		t.Errorf("no folder: %q", a.Error)
	}
}

func TestGit(t *testing.T) {
	bare := filepath.Join(t.TempDir(), "anchors.git")
	out, err := exec.Command("git", "init", "--quiet", "--bare", bare).CombinedOutput()
	if err != nil {
		t.Fatalf("git: %v %s", err, out)
	}
	g, err := anchor.NewGit("repo", bare, "checkpoints")
	must(t, err)
	s := newLog(t, 1)
	for i := range 3 {
		grow(t, s, fmt.Sprint(i), 2)
		a := run(t, s, g)[0]
		if a.Error != "" {
			t.Fatal(a.Error)
		}
		name := anchor.FileName(anchor.Checkpoint{Origin: "evidenced/acme", Size: a.Size})
		show := exec.Command("git", "-C", bare, "show", string(a.Receipt)+":"+name)
		b, err := show.Output()
		if err != nil || evidence.HashOf(b) != a.Digest {
			t.Fatalf("commit %s: %v", a.Receipt, err)
		}
	}
	log, err := exec.Command("git", "-C", bare, "log", "--format=%s", "checkpoints").Output()
	if err != nil || strings.Count(string(log), "\n") != 3 {
		t.Fatalf("%s %v", log, err)
	}
	other := newLog(t, 2)
	grow(t, other, "x", 2)
	if a := run(t, other, g)[0]; !strings.Contains(a.Error, "was rewritten") {
		t.Errorf("a fork: %q", a.Error)
	}
	grow(t, other, "y", 30)
	if a := run(t, other, g)[0]; !strings.Contains(a.Error, "was rewritten") {
		t.Errorf("a fork of another size: %q", a.Error)
	}
	missing, err := anchor.NewGit("repo2", filepath.Join(t.TempDir(), "no.git"), "x")
	must(t, err)
	if a := run(t, other, missing)[0]; a.Error == "" || strings.ContainsFunc(a.Error, unicode.IsControl) || strings.ContainsRune(a.Error, unicode.ReplacementChar) {
		t.Errorf("pushed to nowhere: %q", a.Error)
	}
	for named, to := range map[string]string{"git@example.com:a/b.git": "git@example.com:a/b.git", "ssh://h/b": "ssh://h/b", "/srv/b": "/srv/b"} {
		if g, err := anchor.NewGit("x", named, "main"); err != nil || g.To() != to+" main" {
			t.Errorf("%s: %s, %v", named, g.To(), err)
		}
	}
	t.Chdir(filepath.Dir(bare))
	near, err := anchor.NewGit("near", "anchors.git", "near")
	must(t, err)
	if a := run(t, s, near)[0]; a.Error != "" {
		t.Errorf("a path from here: %q", a.Error)
	}
	for _, bad := range [][2]string{{"--upload-pack=touch /tmp/x", "b"}, {"ext::sh -c id", "b"}, {"repo", "-b"}, {"", "b"}, {"repo", ""}} {
		if _, err := anchor.NewGit("bad", bad[0], bad[1]); err == nil {
			t.Errorf("%q taken", bad)
		}
	}
}

// newWitness starts a witness that knows these logs.
func newWitness(t testing.TB, folder string, logs ...*store.Store) (url, vkey string) {
	t.Helper()
	signer, vkey, err := witness.Key(filepath.Join(folder, "witness.key"), "witness.example")
	must(t, err)
	var keys []string
	for _, l := range logs {
		keys = append(keys, l.VerifierKey())
	}
	s, err := witness.New(signer, filepath.Join(folder, "state"), keys, nil)
	must(t, err)
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv.URL, vkey
}

func witnessed(t testing.TB, s *store.Store, url, vkey string) evidence.Anchor {
	t.Helper()
	w, err := anchor.NewWitness("auditor", url, vkey, s)
	must(t, err)
	out := run(t, s, w)
	if len(out) != 1 {
		t.Fatalf("%d showings", len(out))
	}
	return out[0]
}

// TestWitness shows a growing log, over a restart of the witness, and then a fork.
func TestWitness(t *testing.T) {
	folder := t.TempDir()
	s := newLog(t, 1)
	url, vkey := newWitness(t, folder, s)
	for i := range 5 {
		if i == 3 {
			url, vkey = newWitness(t, folder, s)
		}
		grow(t, s, fmt.Sprint(i), 1+i)
		a := witnessed(t, s, url, vkey)
		if a.Error != "" || a.At == nil || time.Since(*a.At) > time.Minute {
			t.Fatalf("%+v", a)
		}
	}
	v, err := cosign.NewVerifierForCosignatureV1(vkey)
	must(t, err)
	var last evidence.Anchor
	for e, err := range s.Entries(0) {
		must(t, err)
		if e.Type == evidence.EntryAnchor {
			must(t, e.DecodeBody(evidence.EntryAnchor, &last))
		}
	}
	for cp, err := range s.Checkpoints() {
		must(t, err)
		if cp.Size != last.Size {
			continue
		}
		text, _, _ := strings.Cut(string(cp.Signed), "\n\n")
		if _, err := note.Open([]byte(text+"\n\n"+string(last.Receipt)), note.VerifierList(v)); err != nil {
			t.Fatal(err)
		}
	}
	fork := newLog(t, 1) // the same key, another history
	grow(t, fork, "fork", 40)
	if a := witnessed(t, fork, url, vkey); !strings.Contains(a.Error, "was rewritten") {
		t.Errorf("a fork: %q", a.Error)
	}
	short := newLog(t, 1)
	grow(t, short, "short", 2)
	if a := witnessed(t, short, url, vkey); !strings.Contains(a.Error, "it was cut") {
		t.Errorf("a cut log: %q", a.Error)
	}
	stranger := newLog(t, 9)
	grow(t, stranger, "x", 2)
	if a := witnessed(t, stranger, url, vkey); !strings.Contains(a.Error, "does not know the key") {
		t.Errorf("another key: %q", a.Error)
	}
	_, otherKey := newWitness(t, t.TempDir(), s)
	grow(t, s, "more", 1)
	if a := witnessed(t, s, url, otherKey); !strings.Contains(a.Error, "no cosignature of") {
		t.Errorf("another witness's key: %q", a.Error)
	}
}

// TestWitnessOfAChangedKey: one that knows both keys goes on.
func TestWitnessOfAChangedKey(t *testing.T) {
	s := newLog(t, 1)
	old := s.VerifierKey()
	next, err := store.NewKey("evidenced/acme", bytes.NewReader(bytes.Repeat([]byte{2}, 64)))
	must(t, err)
	folder := t.TempDir()
	signer, vkey, err := witness.Key(filepath.Join(folder, "k"), "w")
	must(t, err)
	srv := httptest.NewServer(mustServer(t, signer, folder, old, next.Verifier))
	defer srv.Close()
	grow(t, s, "a", 3)
	if a := witnessed(t, s, srv.URL, vkey); a.Error != "" {
		t.Fatal(a.Error)
	}
	must(t, s.Rotate(context.Background(), next))
	grow(t, s, "b", 3)
	if a := witnessed(t, s, srv.URL, vkey); a.Error != "" {
		t.Fatal(a.Error)
	}
}

func mustServer(t testing.TB, signer note.Signer, folder string, keys ...string) *witness.Server {
	t.Helper()
	s, err := witness.New(signer, filepath.Join(folder, "state"), keys, nil)
	must(t, err)
	return s
}

// TestWitnessRefuses: what a request may be, and its status.
func TestWitnessRefuses(t *testing.T) {
	s := newLog(t, 1)
	url, _ := newWitness(t, t.TempDir(), s)
	grow(t, s, "a", 3)
	first, _, err := s.Checkpoint()
	must(t, err)
	grow(t, s, "b", 4)
	second, _, err := s.Checkpoint()
	must(t, err)
	proof, err := s.Consistency(3, 7)
	must(t, err)
	lines := ""
	for _, h := range proof {
		lines += base64.StdEncoding.EncodeToString(h[:]) + "\n"
	}
	wrong := strings.Replace(lines, lines[:4], "AAAA", 1)
	strange := newLog(t, 5)
	grow(t, strange, "x", 2)
	foreign, _, err := strange.Checkpoint()
	must(t, err)
	for _, c := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"nothing", "", 400, ""},
		{"no old size", "\n" + string(first), 400, ""},
		{"a size of another form", "old 00\n\n" + string(first), 400, ""},
		{"a negative size", "old -1\n\n" + string(first), 400, ""},
		{"no checkpoint", "old 0\n\n", 400, ""},
		{"a proof that is none", "old 0\nxx\n\n" + string(first), 400, ""},
		{"too long a proof", "old 3\n" + strings.Repeat(lines[:45], 64) + "\n" + string(second), 400, ""},
		{"an old size beyond the new one", "old 9\n\n" + string(first), 400, ""},
		{"another log", "old 0\n\n" + strings.ReplaceAll(string(first), "evidenced/acme", "evidenced/else"), 404, ""},
		{"another key", "old 0\n\n" + string(foreign), 403, ""},
		{"an altered text", "old 0\n\n" + strings.Replace(string(first), "\n3\n", "\n4\n", 1), 403, ""},
		{"an old size that was not seen", "old 3\n" + lines + "\n" + string(second), 409, "0\n"},
		{"a first one with a proof", "old 0\n" + lines + "\n" + string(first), 422, ""},
		{"the first one", "old 0\n\n" + string(first), 200, "— witness.example"},
		{"the same again", "old 3\n\n" + string(first), 200, "— witness.example"},
		{"from the beginning again", "old 0\n\n" + string(first), 409, "3\n"},
		{"a wrong proof", "old 3\n" + wrong + "\n" + string(second), 422, ""},
		{"no proof", "old 3\n\n" + string(second), 422, ""},
		{"the second one", "old 3\n" + lines + "\n" + string(second), 200, "— witness.example"},
		{"back to the first one", "old 3\n\n" + string(first), 409, "7\n"},
		{"too large", "old 0\n\n" + strings.Repeat("x", 1<<20), 400, ""},
	} {
		res, err := http.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(c.body))
		must(t, err)
		var b bytes.Buffer
		_, err = b.ReadFrom(res.Body)
		must(t, errors.Join(err, res.Body.Close()))
		if res.StatusCode != c.status || !strings.HasPrefix(b.String(), c.says) {
			t.Errorf("%s: %d %.100q, want %d %q", c.name, res.StatusCode, b.String(), c.status, c.says)
		}
		if res.StatusCode == 409 && res.Header.Get("Content-Type") != "text/x.tlog.size" {
			t.Errorf("%s: %s", c.name, res.Header.Get("Content-Type"))
		}
	}
	if res, err := http.Get(url + "/add-checkpoint"); err != nil || res.StatusCode != 405 {
		t.Errorf("GET: %v", err)
	}
}

// TestWitnessTwoForksAtOnce: of two logs that both continue what was seen, one is signed.
func TestWitnessTwoForksAtOnce(t *testing.T) {
	for range 10 {
		a, b := newLog(t, 1), newLog(t, 1)
		url, vkey := newWitness(t, t.TempDir(), a)
		grow(t, a, "a", 2)
		grow(t, b, "b", 2)
		var wg sync.WaitGroup
		out := make([]evidence.Anchor, 2)
		for i, s := range []*store.Store{a, b} {
			wg.Go(func() { out[i] = witnessed(t, s, url, vkey) })
		}
		wg.Wait()
		if (out[0].Error == "") == (out[1].Error == "") {
			t.Fatalf("%q and %q", out[0].Error, out[1].Error)
		}
	}
}

// TestWitnessKey: made once, read again, refused when it is damaged.
func TestWitnessKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	_, vkey, err := witness.Key(path, "auditor.example")
	must(t, err)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", fi.Mode(), err)
	}
	if _, again, err := witness.Key(path, "other"); err != nil || again != vkey {
		t.Fatalf("%s, %v", again, err)
	}
	if k, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2]); err != nil || len(k) != 1+ed25519.PublicKeySize || k[0] != 4 {
		t.Fatalf("%x %v", k, err)
	}
	for _, bad := range []string{"", "x", "x y", "PRIVATE+KEY+a+b+c\n" + vkey} {
		must(t, os.WriteFile(path, []byte(bad), 0o600))
		if _, _, err := witness.Key(path, "x"); err == nil || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, name := range []string{"", "a b", "a+b"} {
		if _, _, err := witness.Key(filepath.Join(t.TempDir(), "k"), name); err == nil {
			t.Errorf("a key called %q", name)
		}
	}
}

// TestDamagedState: a witness that does not know what it signed signs nothing.
func TestDamagedState(t *testing.T) {
	folder := t.TempDir()
	s := newLog(t, 1)
	url, vkey := newWitness(t, folder, s)
	grow(t, s, "a", 2)
	witnessed(t, s, url, vkey)
	files, err := filepath.Glob(filepath.Join(folder, "state", "*.seen"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	must(t, os.WriteFile(files[0], []byte("evidenced/acme\n1\n"), 0o600))
	grow(t, s, "b", 2)
	w, err := anchor.NewWitness("again", url, vkey, s)
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	out, err := anchor.Run(ctx, s, []anchor.Place{w})
	must(t, err)
	if out[0].Error == "" {
		t.Fatal("signed")
	}
}
