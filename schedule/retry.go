package schedule

import (
	"context"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// transient tells the classes after which the same reading may succeed a little
// later. What was refused is refused again.
func transient(c evidence.Class) bool {
	switch c {
	case evidence.Throttled, evidence.Unreachable, evidence.Incomplete:
		return true
	}
	return false
}

// stoppedReason is why a slot failed that was being read when the agent had to stop.
var stoppedReason = evidence.Reason{Class: evidence.Unreachable, Detail: "the agent was stopped while it was read"}

// retryDelays are the waits between a slot that failed for a reason that may pass
// and the slots that try the same again. What then still fails waits for its next slot.
var retryDelays = []time.Duration{5 * time.Minute, 20 * time.Minute, 80 * time.Minute}

// retryStreams collects the weak streams of a source once more. They are slots on
// demand: the slot that failed has ended, and stays in the log.
func (t *tick) retryStreams(ctx context.Context, s *Source) error {
	root := s.root()
	visit := t.visit(ctx, s, root.Scope)
	if _, retryable := s.ledger.retryable[root]; retryable {
		if err := t.root(ctx, s, t.demanded(root), slotRange{}, visit); err != nil {
			return err
		}
	}
	var slots []evidence.Slot
	for _, st := range s.knownStreams() {
		if _, retryable := s.ledger.retryable[st]; retryable {
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
