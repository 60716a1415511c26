package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	bolt "go.etcd.io/bbolt"

	"github.com/evidenced/evidenced/evidence"
)

// writes returns bbolt's own way to write to its file, to be replaced.
func writes(db *bolt.DB) *func([]byte, int64) (int, error) {
	f := reflect.ValueOf(db).Elem().FieldByName("ops").FieldByName("writeAt")
	return (*func([]byte, int64) (int, error))(unsafe.Pointer(f.UnsafeAddr()))
}

// faults are what a write can do instead of its work.
var faults = map[string]func(write func([]byte, int64) (int, error), b []byte, at int64) (int, error){
	"it fails": func(_ func([]byte, int64) (int, error), _ []byte, _ int64) (int, error) { return 0, syscall.EIO },
	"there is no space": func(write func([]byte, int64) (int, error), b []byte, at int64) (int, error) {
		n, _ := write(b[:len(b)/2/512*512], at)
		return n, syscall.ENOSPC
	},
	"it is short": func(write func([]byte, int64) (int, error), b []byte, at int64) (int, error) {
		n, _ := write(b[:len(b)/3], at)
		return n, errors.New("short write")
	},
	"it fails, and yet is in the file": func(write func([]byte, int64) (int, error), b []byte, at int64) (int, error) {
		if n, err := write(b, at); err != nil {
			return n, err
		}
		return 0, syscall.EIO
	},
}

// TestEveryWriteFails lets each write of a life fail in turn, each in every
// way. The store goes on, or says that it must be opened anew; opened anew it
// is whole, with all that was acknowledged.
func TestEveryWriteFails(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n, hit := 1, true; hit; n++ {
				hit = failWrite(t, n, fault)
				if !hit && n < 12 {
					t.Fatalf("a life of %d writes", n)
				}
			}
		})
	}
}

func failWrite(t *testing.T, n int, fault func(func([]byte, int64) (int, error), []byte, int64) (int, error)) (hit bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "e.db")
	s, err := Open(path, Options{Key: testKey(t, "a")})
	mustDo(t, err)
	defer func() { _ = s.Close() }()
	count := 0
	hook := writes(s.db)
	write := *hook
	*hook = func(b []byte, at int64) (int, error) {
		if count++; count == n {
			hit = true
			return fault(write, b, at)
		}
		return write(b, at)
	}
	c, acked := newCompany(uint64(n)), map[uint64]string{}
	for day := range 6 {
		err := attempt(s, c, day, acked)
		if err != nil && !hit {
			t.Fatalf("write %d: %v", n, err)
		} else if errors.Is(err, ErrUnsure) {
			mustDo(t, s.Close())
			s, err = Open(path, Options{Key: testKey(t, "a")})
			mustDo(t, err)
			mustCheck(t, s)
		}
	}
	if len(acked) < 3 {
		t.Fatalf("write %d: only %d appends went through", n, len(acked))
	}
	mustCheck(t, s)
	mustDo(t, s.Close())
	provenAfter(t, path, acked)
	return hit
}

// attempt appends something, and notes it if that is acknowledged.
func attempt(s *Store, c *company, day int, acked map[uint64]string) error {
	if day == 3 {
		_, err := s.Erase(context.Background(), Retention{Policy: "all", Before: s.now()})
		return err
	}
	lines := c.snapshot()
	var e evidence.Entry
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		ref, err := w.Blob(evidence.Series{Stream: users, Content: evidence.ContentRecords}, strings.NewReader(lines), 1)
		if err != nil {
			return err
		}
		e, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: users, Due: start, Trigger: evidence.Scheduled},
			Outcome: evidence.Collected, Records: &ref}})
		return err
	})
	if err != nil {
		return err
	}
	leaf, err := evidence.Canonical(e)
	acked[e.Index] = evidence.LeafHash(leaf).String()
	return err
}

// writeUntilFull writes under a limit of the file's size until nothing more
// goes in, then with the limit lifted: the kernel refuses what a full disk
// refuses, in the middle of a write, too.
func writeUntilFull(spec string) error {
	path, room, _ := strings.Cut(spec, "|")
	more, err := strconv.Atoi(room)
	if err != nil {
		return err
	}
	s, err := Open(path, Options{Key: writerKey()})
	if err != nil {
		return err
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	var whole syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &whole); err != nil {
		return err
	}
	small := syscall.Rlimit{Cur: uint64(fi.Size()) + uint64(more), Max: whole.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	c := newCompany(uint64(more))
	for err = nil; err == nil; {
		err = oneDay(s, c)
	}
	fmt.Println("full", err)
	for range 3 {
		fmt.Println("still", oneDay(s, c))
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &whole); err != nil {
		return err
	}
	for range 5 {
		if err := oneDay(s, c); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	fmt.Println("done", s.Close())
	os.Exit(0)
	return nil
}

func TestFullDisk(t *testing.T) {
	rounds := max(3, 12/slow)
	if soak {
		rounds = 100
	}
	path := filepath.Join(t.TempDir(), "e.db")
	acked := map[uint64]string{}
	for round := range rounds {
		c, lines := child(t, "fill", fmt.Sprintf("%s|%d", path, round*round*4099))
		full, still, done := false, 0, false
		for lines.Scan() {
			var n uint64
			var hash string
			text := lines.Text()
			switch _, err := fmt.Sscanf(text, "ack %d %s", &n, &hash); {
			case err == nil:
				acked[n] = hash
			case strings.HasPrefix(text, "full") && strings.Contains(text, "file too large"):
				full = true
			case strings.HasPrefix(text, "still"): // something small may fit into what was freed
				still++
			case text == "done <nil>":
				done = true
			default:
				t.Errorf("round %d: the writer says %q", round, text)
			}
		}
		if err := c.Wait(); err != nil || !full || still != 3 || !done {
			t.Fatalf("round %d: full %t, still full %d times, done %t, %v", round, full, still, done, err)
		}
		provenAfter(t, path, acked)
	}
}

// writeKeyWithoutRoom writes a key where only its beginning has room.
func writeKeyWithoutRoom(path string) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = 50
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return writerKey().WriteFile(path)
}

// TestHalfAKey: a key is there whole, or not at all, so that the next try makes one.
func TestHalfAKey(t *testing.T) {
	dir := t.TempDir()
	c, lines := child(t, "key", filepath.Join(dir, "k"))
	said := ""
	for lines.Scan() {
		said += lines.Text()
	}
	if err := c.Wait(); err == nil || !strings.Contains(said, "file too large") {
		t.Fatalf("%v: %q", err, said)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}
