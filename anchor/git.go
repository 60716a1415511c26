package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// Git is a branch of a git repository, best one that a force push cannot rewrite.
type Git struct{ name, repository, branch string }

// NewGit gives the branch of a repository. It refuses what git would take for
// an option, or for a program to run.
func NewGit(name, repository, branch string) (Git, error) {
	for _, s := range []string{repository, branch} {
		if s == "" || strings.HasPrefix(s, "-") || strings.Contains(s, "::") {
			return Git{}, fmt.Errorf("anchor %s: %q is no repository or branch", name, s)
		}
	}
	if folder, _, _ := strings.Cut(repository, "/"); !strings.Contains(folder, ":") { // a path, not host:path or a URL
		path, err := filepath.Abs(repository)
		if err != nil {
			return Git{}, fmt.Errorf("anchor %s: %w", name, err)
		}
		repository = path
	}
	return Git{name, repository, branch}, nil
}

// Type implements Place.
func (g Git) Type() evidence.AnchorType { return evidence.AnchorGit }

// Name implements Place.
func (g Git) Name() string { return g.name }

// To implements Place.
func (g Git) To() string { return g.repository + " " + g.branch }

// Show commits the checkpoint to a clone of the branch and pushes it. Its
// receipt is the id of the commit that has the file.
func (g Git) Show(ctx context.Context, cp Checkpoint) (Receipt, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return Receipt{}, errors.New("the program git is not installed: install it, or use another anchor")
	}
	dir, err := os.MkdirTemp("", "evidenced-anchor-")
	if err != nil {
		return Receipt{}, err
	}
	defer os.RemoveAll(dir)
	for try := 0; ; try++ {
		receipt, err := g.push(ctx, filepath.Join(dir, fmt.Sprint(try)), cp)
		// Another one may have pushed meanwhile: look again.
		if err == nil || try == 2 || errors.Is(err, ErrFork) || errors.Is(err, ErrCut) || ctx.Err() != nil {
			return receipt, err
		}
	}
}

func (g Git) push(ctx context.Context, clone string, cp Checkpoint) (Receipt, error) {
	if err := g.checkOut(ctx, clone); err != nil {
		return Receipt{}, err
	}
	if err := keepIn(clone, cp); err != nil {
		return Receipt{}, err
	}
	if _, err := git(ctx, clone, "add", "--", FileName(cp)); err != nil {
		return Receipt{}, err
	}
	changed, err := git(ctx, clone, "status", "--porcelain")
	if err != nil {
		return Receipt{}, err
	}
	if len(changed) > 0 {
		if _, err := git(ctx, clone, "commit", "--quiet", "--no-verify", "-m", fmt.Sprintf("checkpoint of %d entries of %s", cp.Size, evidence.Printable(cp.Origin))); err != nil {
			return Receipt{}, err
		}
		if _, err := git(ctx, clone, "push", "--quiet", "--no-verify", "origin", "HEAD:refs/heads/"+g.branch); err != nil {
			return Receipt{}, err
		}
	}
	id, err := git(ctx, clone, "log", "-1", "--format=%H", "--", FileName(cp))
	return Receipt{Bytes: bytes.TrimSpace(id)}, err
}

// checkOut clones the branch, as flat as can be, or begins it.
func (g Git) checkOut(ctx context.Context, clone string) error {
	if _, err := git(ctx, "", "init", "--quiet", "--initial-branch", "anchor", "--", clone); err != nil {
		return err
	}
	if _, err := git(ctx, clone, "remote", "add", "--", "origin", g.repository); err != nil {
		return err
	}
	heads, err := git(ctx, clone, "ls-remote", "--heads", "origin", "refs/heads/"+g.branch)
	if err != nil || len(heads) == 0 {
		return err
	}
	if _, err := git(ctx, clone, "fetch", "--quiet", "--depth", "1", "origin", "refs/heads/"+g.branch); err != nil {
		return err
	}
	_, err = git(ctx, clone, "reset", "--quiet", "--hard", "FETCH_HEAD")
	return err
}

// git runs the program with nothing of the user's own: no configuration, no
// hooks, no prompt, no helper that a URL could name.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "gc.auto=0",
		"-c", "user.name=evidenced", "-c", "user.email=evidenced@localhost", "-c", "commit.gpgSign=false"}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_ASKPASS=true", "SSH_ASKPASS=true", "LC_ALL=C")
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, oneLine(said.String()))
	}
	return out.Bytes(), nil
}
