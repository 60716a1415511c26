package daemon

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evidenced/evidenced/anchor"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/serve"
)

// TestAnchorThatHangs: an anchor that stands still, whatever its context says, is
// a problem that shows; it ends when the anchor answers, and it does not keep
// the daemon from stopping.
func TestAnchorThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		d := &daemon{Options: Options{Log: slog.New(slog.DiscardHandler), Now: time.Now}, problems: map[string]string{},
			show: func(context.Context, *config.Config, anchor.Log) ([]evidence.Anchor, error) {
				<-answer
				return []evidence.Anchor{{Name: "vault"}}, nil
			}}
		ended := make(chan bool)
		go func() { ended <- d.anchor(t.Context(), &config.Config{}, anchorTimeout) }()
		time.Sleep(anchorTimeout - time.Second)
		synctest.Wait()
		if h := d.health(); h.Parts["anchors"] != serve.OK {
			t.Fatalf("a problem before its time: %v", h.Problems)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := d.health(); h.Parts["anchors"] != serve.Failing || !strings.Contains(h.Problems[0], "has not answered for 2m") {
			t.Fatalf("no problem: %v", h.Problems)
		}
		answer <- struct{}{}
		if !<-ended || d.health().Parts["anchors"] != serve.OK {
			t.Fatalf("it is over: %v", d.health().Problems)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { ended <- d.anchor(ctx, &config.Config{}, anchorTimeout) }()
		synctest.Wait()
		stop()
		if <-ended {
			t.Fatal("it waited for the anchor")
		}
		answer <- struct{}{}
	})
}
