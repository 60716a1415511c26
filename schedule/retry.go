package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// transient reports a class after which the same reading may succeed a little
// later. What was denied is denied again.
func transient(c evidence.Class) bool {
	switch c {
	case evidence.Throttled, evidence.Unreachable, evidence.Incomplete:
		return true
	}
	return false
}

// Why a slot failed whose reading was canceled: the agent had to stop, or the
// request to collect was withdrawn. Both are tried again.
var (
	stoppedReason   = evidence.Reason{Class: evidence.Unreachable, Detail: "the agent was stopped while it was read"}
	withdrawnReason = evidence.Reason{Class: evidence.Unreachable, Detail: "the request to collect it was withdrawn while it was read"}
)

// errWithdrawn is the cause of a context of Daemon.Now whose caller's ended.
var errWithdrawn = errors.New("the request to collect was withdrawn")

func canceledReason(ctx context.Context) evidence.Reason {
	if errors.Is(context.Cause(ctx), errWithdrawn) {
		return withdrawnReason
	}
	return stoppedReason
}

// endedBy returns why a context ended: its error, and the cause if that is another.
func endedBy(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == err {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// retryDelays are the waits between a slot that failed for a transient reason and
// the slots that try the same again. What then still fails waits for its next slot.
var retryDelays = []time.Duration{5 * time.Minute, 20 * time.Minute, 80 * time.Minute}

// retryStreams collects the retryable streams of a source once more, as slots on
// demand: the slot that failed has ended, and stays in the log.
func (t *tick) retryStreams(ctx context.Context, s *Source) error {
	root := s.root()
	visit := t.visit(ctx, s, root.Scope)
	if _, retryable := s.ledger.Retryable[root]; retryable {
		if err := t.root(ctx, s, t.demanded(root), slotRange{}, visit); err != nil {
			return err
		}
	}
	var slots []evidence.Slot
	for _, st := range s.knownStreams() {
		if _, retryable := s.ledger.Retryable[st]; retryable {
			slots = append(slots, t.demanded(st))
		}
	}
	t.total += len(slots)
	if err := t.readAll(ctx, s, slots, t.visits(ctx, s, slots, visit)); err != nil {
		return err
	}
	return t.streams(ctx, s, false, visit) // those that only a root that was read shows
}

func (t *tick) demanded(st evidence.Stream) evidence.Slot {
	return evidence.Slot{Stream: st, Due: t.now, Trigger: evidence.OnDemand}
}
