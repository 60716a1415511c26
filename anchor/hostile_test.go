//go:build unix

package anchor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/evidenced/evidenced/anchor"
)

// inFolder puts a file, a link or a pipe where a checkpoint is looked for.
var inFolder = map[string]func(t *testing.T, folder, secret string){
	"a link in place of a checkpoint": func(t *testing.T, folder, secret string) {
		must(t, os.MkdirAll(filepath.Join(folder, "evidenced-acme"), 0o755))
		must(t, os.Symlink(secret, filepath.Join(folder, "evidenced-acme", "000000000001.checkpoint")))
	},
	"a link in place of the folder": func(t *testing.T, folder, secret string) {
		must(t, os.Symlink(filepath.Dir(secret), filepath.Join(folder, "evidenced-acme")))
	},
	"a checkpoint of a gigabyte": func(t *testing.T, folder, _ string) {
		must(t, os.MkdirAll(filepath.Join(folder, "evidenced-acme"), 0o755))
		f, err := os.Create(filepath.Join(folder, "evidenced-acme", "000000000001.checkpoint"))
		must(t, err)
		must(t, f.Truncate(1<<24))
		must(t, f.Close())
	},
}

// TestHostileFolder: whoever can write to the folder of an anchor cannot lead the agent
// out of it, make it wait, or have it say what it read elsewhere.
func TestHostileFolder(t *testing.T) {
	cases := map[string]func(t *testing.T, folder, secret string){
		"a pipe in place of a checkpoint": func(t *testing.T, folder, _ string) {
			must(t, os.MkdirAll(filepath.Join(folder, "evidenced-acme"), 0o755))
			must(t, syscall.Mkfifo(filepath.Join(folder, "evidenced-acme", "000000000001.checkpoint"), 0o600))
		},
	}
	for name, plant := range inFolder {
		cases[name] = plant
	}
	for name, plant := range cases {
		t.Run(name, func(t *testing.T) {
			folder, secret := t.TempDir(), planted(t)
			plant(t, folder, secret)
			s := newLog(t, 1)
			grow(t, s, "a", 2)
			refusedWithoutSecret(t, run(t, s, anchor.NewFolder("vault", folder))[0].Error)
			nothingBeside(t, secret)
		})
	}
}

// TestHostileBranch: what others push to the branch never becomes a file of this machine.
func TestHostileBranch(t *testing.T) {
	for name, plant := range inFolder {
		t.Run(name, func(t *testing.T) {
			secret, work, bare := planted(t), t.TempDir(), filepath.Join(t.TempDir(), "anchors.git")
			plant(t, work, secret)
			for _, args := range [][]string{{"init", "-q", "--bare", bare}, {"-C", work, "init", "-q", "-b", "checkpoints"}, {"-C", work, "add", "-A"},
				{"-C", work, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-q", "-m", "x"}, {"-C", work, "push", "-q", bare, "checkpoints"}} {
				out, err := exec.Command("git", args...).CombinedOutput()
				if err != nil {
					t.Fatalf("git %v: %v %s", args, err, out)
				}
			}
			g, err := anchor.NewGit("repo", bare, "checkpoints")
			must(t, err)
			s := newLog(t, 1)
			grow(t, s, "a", 2)
			refusedWithoutSecret(t, run(t, s, g)[0].Error)
			nothingBeside(t, secret)
		})
	}
}

// TestGitOfAnchorsIsTold: of the environment of the agent, the git of an anchor learns no secret.
func TestGitOfAnchorsIsToldNoSecrets(t *testing.T) {
	t.Setenv("OKTA_TOKEN", "secret-of-a-source")
	seen := filepath.Join(t.TempDir(), "seen")
	bin := t.TempDir()
	must(t, os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\nenv >> "+seen+"\necho PRIVATE+KEY+stolen >&2\nexit 1\n"), 0o700))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	g, err := anchor.NewGit("repo", "/srv/none.git", "checkpoints")
	must(t, err)
	s := newLog(t, 1)
	grow(t, s, "a", 2)
	refusedWithoutSecret(t, run(t, s, g)[0].Error)
	env, err := os.ReadFile(seen)
	must(t, err)
	if strings.Contains(string(env), "secret-of-a-source") {
		t.Errorf("git is told\n%s", env)
	}
}

// planted is a file that no anchor may read, in a folder of its own.
func planted(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "evidence.key")
	must(t, os.WriteFile(file, []byte("PRIVATE+KEY+stolen\n"), 0o600))
	return file
}

func refusedWithoutSecret(t *testing.T, text string) {
	t.Helper()
	if text == "" || strings.Contains(text, "stolen") {
		t.Errorf("the anchor says %q", text)
	}
}

func nothingBeside(t *testing.T, file string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(files) != 1 {
		t.Errorf("beside the secret are %v, %v", files, err)
	}
}
