package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

// judge is an engine that is kept, so that a new slot costs what the slot costs.
// It reads the log when it is first asked.
type judge struct {
	config *config.Config
	store  *store.Store

	mu     sync.Mutex // guards what follows
	engine *gap.Engine
	seen   uint64 // how many entries of the log the engine has seen
	last   *result.Result
}

// result gives what the log says as of t, which must be now.
func (j *judge) result(t time.Time) (*result.Result, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.follow(); err != nil {
		j.engine = nil // it cannot be relied on any more
		return nil, fmt.Errorf("judge the log: %w", err)
	}
	j.last = j.engine.Result(t)
	return j.last, nil
}

// rows gives the rows of a view as of what the log says now.
func (j *judge) rows(view evidence.Kind) (rows []gap.Row, from []gap.ViewSource, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.follow(); err != nil {
		j.engine = nil // it cannot be relied on any more
		return nil, nil, fmt.Errorf("judge the log: %w", err)
	}
	rows, from = j.engine.Rows(view)
	return rows, from, nil
}

// follow takes what the log has that the engine has not seen.
func (j *judge) follow() error {
	if j.engine == nil {
		cat, err := loadCatalogue(j.config)
		if err != nil {
			return err
		}
		j.engine, j.seen = gap.NewEngine(cat, period(j.config), gap.WithRoots(rootKinds(j.config))), 0
	}
	for e, err := range j.store.Entries(j.seen) {
		if err != nil {
			return err
		}
		j.seen = e.Index + 1
		if act, ok, err := evidence.ActOf(e); err != nil {
			return err
		} else if ok {
			j.engine.Act(act)
		}
		if e.Type != evidence.EntryRun || e.Run == nil {
			continue
		}
		if err := j.engine.Observe(*e.Run, gap.LinesOf(j.store, *e.Run)); err != nil {
			return err
		}
	}
	return nil
}

// known gives the newest result; nil before the first.
func (j *judge) known() *result.Result {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}
