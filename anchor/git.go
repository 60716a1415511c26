package anchor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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

// Show commits the checkpoint to the branch and pushes it. Its receipt is the id of
// the commit that has the file. Nothing is checked out: what others put into the branch
// is read as bytes, and never becomes a file or a link of this machine.
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
		receipt, err := g.push(ctx, clone{filepath.Join(dir, fmt.Sprint(try))}, cp)
		// Another one may have pushed meanwhile: look again.
		if err == nil || try == 2 || errors.Is(err, ErrFork) || errors.Is(err, ErrCut) || ctx.Err() != nil {
			return receipt, err
		}
	}
}

func (g Git) push(ctx context.Context, c clone, cp Checkpoint) (Receipt, error) {
	tip, err := g.fetch(ctx, c)
	if err != nil {
		return Receipt{}, err
	}
	there, err := admit(treeShelf{ctx, c, tip, path.Dir(FileName(cp))}, cp)
	if err != nil {
		return Receipt{}, err
	}
	if there {
		id, err := c.line(ctx, "rev-list", "-1", tip, "--", FileName(cp))
		return Receipt{Bytes: []byte(id)}, err
	}
	id, err := c.commit(ctx, tip, cp)
	if err == nil {
		_, err = c.git(ctx, nil, "push", "--quiet", "--no-verify", "origin", id+":refs/heads/"+g.branch)
	}
	return Receipt{Bytes: []byte(id)}, err
}

// fetch fetches the tip of the branch; empty if there is none yet.
func (g Git) fetch(ctx context.Context, c clone) (tip string, err error) {
	if _, err := run(ctx, "", nil, "init", "--quiet", "--bare", "--", c.dir); err != nil {
		return "", err
	}
	if _, err := c.git(ctx, nil, "remote", "add", "--", "origin", g.repository); err != nil {
		return "", err
	}
	heads, err := c.git(ctx, nil, "ls-remote", "--heads", "origin", "refs/heads/"+g.branch)
	if err != nil || len(heads) == 0 {
		return "", err
	}
	if _, err := c.git(ctx, nil, "fetch", "--quiet", "--no-tags", "--depth", "1", "origin", "refs/heads/"+g.branch); err != nil {
		return "", err
	}
	return c.line(ctx, "rev-parse", "--verify", "FETCH_HEAD^{commit}")
}

// clone is a bare repository that is thrown away.
type clone struct{ dir string }

func (c clone) git(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	return run(ctx, c.dir, in, args...)
}

// line is git for one line of output.
func (c clone) line(ctx context.Context, args ...string) (string, error) {
	out, err := c.git(ctx, nil, args...)
	return strings.TrimSpace(string(out)), err
}

// commit makes a commit on top of tip that has the checkpoint's file as well.
func (c clone) commit(ctx context.Context, tip string, cp Checkpoint) (string, error) {
	blob, err := c.git(ctx, cp.Signed, "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	if tip != "" {
		if _, err := c.git(ctx, nil, "read-tree", tip); err != nil {
			return "", err
		}
	}
	if _, err := c.git(ctx, nil, "update-index", "--add", "--cacheinfo", "100644,"+strings.TrimSpace(string(blob))+","+FileName(cp)); err != nil {
		return "", err
	}
	tree, err := c.line(ctx, "write-tree")
	if err != nil {
		return "", err
	}
	args := []string{"commit-tree", tree, "-m", fmt.Sprintf("checkpoint of %d entries of %s", cp.Size, evidence.Printable(cp.Origin))}
	if tip != "" {
		args = append(args, "-p", tip)
	}
	return c.line(ctx, args...)
}

// treeShelf is a folder of a commit, which may be empty for none.
type treeShelf struct {
	ctx context.Context
	clone
	tip, dir string
}

func (s treeShelf) names() (names []string, err error) {
	if s.tip == "" {
		return nil, nil
	}
	out, err := s.git(s.ctx, nil, "ls-tree", "-z", "--name-only", s.tip, "--", s.dir+"/")
	for line := range strings.SplitSeq(string(out), "\x00") {
		if line != "" {
			names = append(names, path.Base(line))
		}
	}
	return names, err
}

func (s treeShelf) read(name string) ([]byte, error) {
	object := s.tip + ":" + s.dir + "/" + name
	entry, err := s.line(s.ctx, "ls-tree", s.tip, "--", s.dir+"/"+name)
	if err == nil && !strings.HasPrefix(entry, "100644 blob ") {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return nil, err
	}
	size, err := s.line(s.ctx, "cat-file", "-s", object)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.ParseInt(size, 10, 64); err != nil || n > maxFile {
		return nil, fmt.Errorf("it has over %d bytes", maxFile)
	}
	return s.git(s.ctx, nil, "cat-file", "blob", object)
}

// inherited are the variables that git may need to reach a server. All others, such
// as the secrets of the sources, it does not get.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
	"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy", "SystemRoot"}

// environment is that of git: nothing of the user's own settings, no prompt.
func environment() []string {
	env := []string{"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_ASKPASS=true", "SSH_ASKPASS=true", "LC_ALL=C"}
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// complaints are the words of git, and of the servers that it speaks with, that are
// kept. What else they say may be anything.
var complaints = []string{"does not appear to be a git repository", "not a git repository", "Repository not found", "not found", "Could not read from remote repository",
	"Authentication failed", "terminal prompts disabled", "could not read Username", "could not read Password", "Permission denied", "Host key verification failed",
	"Could not resolve host", "Connection refused", "Connection timed out", "Failed to connect", "SSL certificate problem", "non-fast-forward", "fetch first", "protected branch",
	"pre-receive hook declined", "remote rejected", "failed to push some refs", "dubious ownership", "unable to access", "No space left on device", "Read-only file system",
	"invalid path", "bad object", "is corrupt", "early EOF", "is not a commit", "No such file or directory"}

const (
	maxOutput    = 16 << 20 // bytes of what git may write
	maxComplaint = 64 << 10
)

// run runs git with no configuration, no hooks, no prompt, and no helper that a URL
// could name.
func run(ctx context.Context, dir string, in []byte, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "protocol.ext.allow=never", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
		"-c", "core.fsmonitor=false", "-c", "user.name=evidenced", "-c", "user.email=evidenced@localhost", "-c", "commit.gpgSign=false"}, args...)...)
	c.Dir, c.Env, c.Stdin, c.WaitDelay = dir, environment(), bytes.NewReader(in), time.Second
	out, said := &bounded{limit: maxOutput}, &bounded{limit: maxComplaint}
	c.Stdout, c.Stderr = out, said
	err := c.Run()
	switch {
	case err != nil:
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, cmp.Or(evidence.KnownWords(said.String(), complaints), "it gave no reason"))
	case out.over:
		return nil, fmt.Errorf("git %s wrote over %d bytes", args[0], maxOutput)
	}
	return out.Bytes(), nil
}

// bounded keeps the beginning of what is written.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.Len()
	b.over = b.over || len(p) > room
	_, _ = b.Buffer.Write(p[:min(len(p), room)])
	return len(p), nil
}
