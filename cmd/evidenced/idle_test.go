//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkIdle starts the daemon as it is released over a store with nothing in
// it, and watches it do nothing: how long until it answers, what it takes of a
// core in a minute, what it holds then, how long it takes to stop.
func BenchmarkIdle(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "evidenced")
	build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	year := time.Now().UTC().Year()
	config := fmt.Sprintf("organization: Idle\nperiod: {start: %d-01-01, end: %d-12-31}\nserve: {socket: s.sock}\nsources: {git: {schedule: \"0 0 1 1 *\", repositories: [/none.git]}}\n", year, year)
	if err := os.WriteFile(filepath.Join(dir, "evidenced.yaml"), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		idle(b, program, dir)
	}
}

// watched is how long it is watched, after settled, in which what is due is done and
// memory is given back.
func watched() (settled, watched time.Duration) {
	if testing.Short() {
		return time.Second, time.Second
	}
	return 65 * time.Second, time.Minute
}

func idle(b *testing.B, program, dir string) {
	cmd := exec.Command(program, "serve", "--listen", "off")
	cmd.Dir = dir
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for ready := false; !ready; time.Sleep(time.Millisecond) {
		h, ok := healthAt(filepath.Join(dir, "s.sock"))
		ready = ok && h.Ready
		if time.Since(begun) > 20*time.Second {
			b.Fatal("it is not ready")
		}
	}
	b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-to-ready")
	settled, watched := watched()
	time.Sleep(settled)
	before := processor(b, cmd.Process.Pid)
	time.Sleep(watched)
	b.ReportMetric(100*(processor(b, cmd.Process.Pid)-before).Seconds()/watched.Seconds(), "%core")
	b.ReportMetric(memory(b, cmd.Process.Pid, "RssAnon"), "MB-own")
	b.ReportMetric(memory(b, cmd.Process.Pid, "VmRSS"), "MB-resident")
	stopped := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(stopped).Milliseconds()), "ms-to-stop")
}

// memory gives a figure of /proc/PID/status, in MB.
func memory(b *testing.B, pid int, name string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib * 1024 / 1e6
		}
	}
	b.Fatalf("no %s", name)
	return 0
}

// processor gives how long a process has been on a core, to the nanosecond.
func processor(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		b.Fatal(err)
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		b.Fatal(string(text), err)
	}
	var sum time.Duration
	for _, t := range threads {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // the thread has just ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}
