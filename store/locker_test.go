package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// BenchmarkLocker keeps the same year of evidence, 2,000 records on 365 days,
// in a store and in a git repository (one JSON file a snapshot, committed, then
// packed with git gc --aggressive: how Auditree's locker works), side by side.
func BenchmarkLocker(b *testing.B) {
	if _, err := exec.LookPath("git"); err != nil {
		b.Skip("git is not here, so there is nothing to compare with")
	}
	l := fillLockers(b, 2000, benchDays(), true)
	l.benchmarkStore(b)
	b.Run("append/git", func(b *testing.B) { l.report(b, l.gitAppend, float64(l.gitBytes)/1e6) })
	b.Run("read/git", func(b *testing.B) {
		for b.Loop() {
			l.git(b, "cat-file", "blob", fmt.Sprintf("HEAD~%d:users.json", l.rng.IntN(l.days)))
		}
	})
	b.Run("history/git", func(b *testing.B) {
		for b.Loop() {
			if n := l.gitHistory(b, `"id":"`+l.anyone()+`"`, l.days); n == 0 {
				b.Fatal("no state")
			}
		}
	})
	b.Run("check/git-fsck", func(b *testing.B) {
		b.SetBytes(l.raw)
		for b.Loop() {
			l.git(b, "fsck", "--full")
		}
	})
}

// benchDays is a year, or with -short a month.
func benchDays() int {
	if testing.Short() {
		return 30
	}
	return 365
}

// BenchmarkYear keeps a year of evidence in a store.
func BenchmarkYear(b *testing.B) {
	for _, n := range []int{2000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { fillLockers(b, n, benchDays(), false).benchmarkStore(b) })
	}
}

func (l *lockers) benchmarkStore(b *testing.B) {
	b.Run("append/store", func(b *testing.B) { l.report(b, l.storeAppend, float64(l.storeBytes)/1e6) })
	b.Run("read/store", func(b *testing.B) {
		for b.Loop() {
			l.store.shards.forget() // as in a process that has just started
			l.readStore(b, l.rng.IntN(l.days))
		}
	})
	b.Run("history/store", func(b *testing.B) {
		for b.Loop() {
			l.store.shards.forget()
			if n := l.history(b, l.anyone()); n == 0 {
				b.Fatal("no state")
			}
		}
	})
	b.Run("check/store", func(b *testing.B) {
		b.SetBytes(l.raw)
		for b.Loop() {
			mustCheck(b, l.store)
		}
	})
	b.Run("check/sha256-alone", func(b *testing.B) {
		b.SetBytes(l.raw)
		buf := make([]byte, l.raw/int64(l.days))
		for b.Loop() {
			for range l.days {
				sha256.Sum256(buf)
			}
		}
	})
}

// lockers are both, and what it took to fill them.
type lockers struct {
	store                  *Store
	repo                   string
	raw                    int64
	storeBytes, gitBytes   int64
	storeAppend, gitAppend time.Duration // a day
	refs                   []evidence.Ref
	records, days          int
	rng                    *rand.Rand
}

// anyone returns the id of a record.
func (l *lockers) anyone() string {
	return fmt.Sprintf("arn:aws:iam::111122223333:user/division/u%05d", l.rng.IntN(l.records))
}

func fillLockers(b *testing.B, records, days int, withGit bool) *lockers {
	b.Helper()
	dir := b.TempDir()
	l := &lockers{repo: filepath.Join(dir, "git"), records: records, days: days, rng: rand.New(rand.NewPCG(3, 4))}
	path := filepath.Join(dir, "e.db")
	l.store = open(b, path, Options{Key: testKey(b, "a")})
	mustDo(b, os.Mkdir(l.repo, 0o700))
	l.git(b, "init", "-q")
	y := newYear(records)
	of := evidence.Series{Stream: users, Content: evidence.ContentRecords, Volatile: []string{"last_used"}}
	for day := range days {
		text := y.next()
		l.raw += int64(len(text))
		begin := time.Now()
		mustDo(b, l.store.Append(context.Background(), func(w evidence.Writer) error {
			ref, err := w.Blob(of, bytes.NewReader(text), records)
			if err != nil {
				return err
			}
			l.refs = append(l.refs, ref)
			_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: users, Due: start.AddDate(0, 0, day),
				Trigger: evidence.Scheduled}, Outcome: evidence.Collected, Records: &ref}})
			return err
		}))
		l.storeAppend += time.Since(begin)
		if !withGit {
			continue
		}
		begin = time.Now()
		mustDo(b, os.WriteFile(filepath.Join(l.repo, "users.json"), text, 0o600))
		l.git(b, "add", "users.json")
		l.git(b, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.fsync=all", "commit", "-q", "-m", fmt.Sprint(day))
		l.gitAppend += time.Since(begin)
	}
	l.git(b, "gc", "--aggressive", "--prune=now", "--quiet")
	l.storeAppend, l.gitAppend = l.storeAppend/time.Duration(days), l.gitAppend/time.Duration(days)
	fi, err := os.Stat(path)
	mustDo(b, err)
	l.storeBytes, l.gitBytes = fi.Size(), sizeOf(b, filepath.Join(l.repo, ".git", "objects"))
	return l
}

func sizeOf(b *testing.B, dir string) (n int64) {
	b.Helper()
	mustDo(b, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		n += fi.Size()
		return err
	}))
	return n
}

// report returns what was measured while the lockers were filled.
func (l *lockers) report(b *testing.B, day time.Duration, megabytes float64) {
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(day.Microseconds())/1000, "ms/snapshot")
	b.ReportMetric(megabytes, "MB/year")
}

func (l *lockers) git(b *testing.B, args ...string) []byte {
	b.Helper()
	c := exec.Command("git", args...)
	c.Dir = l.repo
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := c.Output()
	if err != nil {
		b.Fatalf("git %s: %v", args[0], err)
	}
	return out
}

func (l *lockers) readStore(b *testing.B, day int) {
	b.Helper()
	r, err := l.store.Blob(l.refs[day].Hash)
	mustDo(b, err)
	_, err = io.Copy(io.Discard, r)
	mustDo(b, err)
}

func (l *lockers) history(b *testing.B, id string) (n int) {
	b.Helper()
	for _, err := range l.store.History(users, "", id) {
		mustDo(b, err)
		n++
	}
	return n
}

// gitHistory reads every state of one record, the fastest way that git has:
// one process that gives every version of the file.
func (l *lockers) gitHistory(b *testing.B, id string, days int) (n int) {
	b.Helper()
	c := exec.Command("git", "cat-file", "--batch")
	c.Dir = l.repo
	var names strings.Builder
	for i := days - 1; i >= 0; i-- {
		fmt.Fprintf(&names, "HEAD~%d:users.json\n", i)
	}
	c.Stdin = strings.NewReader(names.String())
	out, err := c.StdoutPipe()
	mustDo(b, err)
	mustDo(b, c.Start())
	last := ""
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		mustDo(b, err)
		if strings.Contains(line, id) && line != last {
			last = line
			n++
		}
	}
	mustDo(b, c.Wait())
	return n
}
