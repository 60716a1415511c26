package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
)

// anchorEvery is how often checkpoints are shown at most, anchorTimeout how long
// the anchors may take.
const (
	anchorEvery   = time.Hour
	anchorTimeout = 2 * time.Minute
)

// anchorLoop shows the newest checkpoint to the anchors after passes. It is a
// loop of its own, so that an anchor that stands still, as a dead mount does,
// keeps no collection waiting.
func (d *daemon) anchorLoop(ctx context.Context) {
	last := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.anchorDue:
		}
		st, err := d.current(ctx)
		if err != nil {
			return
		}
		if len(st.config.Anchors) == 0 || last != 0 && elapsed()-last < anchorEvery {
			continue
		}
		last = elapsed()
		if !d.anchor(ctx, st.config, anchorTimeout) {
			return
		}
	}
}

// anchor shows the checkpoint, and waits for the anchors until timeout. Of one
// that has not answered by then it says so, and waits on; it is false where ctx
// ends first. What else goes wrong is in the log, and is tried again after a later pass.
func (d *daemon) anchor(ctx context.Context, c *config.Config, timeout time.Duration) bool {
	ended := make(chan error, 1)
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	go func() { ended <- d.showAnchors(bounded, c) }()
	late := time.NewTimer(timeout + timeout/10) // those that heed the context have ended by then
	defer late.Stop()
	for {
		select {
		case err := <-ended:
			d.setProblem("anchors", err)
			return true
		case <-ctx.Done():
			return false
		case <-late.C:
			d.setProblem("anchors", fmt.Errorf("an anchor has not answered for %s: is a file system that it is on gone?", timeout))
		}
	}
}

// showAnchors returns what went wrong with any of them.
func (d *daemon) showAnchors(ctx context.Context, c *config.Config) error {
	shown, err := d.show(ctx, c, d.store)
	for _, an := range shown {
		if an.Error != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", an.Name, evidence.Printable(an.Error)))
		}
	}
	return err
}
