package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/schedule"
)

// watchSIGHUP reloads at each SIGHUP. The signal is caught from before the log is
// read to the end of the process: it must never end it.
func (d *daemon) watchSIGHUP(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.hungUp:
			_ = d.reload(ctx) // it is logged and counted
		}
	}
}

// lookEvery is how often files are looked at for a change; at each secretsEvery-th
// time secret managers are asked as well.
const (
	lookEvery    = time.Minute
	secretsEvery = 60
)

// watchFiles reloads when the configuration, or a file that it takes a secret
// from, has changed.
func (d *daemon) watchFiles(ctx context.Context) {
	st, err := d.current(ctx)
	if err != nil {
		return
	}
	seen := digest(st.config)
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if st, err = d.current(ctx); err != nil {
			return
		}
		if now := digest(st.config); now != seen || n%secretsEvery == 0 && d.rotated(st) {
			seen = now
			_ = d.reload(ctx) // it is logged and counted
		}
	}
}

// digest tells what the files of a configuration hold. One that cannot be read
// holds something else than before, too.
func digest(c *config.Config) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range append([]string{c.Path}, c.Files...) {
		b, err := config.ReadFile(path)
		fmt.Fprintf(h, "%q %v %x\n", path, err != nil, sha256.Sum256(b))
	}
	h.Sum(sum[:0])
	return sum
}

// reload takes the configuration as it is now. If that cannot be, the old one
// goes on.
func (d *daemon) reload(ctx context.Context) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	d.manager.State("RELOADING=1")
	err := d.applyConfig(ctx)
	d.manager.State("READY=1")
	if err != nil {
		d.metrics.Reload("refused")
		d.Log.Error("the new configuration is refused, the old one goes on", "error", err.Error())
		d.setProblem("configuration", err)
		return err
	}
	d.metrics.Reload("taken")
	d.setProblem("configuration", nil)
	d.Log.Info("the new configuration is taken")
	return nil
}

// applyConfig puts the configuration as it is now into force.
func (d *daemon) applyConfig(ctx context.Context) error {
	old, err := d.current(ctx)
	if err != nil {
		return err
	}
	c, err := d.read()
	if err != nil {
		return err
	}
	if d.Listen != "" { // the command line goes before the file
		c.Serve.Listen = d.Listen
	}
	if err := sameStore(old.config, c); err != nil {
		return err
	}
	if lost := c.Lost(old.config); len(lost) > 0 {
		return &config.Error{File: c.Path, Message: strings.Join(lost, ", ") + " gave a secret before, and gives none now"}
	}
	judge := ops.NewJudge(c, d.store, d.store, nil)
	err = old.schedule.Replace(func() (*schedule.Runner, error) { return d.runner(ctx, c, judge) })
	if err != nil {
		return err
	}
	st := *old
	st.config, st.judge = c, judge
	d.adopt(&st)
	d.pruneProblems(c)
	d.evaluate(&st)
	return nil
}

// read reads the configuration as it is now.
func (d *daemon) read() (*config.Config, error) { return ops.Load(d.Path, true) }

// rotated tells whether a secret manager gives other secrets than before. One
// that cannot be asked gives none, and the old ones go on.
func (d *daemon) rotated(st *state) bool {
	if !st.config.Remote {
		return false
	}
	c, err := d.read()
	return err == nil && c.Resolved != st.config.Resolved && len(c.Lost(st.config)) == 0
}

// sameStore refuses what only a restart can change.
func sameStore(old, c *config.Config) error {
	for _, s := range []struct {
		key      string
		was, now any
	}{{"store.path", old.Store.Path, c.Store.Path}, {"store.key", [2]string{old.Store.Key, old.Store.KeyText.Reveal()}, [2]string{c.Store.Key, c.Store.KeyText.Reveal()}},
		{"store.encryption", old.Store.Encryption, c.Store.Encryption}, {"serve.socket", old.Serve.Socket, c.Serve.Socket},
		{"serve.listen", old.Serve.Listen, c.Serve.Listen}, {"serve.hosts", old.Serve.Hosts, c.Serve.Hosts}, {"serve.jitter", old.Serve.Jitter, c.Serve.Jitter}} {
		if !reflect.DeepEqual(s.was, s.now) {
			return &config.Error{File: c.Path, Message: s.key + " has changed: restart the daemon for that"}
		}
	}
	return nil
}

// decodeLoose reads the members of an entry's body that v has.
func decodeLoose(b json.RawMessage, v any) bool { return json.Unmarshal(b, v) == nil }
