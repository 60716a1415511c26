package ops

import (
	"context"
	"fmt"
	"slices"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// Collect implements Service.
func (o *Operations) Collect(ctx context.Context, req api.CollectRequest, progress api.ProgressFunc) (*api.Collected, error) {
	c, err := o.backend.Config(true)
	if err != nil {
		return nil, err
	}
	if err := CheckSources(c, req.Sources); err != nil {
		return nil, err
	}
	opened, _, err := o.backend.OpenForWrite(c)
	s, err := o.session(c, opened, err)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out, err := o.collect(evidence.WithActor(ctx, req.Actor), s, req.Sources, progress)
	if err != nil {
		return nil, err
	}
	out.Warnings = o.anchorAfter(ctx, s)
	if err := s.KeptError(); err != nil {
		out.Warnings = append(out.Warnings, fmt.Sprintf("that this log was not cut cannot be told next time: %v", err))
	}
	return out, nil
}

// collect collects, and compares what the log says with what it said before.
func (o *Operations) collect(ctx context.Context, s *session, names []string, progress api.ProgressFunc) (*api.Collected, error) {
	out := &api.Collected{Started: o.now().UTC()}
	before, err := s.judge.Observed(ctx, out.Started)
	if err != nil {
		return nil, err
	}
	runs, err := o.backend.Collect(ctx, s.config, s.Store, s.judge, names, func(r evidence.Run, done, total int) {
		if r.Outcome == evidence.Missed { // they are counted, and not kept
			out.Missed++
		}
		progress.Set("collecting", int64(done), int64(total))
	})
	if err != nil {
		return nil, err
	}
	out.Finished = o.now().UTC()
	out.Streams = streamResults(runs)
	after, err := s.judge.Observed(ctx, out.Finished)
	if err != nil {
		return nil, err
	}
	s.judge.Keep()
	out.Gaps = gapChange(before, after)
	return out, nil
}

func streamResults(runs []evidence.Run) []api.StreamResult {
	out := make([]api.StreamResult, 0, len(runs))
	for _, r := range runs {
		s := api.StreamResult{Stream: r.Stream.String(), Outcome: r.Outcome}
		if r.Reason != nil {
			s.Reason = r.Reason.String()
		}
		if cert := r.Certificate; cert != nil {
			s.Rows, s.Pages, s.Requests = cert.Rows, cert.Pages, cert.Requests
		}
		out = append(out, s)
	}
	return out
}

// gapChange counts the gaps that opened and closed between two results.
func gapChange(before, after *result.Result) (n api.GapChange) {
	was := map[string]bool{}
	for _, g := range before.Gaps {
		was[g.ID] = !closed(g)
	}
	for _, g := range after.Gaps {
		open, known := was[g.ID]
		switch {
		case !closed(g):
			n.Open++
			if !known {
				n.Opened++
			}
		case open, !known:
			n.Closed++
		}
	}
	return n
}

// Anchor implements Service.
func (o *Operations) Anchor(ctx context.Context, req api.AnchorRequest) (*api.Anchored, error) {
	c, err := o.backend.Config(false)
	if err != nil {
		return nil, err
	}
	if err := needsAnchors(c); err != nil {
		return nil, err
	}
	s, _, err := o.backend.OpenForWrite(c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	shown, err := ShowAnchors(ctx, c, s)
	if shown == nil {
		shown = []evidence.Anchor{}
	}
	return &api.Anchored{Anchors: shown}, err
}

// anchorAfter shows the checkpoint at the end of a collection, which that cannot
// fail: what went wrong is in the log, and returned as warnings.
func (o *Operations) anchorAfter(ctx context.Context, s *session) (warnings []string) {
	shown, err := ShowAnchors(ctx, s.config, s)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("anchors: %v", err))
	}
	for _, an := range shown {
		if an.Error != "" {
			warnings = append(warnings, fmt.Sprintf("the anchor %s has not seen the log: %s", an.Name, an.Error))
		}
	}
	return slices.Clip(warnings)
}
