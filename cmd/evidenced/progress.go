package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/serve"
)

// patience is how long a command works before it shows a bar.
const patience = 2 * time.Second

// progress is a bar on standard error, if that is a terminal. Its zero value
// shows nothing.
type progress struct {
	mu      sync.Mutex
	name    string
	out     io.Writer
	report  func(serve.Progress) // set where somebody else shows the bar
	started time.Time
	bars    *mpb.Progress
	bar     *mpb.Bar
}

func (a *app) progress(name string) *progress {
	p := &progress{name: name, started: time.Now()}
	if a.host != nil {
		p.report = a.host.report
	}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out = f
	}
	return p
}

// set moves the bar to done of total, which may grow.
func (p *progress) set(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.report != nil {
		p.report(serve.Progress{Name: p.name, Done: done, Total: total})
	}
	if p.out == nil || time.Since(p.started) < patience {
		return
	}
	if p.bar == nil {
		p.bars = mpb.New(mpb.WithOutput(p.out), mpb.WithWidth(40))
		p.bar = p.bars.AddBar(total, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(p.name+" ")),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	p.bar.SetTotal(total, false)
	p.bar.SetCurrent(done)
}

// slots is set as a schedule.Progress.
func (p *progress) slots(_ evidence.Run, done, total int) { p.set(int64(done), int64(total)) }

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
