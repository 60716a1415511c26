package simulator

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// gitIn runs git in a folder; the test is skipped where there is none, but under CI.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: git is not here")
	}
	out, err := exec.Command("git", append([]string{"--git-dir=" + dir}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestCloneIsWhatGitHubMerged fetches day by day, as git reads it: the history is sound,
// and first parents are the merges, but for what was planted.
func TestCloneIsWhatGitHubMerged(t *testing.T) {
	for _, plant := range []bool{false, true} {
		c := New(Options{Seed: 6, Start: start, Days: 90, Plant: plant, Clone: true})
		dir := filepath.Join(t.TempDir(), "clone.git")
		read := map[string]bool{}
		for now := c.start; now.Before(c.end); now = now.Add(day) {
			c.SetNow(now.Add(CloneHour * time.Hour))
			if err := c.Fetch(dir); err != nil {
				t.Fatal(err)
			}
			for sha := range strings.FieldsSeq(gitIn(t, dir, "rev-list", "--first-parent", c.clone.repo.branch)) {
				read[sha] = true
			}
		}
		if out := gitIn(t, dir, "fsck", "--strict", "--no-dangling"); out != "" {
			t.Errorf("git finds: %s", out)
		}
		lost, n := 0, 0
		for _, p := range c.clone.repo.pulls {
			if p.base == c.clone.repo.branch && shows(p.merged, c.Now()) {
				n++
				lost += count(!read[p.mergeSHA()])
				delete(read, p.mergeSHA())
			}
		}
		// What is left are the first commit, what was pushed, and what was written anew.
		if want := 1 + len(c.clone.pushes) + len(c.clone.amended); lost != len(c.clone.dropped) || len(read) != want || n < 20 {
			t.Errorf("plant %t: of %d merges %d are not there, want %d; %d other commits, want %d", plant, n, lost, len(c.clone.dropped), len(read), want)
		}
		if plant != (len(c.clone.pushes)*len(c.clone.dropped)*len(c.clone.amended) > 0) {
			t.Errorf("plant %t: %d pushed, %d dropped, %d amended", plant, len(c.clone.pushes), len(c.clone.dropped), len(c.clone.amended))
		}
	}
}

// TestCloneFaults: a clone that is away comes back as it was, and one whose history is cut gets it back.
func TestCloneFaults(t *testing.T) {
	c := New(Options{Seed: 6, Start: start, Days: 30, Clone: true})
	dir := filepath.Join(t.TempDir(), "clone.git")
	fetch := func(after int, e effect) {
		t.Helper()
		if c.faults = nil; e != "" {
			c.faults = []*fault{{span: interval{from: c.start}, vendor: "file", op: "clone", effect: e}}
		}
		c.SetNow(c.start.Add(time.Duration(after) * day))
		if err := c.Fetch(dir); err != nil {
			t.Fatal(err)
		}
	}
	fetch(5, "")
	whole := gitIn(t, dir, "rev-list", c.clone.repo.branch)
	fetch(6, missing)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	fetch(7, shallow)
	if got := gitIn(t, dir, "rev-parse", "--is-shallow-repository"); got != "true" {
		t.Errorf("shallow: %s", got)
	}
	fetch(25, "")
	now := strings.Fields(gitIn(t, dir, "rev-list", c.clone.repo.branch))
	if got := gitIn(t, dir, "rev-parse", "--is-shallow-repository"); got != "false" || !slices.Contains(now, strings.Fields(whole)[0]) || len(now) <= len(strings.Fields(whole)) {
		t.Errorf("shallow: %s; %d commits, there were %d", got, len(now), len(strings.Fields(whole)))
	}
}
