package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/evidenced/evidenced/api"
)

// patience is how long a command works before it shows a bar.
const patience = 2 * time.Second

// progress is a bar on standard error, if that is a terminal. Its zero value
// shows nothing.
type progress struct {
	mu      sync.Mutex
	out     io.Writer
	started time.Time
	bars    *mpb.Progress
	bar     *mpb.Bar
}

func (a *app) progress() *progress {
	p := &progress{started: time.Now()}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out = f
	}
	return p
}

// set is an api.ProgressFunc: it moves the bar, whose total may grow.
func (p *progress) set(at api.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil || time.Since(p.started) < patience {
		return
	}
	if p.bar == nil {
		p.bars = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(40))
		p.bar = p.bars.AddBar(at.Total, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(at.Name+" ")),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	p.bar.SetTotal(at.Total, false)
	p.bar.SetCurrent(at.Done)
}

// end takes the bar away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Abort(true)
		p.bars.Wait()
		p.bar = nil
	}
}
