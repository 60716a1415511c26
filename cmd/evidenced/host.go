package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/serve"
	"github.com/evidenced/evidenced/store"
)

// host is what the daemon lends to a command that is run in it.
type host struct {
	config *config.Config
	store  *store.Store
	key    *store.Key
	daemon *schedule.Daemon
	judge  *judge
	folder string // where the caller's relative paths begin
	report func(serve.Progress)
	// troubles say what stands in the daemon's way.
	troubles func() []string
}

// lend gives a configuration that the command may change, and the store, which
// it may close.
func (h *host) lend() (*config.Config, *store.Store, *store.Key) {
	c := *h.config
	return &c, h.store.Share(), h.key
}

// path gives a path of the caller's.
func (a *app) path(p string) string {
	if a.host == nil || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(a.host.folder, p)
}

// run runs a command line that somebody sent to the daemon's socket.
func (d *daemon) run(ctx context.Context, call serve.Call) int {
	h, err := d.lend(ctx, call)
	if err != nil {
		fmt.Fprintln(call.Stderr, "evidenced:", mistakes(err))
		return exitCode(err)
	}
	a := &app{stdout: call.Stdout, stderr: call.Stderr, now: d.now, host: h}
	root := a.root()
	root.SetArgs(call.Args)
	root.SetOut(call.Stdout)
	root.SetErr(call.Stderr)
	if cmd, _, err := root.Find(call.Args); err != nil || cmd.Annotations[servedMark] == "" {
		fmt.Fprintf(call.Stderr, "evidenced: the daemon does not run %q for others\n", commandOf(cmd))
		return exitUsage
	}
	return a.finish(root.ExecuteContext(ctx))
}

// finish says what ended a command, and gives its exit code.
func (a *app) finish(err error) int {
	if err != nil && !errors.Is(err, errIncomplete) && !errors.As(err, new(exitCodeError)) {
		fmt.Fprintln(a.stderr, "evidenced:", mistakes(err))
	}
	return exitCode(err)
}

func commandOf(c *cobra.Command) string {
	if c == nil {
		return ""
	}
	return c.CommandPath()
}

// lend waits until the daemon has read its log, and refuses who means another
// configuration.
func (d *daemon) lend(ctx context.Context, call serve.Call) (*host, error) {
	h, err := d.current(ctx)
	if err != nil {
		return nil, err
	}
	if call.Config != "" && !samePath(call.Config, h.config.Path) {
		return nil, usageError{fmt.Errorf("the daemon that holds this store runs with %s: name that with --config", h.config.Path)}
	}
	lent := *h
	lent.folder, lent.report = call.Folder, call.Progress
	return &lent, nil
}

func samePath(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// hosted is collectInto in the daemon: the sources are read by its own runner,
// and judged by its own engine.
func (a *app) hosted(ctx context.Context, names []string) (*collected, error) {
	h := a.host
	p := a.progress("collecting")
	defer p.end()
	out := &collected{Started: a.now().UTC()}
	before, err := h.judge.result(out.Started)
	if err != nil {
		return nil, err
	}
	runs, err := h.daemon.Now(ctx, out.counting(p.slots), names...)
	if err != nil {
		return nil, err
	}
	out.Finished = a.now().UTC()
	out.add(runs)
	after, err := h.judge.result(out.Finished)
	if err != nil {
		return nil, err
	}
	out.Gaps = change(before, after)
	return out, nil
}

// live gives what the daemon's engine says now; ok is false where a command
// speaks of another time, or runs by itself.
func (a *app) live() (res *result.Result, ok bool, err error) {
	if a.host == nil || !a.asOf.IsZero() {
		return nil, false, nil
	}
	res, err = a.host.judge.result(a.at())
	return res, true, err
}
