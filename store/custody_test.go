package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

var users = evidence.Stream{Source: "aws", Kind: "aws.iam.user", Scope: "111122223333"}

// company makes snapshots of a few users, at random.
type company struct {
	rng   *rand.Rand
	users map[string]string // id -> what is stable
	day   int
}

func newCompany(seed uint64) *company {
	return &company{rng: rand.New(rand.NewPCG(seed, 7)), users: map[string]string{}}
}

// snapshot returns the lines of the next day.
func (c *company) snapshot() string {
	c.day++
	for i := range 40 {
		id := fmt.Sprintf("u%02d", i)
		switch _, there := c.users[id]; {
		case !there && c.rng.IntN(6) == 0, there && c.rng.IntN(12) == 0:
			c.users[id] = fmt.Sprint(c.rng.IntN(100))
		case there && c.rng.IntN(20) == 0:
			delete(c.users, id)
		}
	}
	var b strings.Builder
	for i := range 40 {
		if v, ok := c.users[fmt.Sprintf("u%02d", i)]; ok {
			fmt.Fprintf(&b, `{"attributes":{"group":"%s","last_used":"day %d"},"id":"u%02d","kind":"aws.iam.user","name":"n"}`+"\n", v, c.day-c.rng.IntN(3), i)
		}
	}
	return b.String()
}

// add appends one run with its records and some exchanges.
func add(t testing.TB, s *Store, day int, outcome evidence.Outcome, lines string) {
	t.Helper()
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		of := evidence.Series{Stream: users, Content: evidence.ContentRecords, Volatile: []string{"last_used"}}
		records, err := w.Blob(of, strings.NewReader(lines), strings.Count(lines, "\n"))
		if err != nil {
			return err
		}
		of = evidence.Series{Stream: users, Content: evidence.ContentExchanges}
		x, err := evidence.Lines([]evidence.Exchange{{Call: "iam:ListUsers", Method: "POST", URL: "https://iam.amazonaws.com/", Status: 200, Body: lines, Attempt: 1,
			Started: start.AddDate(0, 0, day), Ended: start.AddDate(0, 0, day)}})
		if err != nil {
			return err
		}
		exchanges, err := w.Blob(of, bytes.NewReader(x), 1)
		if err != nil {
			return err
		}
		_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: users, Due: start.AddDate(0, 0, day), Trigger: evidence.Scheduled},
			Outcome: outcome, Records: &records, Exchanges: &exchanges}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// naive returns the history of a user as a scan over every snapshot tells it.
func naive(t testing.TB, s *Store, id string) (out []string) {
	t.Helper()
	last := ""
	for e, err := range s.Entries(0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Run == nil {
			continue
		}
		now := ""
		for r, err := range s.Records(*e.Run.Records) {
			if errors.Is(err, evidence.ErrErased) {
				now = "erased"
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.ID == id {
				now = fmt.Sprint(r.Attributes["group"])
			}
		}
		if now == "erased" || now == last || now == "" && !e.Run.Outcome.Complete() {
			continue
		}
		last = now
		out = append(out, fmt.Sprintf("%d %s", e.Index, now))
	}
	return out
}

func history(t testing.TB, s *Store, id string) (out []string) {
	t.Helper()
	for st, err := range s.History(users, "", id) {
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		if st.Record != nil {
			text = fmt.Sprint(st.Record.Attributes["group"])
		}
		out = append(out, fmt.Sprintf("%d %s", st.Entry, text))
	}
	return out
}

func checkHistories(t testing.TB, s *Store) {
	t.Helper()
	for i := range 40 {
		id := fmt.Sprintf("u%02d", i)
		if got, want := history(t, s, id), naive(t, s, id); !slices.Equal(got, want) {
			t.Fatalf("%s:\n got %q\nwant %q", id, got, want)
		}
	}
}

// TestAnyLife lives through random days with every verb of the store, plain
// and encrypted, and proves it whole after each.
func TestAnyLife(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			life(t, seed)
		})
	}
}

func life(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	path := filepath.Join(t.TempDir(), "e.db")
	var seal Sealer
	if seed%2 == 1 {
		seal = testSealer(t, byte(seed))
	}
	key, c, clk := testKey(t, "a"), newCompany(seed), &clock{start}
	s := open(t, path, Options{Key: key, Seal: seal, Now: clk.now})
	reopen := func() {
		s = open(t, path, Options{Key: key, Seal: seal, Now: clk.now})
	}
	last, keys := "", 0
	for day := range 120 / slow * min(slow, 3) {
		clk.t = start.AddDate(0, 0, day)
		switch n := rng.IntN(20); {
		case n == 0:
			mustDo(t, s.Close())
			reopen()
		case n == 1:
			mustDo(t, s.Close())
			next := seal
			if rng.IntN(2) == 0 {
				next = testSealer(t, byte(day))
			}
			_, _, err := Compact(context.Background(), path, CompactOptions{Seal: seal, Anew: true, Next: next})
			mustDo(t, err)
			seal = next
			reopen()
		case n == 2:
			mustDo(t, s.Close())
			_, _, err := Compact(context.Background(), path, CompactOptions{Seal: seal})
			mustDo(t, err)
			reopen()
		case n == 3:
			keys++
			key = testKey(t, string(rune('b'+keys)))
			mustDo(t, s.Rotate(context.Background(), key))
		case n == 4:
			_, err := s.Erase(context.Background(), Retention{Policy: "some days", Before: clk.t.AddDate(0, 0, 1-rng.IntN(2)*20)})
			mustDo(t, err)
		case n == 5 && last != "":
			add(t, s, day, evidence.Collected, last) // what was there before
		case n == 6:
			lines := strings.SplitAfter(c.snapshot(), "\n")
			add(t, s, day, evidence.Partial, strings.Join(lines[:len(lines)/2], ""))
		default:
			lines := c.snapshot()
			if rng.IntN(4) == 0 {
				last = lines
			}
			add(t, s, day, evidence.Collected, lines)
		}
		mustCheck(t, s)
	}
	checkHistories(t, s)
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testSealer(t testing.TB, b byte) Sealer {
	t.Helper()
	s, err := NewSealer(bytes.Repeat([]byte{b, 1}, keySize/2))
	mustDo(t, err)
	return s
}

func TestNothingOfASealedStoreCanBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	s := open(t, path, Options{Key: testKey(t, "a"), Seal: testSealer(t, 1)})
	lines := `{"attributes":{"group":"verysecretgroup"},"id":"verysecretuser","kind":"aws.iam.user","name":"n"}` + "\n"
	add(t, s, 0, evidence.Collected, lines)
	mustDo(t, s.Close())
	b, err := os.ReadFile(path)
	mustDo(t, err)
	h := evidence.HashOf([]byte(lines))
	for what, hidden := range map[string][]byte{"an attribute": []byte("verysecretgroup"), "an id": []byte("verysecretuser"), "the hash of a blob": h[:],
		"it in hexadecimal": []byte(h.String()), "a stream": []byte(users.Scope), "a kind": []byte("aws.iam.user"), "the outcome of a run": []byte("collected")} {
		if bytes.Contains(b, hidden) {
			t.Errorf("the file shows %s", what)
		}
	}
	for name, o := range map[string]Options{"none": {}, "another": {Seal: testSealer(t, 2)}} {
		if _, err := Open(path, o); !errors.Is(err, ErrSealed) {
			t.Errorf("key %s: %v", name, err)
		}
	}
	s = open(t, path, Options{Key: testKey(t, "a"), Seal: testSealer(t, 1)})
	mustDo(t, s.Rewrap(context.Background(), testSealer(t, 3)))
	mustDo(t, s.Close())
	if _, err := Open(path, Options{Seal: testSealer(t, 1)}); !errors.Is(err, ErrSealed) {
		t.Errorf("the old wrapping key: %v", err)
	}
	s = open(t, path, Options{Seal: testSealer(t, 3)})
	mustCheck(t, s)
	checkHistories(t, s)
}

// TestBackupWhileWriting copies and checks the store while another goroutine appends.
func TestBackupWhileWriting(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "e.db"), Options{Key: testKey(t, "a")})
	c := newCompany(1)
	for day := range 5 {
		add(t, s, day, evidence.Collected, c.snapshot())
	}
	stop := make(chan struct{})
	done := make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				done <- n
				return
			default:
				addRun(t, s, n, fmt.Sprintf(`{"attributes":{},"id":"x","kind":"aws.iam.user","name":"%d"}`+"\n", n))
			}
		}
	}()
	for i := range 10 {
		copied := filepath.Join(dir, fmt.Sprint("backup", i))
		f, err := os.Create(copied)
		mustDo(t, err)
		_, err = s.Backup(context.Background(), f)
		mustDo(t, errors.Join(err, f.Close()))
		to := filepath.Join(dir, fmt.Sprint("restored", i))
		r, err := Restore(context.Background(), copied, to, nil)
		if err != nil || r.Entries < 5 {
			t.Fatalf("restore: %d entries, %v", r.Entries, err)
		}
		if _, err := Restore(context.Background(), copied, to, nil); err == nil {
			t.Fatal("restored over a store")
		}
	}
	for range 5 {
		mustCheck(t, s)
	}
	close(stop)
	if n := <-done; n == 0 {
		t.Fatal("nothing was appended meanwhile")
	}
	mustCheck(t, s)
}

func TestMigrateFormat1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	before := golden(t, "testdata/format1.db.gz", path)
	if _, err := Open(path, Options{}); !errors.Is(err, ErrOldFormat) {
		t.Fatalf("open: %v", err)
	}
	for _, seal := range []Sealer{nil, testSealer(t, 1)} {
		mustDo(t, os.WriteFile(path, before, 0o600))
		old, err := Migrate(context.Background(), path, seal)
		mustDo(t, err)
		if b, err := os.ReadFile(old); err != nil || !bytes.Equal(b, before) {
			t.Fatalf("the old file was changed (%v)", err)
		}
		mustDo(t, os.Remove(old))
		s := open(t, path, Options{Key: testKey(t, "a"), Seal: seal, Now: func() time.Time { return start.AddDate(1, 0, 0) }})
		if r := mustCheck(t, s); r.Entries != 13 || r.Blobs != 24 || r.Checkpoints != 12 {
			t.Fatalf("%+v", r)
		}
		var seen []string
		for st, err := range s.History(users, "", "arn:aws:iam::111122223333:user/u007") {
			mustDo(t, err)
			seen = append(seen, fmt.Sprint(st.Entry, st.Record != nil))
		}
		// No one knows yet that last_used is volatile, so that each day is a state.
		if want := "0 true 1 true 2 true 3 true 5 true 6 false 10 true 11 true 12 true"; strings.Join(seen, " ") != want {
			t.Fatalf("history %q, want %q", seen, want)
		}
		addRun(t, s, 20, `{"attributes":{},"id":"x","kind":"aws.iam.user","name":"n"}`+"\n")
		mustCheck(t, s)
		mustDo(t, s.Close())
		if _, err := Migrate(context.Background(), path, seal); err == nil {
			t.Fatal("migrated twice")
		}
	}
}

// golden unpacks a store that an older program has written.
func golden(t testing.TB, from, to string) []byte {
	t.Helper()
	f, err := os.Open(from)
	mustDo(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	mustDo(t, err)
	b, err := io.ReadAll(z)
	mustDo(t, err)
	mustDo(t, os.WriteFile(to, b, 0o600))
	return b
}

// TestBadFilesAreLeftAlone: each says what it is, and no byte of it changes.
func TestBadFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.db")
	s := open(t, good, Options{Key: testKey(t, "a")})
	for n := range 30 {
		addRun(t, s, n, fmt.Sprintf(`{"attributes":{"x":"%s"},"id":"x","kind":"aws.iam.user","name":"%d"}`+"\n", strings.Repeat("y", 100*n), n))
	}
	mustDo(t, s.Close())
	whole, err := os.ReadFile(good)
	mustDo(t, err)
	other := filepath.Join(dir, "other.db")
	db, err := bolt.Open(other, 0o600, nil)
	mustDo(t, err)
	mustDo(t, errors.Join(db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }), db.Close()))
	foreign, err := os.ReadFile(other)
	mustDo(t, err)
	key := Options{Key: testKey(t, "a")}
	both := []Options{{}, key}
	cases := map[string]struct {
		bytes []byte
		as    []Options
		want  error
		says  string
	}{
		"empty":          {nil, both, ErrNotAStore, "the file is empty"},
		"one page":       {whole[:1000], both, ErrNotAStore, "1000 bytes only"},
		"cut":            {whole[:(pagesOf(whole)-1)*pageSize], both, ErrDamaged, "it was cut"},
		"cut by byte":    {whole[:pagesOf(whole)*pageSize-1], both, ErrDamaged, "it was cut"},
		"newer":          {withFormat(t, whole, "3"), both, ErrNewFormat, "use a newer evidenced"},
		"older":          {withFormat(t, whole, "1"), both, ErrOldFormat, "evidenced store migrate"},
		"of no one":      {withFormat(t, whole, "x\x1b[2J"), both, ErrNotAStore, "format"},
		"text":           {bytes.Repeat([]byte("no store"), 4096), both, ErrNotAStore, ""},
		"foreign":        {foreign, both, ErrNotAStore, "of another program"},
		"signing key":    {whole, []Options{{Key: testKey(t, "b")}}, ErrWrongKey, "it is signed with"},
		"encryption key": {whole, []Options{{Seal: testSealer(t, 1)}, {Seal: testSealer(t, 1), Key: key.Key}}, ErrPlain, "--reseal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			mustDo(t, os.WriteFile(path, c.bytes, 0o600))
			for _, o := range c.as {
				_, err := Open(path, o)
				if strings.Contains(fmt.Sprint(err), "\x1b") {
					t.Errorf("the message holds what the file says: %q", err)
				}
				if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), path) {
					t.Errorf("%v", err)
				}
			}
			if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, c.bytes) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.*.*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// withFormat returns a store whose header names another format.
func withFormat(t testing.TB, whole []byte, format string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.db")
	mustDo(t, os.WriteFile(path, whole, 0o600))
	db, err := bolt.Open(path, 0o600, nil)
	mustDo(t, err)
	mustDo(t, db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put([]byte("format"), []byte(format)) }))
	mustDo(t, db.Close())
	b, err := os.ReadFile(path)
	mustDo(t, err)
	return b
}

func pagesOf(file []byte) uint64 {
	meta, _ := readMeta(bytes.NewReader(file))
	return meta.pages
}
