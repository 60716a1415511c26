package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Sender carries a message. It may be called again with the same one, after it
// failed or when it is not known whether it did not: the ID tells.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Channel is where people are told.
type Channel struct {
	// Name tells it from the others, in the log and in metrics.
	Name string
	// Severity is the least that is told there.
	Severity string
	// Digest says whether the week's digest is told there.
	Digest bool
	Sender Sender
}

// Note is the body of the log's entry on a message: who was told what, or why not.
type Note struct {
	Event    string   `json:"event"` // notified, or notification_failed
	Channel  string   `json:"channel"`
	Message  string   `json:"message"`
	Keys     []string `json:"keys,omitempty"`
	Attempts int      `json:"attempts"`
	Error    string   `json:"error,omitempty"`
}

// The events of a Note.
const (
	Notified = "notified"
	Failed   = "notification_failed"
)

// Desk knows what was told, and tells what was not.
type Desk struct {
	organization string
	channels     []*lane
	write        func(context.Context, Note) error
}

// lane is a channel and what is known of it. It is used by one at a time.
type lane struct {
	Channel
	told     map[string]bool
	attempts int
	again    time.Time // not before
	failing  bool      // the log says so
	// frozen is a message that could not be sent whole: it is tried again as it is,
	// so that who got a part of it knows it again.
	frozen *Message
	// unwritten are notes that the log would not take.
	unwritten []Note
}

// sendTime bounds one attempt; the waits between attempts double from firstWait to lastWait.
const (
	sendTime  = 3 * time.Minute
	firstWait = time.Minute
	lastWait  = time.Hour
)

// NewDesk makes a desk for the channels. write appends a note to the log.
func NewDesk(organization string, channels []Channel, write func(context.Context, Note) error) *Desk {
	d := &Desk{organization: organization, write: write}
	for _, c := range channels {
		d.channels = append(d.channels, &lane{Channel: c, told: map[string]bool{}})
	}
	return d
}

// Remember takes a note of the log: what was told need not be told again.
func (d *Desk) Remember(n Note) {
	for _, l := range d.channels {
		if l.Name == n.Channel {
			l.failing = n.Event == Failed
			for _, k := range n.Keys {
				l.told[k] = n.Event == Notified || l.told[k]
			}
		}
	}
}

// Result is what came of telling one channel.
type Result struct {
	Channel string
	Err     error
}

// Tell tells each channel what it was not told yet. A channel that fails is left
// alone for a while, and told later, by another call.
func (d *Desk) Tell(ctx context.Context, events []Event, now time.Time) []Result {
	results := make([]*Result, len(d.channels))
	var wg sync.WaitGroup
	for i, l := range d.channels {
		wg.Go(func() { results[i] = d.tell(ctx, l, events, now) })
	}
	wg.Wait()
	var out []Result
	for _, r := range results {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}

// tell tells one channel: first what it could not be told whole, then what is new.
func (d *Desk) tell(ctx context.Context, l *lane, events []Event, now time.Time) *Result {
	if now.Before(l.again) {
		return nil
	}
	var res *Result
	if l.frozen != nil {
		if res = d.send(ctx, l, *l.frozen, now); res == nil || l.frozen != nil {
			return res
		}
	}
	if fresh := l.untold(events); len(fresh) > 0 {
		return d.send(ctx, l, Compose(d.organization, fresh, now), now)
	}
	if res == nil && len(l.unwritten) > 0 {
		if err := l.catchUp(ctx, d.write); err != nil {
			return &Result{l.Name, err}
		}
	}
	return res
}

// send makes one attempt; nil where we stop meanwhile.
func (d *Desk) send(ctx context.Context, l *lane, m Message, now time.Time) *Result {
	attempt, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	l.attempts++
	err := l.Sender.Send(attempt, m)
	if ctx.Err() != nil && err != nil {
		return nil // we stop; the next start tells it
	}
	l.frozen = nil
	var some partly
	if errors.As(err, &some) { // told, but not to everybody: told again it would come twice
		n := Note{Event: Notified, Channel: l.Name, Message: m.ID, Keys: m.Keys, Attempts: l.attempts, Error: evidence.Printable(err.Error())}
		return &Result{l.Name, errors.Join(fmt.Errorf("notify %s: %w", l.Name, err), l.note(ctx, d.write, n, nil))}
	}
	n := Note{Event: Notified, Channel: l.Name, Message: m.ID, Keys: m.Keys, Attempts: l.attempts}
	if err != nil {
		l.frozen = &m
		wait := min(firstWait<<min(l.attempts-1, 10), lastWait)
		l.again = now.Add(wait)
		err = fmt.Errorf("notify %s: %w; again in %s", l.Name, err, wait)
		n = Note{Event: Failed, Channel: l.Name, Message: m.ID, Attempts: l.attempts, Error: evidence.Printable(err.Error())}
	}
	return &Result{l.Name, l.note(ctx, d.write, n, err)}
}

// note writes down what came of it. Of a channel that fails, only the first time
// is written. What was told is not told again because the log is in trouble: it
// is written down when the log takes it, before anything else is told.
func (l *lane) note(ctx context.Context, write func(context.Context, Note) error, n Note, err error) error {
	if err == nil || !l.failing {
		l.unwritten = append(l.unwritten, n)
	}
	if l.failing = err != nil; err == nil {
		l.attempts, l.again = 0, time.Time{}
		for _, k := range n.Keys {
			l.told[k] = true
		}
	}
	return errors.Join(err, l.catchUp(ctx, write))
}

// partly is the error of a sender that told some of those it should.
type partly struct{ error }

// catchUp writes down what the log would not take before.
func (l *lane) catchUp(ctx context.Context, write func(context.Context, Note) error) error {
	for len(l.unwritten) > 0 {
		if err := write(ctx, l.unwritten[0]); err != nil {
			return fmt.Errorf("write down what %s was told: %w", l.Name, err)
		}
		l.unwritten = l.unwritten[1:]
	}
	return nil
}

// untold are the events that are for the channel and that it does not know. That
// a gap is fixed is of use only to who knows of it.
func (l *lane) untold(events []Event) (out []Event) {
	for _, e := range events {
		switch {
		case l.told[e.Key], rank(e.Severity) < rank(l.Severity):
		case e.What == Digest && !l.Digest:
		case e.What == Fixed && !l.told[strings.TrimSuffix(e.Key, string(Fixed))+string(Opened)]:
		default:
			out = append(out, e)
		}
	}
	return slices.Clip(out)
}
