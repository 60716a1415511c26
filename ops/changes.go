package ops

import (
	"context"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/ops/changes"
)

// Changes implements Service.
func (o *Operations) Changes(ctx context.Context, req api.ChangesRequest) (*api.ChangeList, error) {
	return readChanges(o, req.AsOf, func(l changes.Log) (*api.ChangeList, error) { return changes.List(ctx, l, req) })
}

// Change implements Service.
func (o *Operations) Change(ctx context.Context, req api.ChangeRequest) (*api.ChangeDetail, error) {
	return readChanges(o, req.AsOf, func(l changes.Log) (*api.ChangeDetail, error) { return changes.Show(ctx, l, req.Name) })
}

func readChanges[T any](o *Operations, asOf time.Time, read func(changes.Log) (*T, error)) (*T, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	l := changes.Log{Evidence: s, Period: periodOf(s.config), Options: []gap.Option{gap.WithRoots(rootKinds(s.config))}}
	if l.AsOf, err = o.at(asOf); err == nil {
		l.Catalogue, err = s.judge.Catalogue()
	}
	if err != nil {
		return nil, err
	}
	return read(l)
}
