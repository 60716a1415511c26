package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// soak asks for the long runs: EVIDENCED_SOAK=1 go test ./store
var soak = os.Getenv("EVIDENCED_SOAK") != ""

const writerEnv = "EVIDENCED_STORE_WRITER"

// TestMain is also the process that another test kills.
func TestMain(m *testing.M) {
	switch what, path, _ := strings.Cut(os.Getenv(writerEnv), ":"); what {
	case "":
		os.Exit(m.Run())
	case "write":
		exit(writeUntilKilled(path, 12))
	case "append":
		exit(writeUntilKilled(path, 11))
	case "fill":
		exit(writeUntilFull(path))
	case "key":
		exit(writeKeyWithoutRoom(path))
	}
}

func exit(err error) {
	fmt.Println("error", err)
	os.Exit(1)
}

// oneDay appends a run, and tells its index and the hash of its leaf once it is
// acknowledged.
func oneDay(s *Store, c *company) error {
	lines := c.snapshot()
	if err := s.Append(context.Background(), func(w evidence.Writer) error {
		of := evidence.Series{Stream: users, Content: evidence.ContentRecords, Volatile: []string{"last_used"}}
		ref, err := w.Blob(of, strings.NewReader(lines), strings.Count(lines, "\n"))
		if err != nil {
			return err
		}
		_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &evidence.Run{Slot: evidence.Slot{Stream: users, Due: start, Trigger: evidence.Scheduled},
			Outcome: evidence.Collected, Records: &ref}})
		return err
	}); err != nil {
		return err
	}
	var at uint64
	var last []byte
	n, err := s.Size()
	if err != nil {
		return err
	}
	for leaf, err := range s.Leaves(n - 1) {
		if err != nil {
			return err
		}
		at, last = n-1, leaf
	}
	_, err = fmt.Println("ack", at, evidence.LeafHash(last))
	return err
}

func writerKey() *Key {
	k, err := NewKey("acme", strings.NewReader(strings.Repeat("k", 64)))
	if err != nil {
		panic(err)
	}
	return k
}

// writeUntilKilled does all that a store can do, for ever; of 12 verbs the last
// one lets go of it.
func writeUntilKilled(path string, verbs int) error {
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	c := newCompany(rng.Uint64())
	open := func() (*Store, error) { return Open(path, Options{Key: writerKey(), Wait: time.Second}) }
	s, err := open()
	for err == nil {
		switch rng.IntN(verbs) {
		case 0:
			_, err = s.Erase(context.Background(), Retention{Policy: "some", Before: time.Now().Add(-50 * time.Millisecond)})
		case 11:
			if err = s.Close(); err == nil {
				_, _, err = Compact(context.Background(), path, CompactOptions{})
			}
			if err == nil {
				s, err = open()
			}
		default:
			err = oneDay(s, c)
		}
	}
	return err
}

// child starts this test's binary as a writer.
func child(t *testing.T, what, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), writerEnv+"="+what+":"+path)
	out, err := c.StdoutPipe()
	mustDo(t, err)
	c.Stderr = os.Stderr
	mustDo(t, c.Start())
	return c, bufio.NewScanner(out)
}

// TestKill kills a writer at random moments. What it had acknowledged is there,
// and the store is whole.
func TestKill(t *testing.T) {
	rounds := 40 / slow
	if soak {
		rounds = 500
	}
	path := filepath.Join(t.TempDir(), "e.db")
	acked := map[uint64]string{}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for round := range rounds {
		c, lines := child(t, "write", path)
		time.AfterFunc(time.Duration(rng.IntN(120))*time.Millisecond, func() { _ = c.Process.Kill() })
		for lines.Scan() {
			var n uint64
			var hash string
			if _, err := fmt.Sscanf(lines.Text(), "ack %d %s", &n, &hash); err != nil {
				t.Fatalf("round %d: the writer says %q", round, lines.Text())
			}
			acked[n] = hash
		}
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("round %d: the writer ended by itself: %v", round, err)
		}
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && len(acked) == 0 {
			continue // killed before it was made
		}
		provenAfter(t, path, acked)
	}
	t.Logf("%d rounds, %d entries acknowledged", rounds, len(acked))
	if len(acked) == 0 {
		t.Fatal("nothing was ever acknowledged")
	}
	if left, _ := filepath.Glob(path + ".compact-*"); len(left) > 1 {
		t.Errorf("left behind: %q", left)
	}
}

func provenAfter(t *testing.T, path string, acked map[uint64]string) {
	t.Helper()
	s, err := Open(path, Options{})
	mustDo(t, err)
	defer s.Close()
	mustCheck(t, s)
	n, found := uint64(0), 0
	for leaf, err := range s.Leaves(0) {
		mustDo(t, err)
		if want, ok := acked[n]; ok {
			if found++; want != evidence.LeafHash(leaf).String() {
				t.Fatalf("entry %d is not the one that was acknowledged", n)
			}
		}
		n++
	}
	if found != len(acked) {
		t.Fatalf("%d of %d acknowledged entries are there", found, len(acked))
	}
}

// TestTwoWriters: the second one is told who the first one is, and touches nothing.
func TestTwoWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	c, lines := child(t, "write", path)
	for range 3 {
		if !lines.Scan() {
			t.Fatal("the first writer does not write")
		}
	}
	// It lets go for the moment of a compaction, in which case the other one has it.
	if s, err := Open(path, Options{Key: writerKey(), Wait: time.Millisecond}); err == nil {
		mustDo(t, s.Close())
	} else if !errors.Is(err, ErrHeld) {
		t.Errorf("%v", err)
	}
	mustDo(t, c.Process.Kill())
	for lines.Scan() {
	}
	_ = c.Wait()
	provenAfter(t, path, nil)
}

// TestReadWhileAnotherProcessWrites: each look is at a whole store, that has all
// that was acknowledged before, and leaves nothing behind.
func TestReadWhileAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	c, lines := child(t, "append", path)
	looks, busy := 40/slow, 0
	for range looks {
		var acked uint64
		var hash string
		for range 2 {
			if !lines.Scan() {
				t.Fatal("the writer does not write")
			}
			if _, err := fmt.Sscanf(lines.Text(), "ack %d %s", &acked, &hash); err != nil {
				t.Fatalf("the writer says %q", lines.Text())
			}
		}
		s, err := Open(path, Options{Wait: time.Millisecond})
		if errors.Is(err, ErrHeld) { // it left no time for a copy
			busy++
			continue
		}
		mustDo(t, err)
		mustCheck(t, s)
		if !strings.HasPrefix(s.Held(), fmt.Sprint("process ", c.Process.Pid, ",")) {
			t.Fatalf("held by %q", s.Held())
		}
		for leaf, err := range s.Leaves(acked) {
			if mustDo(t, err); evidence.LeafHash(leaf).String() != hash {
				t.Fatalf("entry %d is not the one that was acknowledged", acked)
			}
			hash = ""
			break
		}
		if hash != "" {
			t.Fatalf("entry %d was acknowledged, and is not there", acked)
		}
		mustDo(t, s.Close())
	}
	mustDo(t, c.Process.Kill())
	for lines.Scan() {
	}
	_ = c.Wait()
	if busy > looks/2 {
		t.Errorf("of %d looks %d found no time", looks, busy)
	}
	if left, _ := filepath.Glob(path + ".read-*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
