package daemon

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/notify"
	"github.com/evidenced/evidenced/ops"
)

// retryEvery is how often a channel that failed may be tried again, checkDuesEvery how
// often promised times are looked at. A pass that ended is looked at at once.
const (
	retryEvery     = time.Minute
	checkDuesEvery = 15 * time.Minute
)

// notifyLoop tells people what matters, by the configuration in force.
func (d *daemon) notifyLoop(ctx context.Context) {
	var desk *notify.Desk
	var of *state
	var events []notify.Event
	var looked time.Duration
	t := time.NewTicker(retryEvery)
	defer t.Stop()
	for noticed := true; ; {
		st, err := d.current(ctx)
		if err != nil {
			return
		}
		if st != of {
			desk, err = d.desk(st.config)
			d.setProblem("notifications", err)
			of, noticed = st, true
		}
		if noticed || elapsed()-looked >= checkDuesEvery {
			events, looked = d.events(st), elapsed()
			d.untidy.Store(true) // the first time the whole log was read
		}
		if desk != nil {
			d.notify(ctx, desk, append(notify.Troubles(d.notifiableProblems(), d.Now()), events...))
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			noticed = false
			d.tidy()
		case <-d.noticed:
			noticed = true
		}
	}
}

// events gives what the log has to tell.
func (d *daemon) events(st *state) []notify.Event {
	now := d.Now().UTC()
	res, err := st.judge.Observed(context.Background(), now)
	var titles map[string]string
	if err == nil {
		titles, err = testTitles(st.config)
	}
	d.setProblem("judge", err)
	if err != nil {
		return nil
	}
	return append(notify.Events(res, titles, now), notify.Week(res, now)...)
}

// notify tells what was not told yet.
func (d *daemon) notify(ctx context.Context, desk *notify.Desk, events []notify.Event) {
	for _, r := range desk.Tell(ctx, events, d.Now().UTC()) {
		result := "sent"
		if r.Err != nil {
			result = "failed"
			d.Log.Warn("notification", "channel", r.Channel, "error", r.Err.Error())
		}
		d.metrics.Notified(r.Channel, result)
		d.setProblem(channelProblem+r.Channel, r.Err) // so that it shows
	}
}

// notifiableProblems returns the problems that people are told of; that they could not be told
// is none of them.
func (d *daemon) notifiableProblems() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := maps.Clone(d.problems)
	maps.DeleteFunc(out, func(what, _ string) bool { return strings.HasPrefix(what, channelProblem) })
	return out
}

const channelProblem = "notify "

// testTitles names the tests and the duties.
func testTitles(c *config.Config) (map[string]string, error) {
	cat, err := ops.LoadCatalogue(c)
	if err != nil {
		return nil, err
	}
	titles := map[string]string{}
	for _, t := range cat.Tests() {
		titles[t.ID] = t.Title
	}
	for _, d := range cat.Duties() {
		titles[d.ID] = d.Title
	}
	return titles, nil
}

// desk makes the channels of a configuration; what they were told is in the log.
func (d *daemon) desk(c *config.Config) (*notify.Desk, error) {
	if len(c.Notify) == 0 {
		return nil, nil
	}
	var channels []notify.Channel
	for _, n := range c.Notify {
		s, err := sender(n, d.Now)
		if err != nil {
			s = failedSender{fmt.Errorf("it cannot be used: %w", err)}
		}
		channels = append(channels, notify.Channel{Name: n.Name, Severity: n.Severity, Digest: n.Digest, Sender: s})
	}
	desk := notify.NewDesk(c.Organization, channels, func(ctx context.Context, n notify.Note) error {
		e, err := evidence.WithBody(evidence.EntryAgent, n)
		if err != nil {
			return err
		}
		return d.store.Append(context.WithoutCancel(ctx), func(w evidence.Writer) error {
			_, err := w.Entry(e)
			return err
		})
	})
	for e, err := range d.store.Entries(0) {
		if err != nil {
			return nil, fmt.Errorf("read who was told what: %w", err)
		}
		var n notify.Note
		if e.Type == evidence.EntryAgent && decodeLoose(e.Body, &n) && (n.Event == notify.Notified || n.Event == notify.Failed) {
			desk.Remember(n)
		}
	}
	return desk, nil
}

// failedSender stands for a channel whose secrets could not be had.
type failedSender struct{ err error }

// Send implements notify.Sender.
func (m failedSender) Send(context.Context, notify.Message) error { return m.err }

// sender gives the sender of a channel.
func sender(n config.Notify, now func() time.Time) (notify.Sender, error) {
	switch {
	case n.Slack != "":
		return with(n.Slack, func(url string) (notify.Sender, error) { return notify.NewSlack(url) })
	case n.SMTP != nil:
		m := &notify.Mail{Host: n.SMTP.Host, From: n.SMTP.From, To: n.SMTP.To, Username: n.SMTP.Username, Password: n.SMTP.Password.Reveal()}
		if n.SMTP.Username != "" {
			return m, n.SMTP.Password.Check()
		}
		return m, nil
	case n.Webhook != nil:
		w := n.Webhook
		return with(w.URL, func(url string) (notify.Sender, error) {
			return with(w.Secret, func(secret string) (notify.Sender, error) { return notify.NewWebhook(url, secret, now) })
		})
	case n.PagerDuty != nil:
		return with(n.PagerDuty.Key, func(key string) (notify.Sender, error) {
			return notify.NewPagerDuty(orElse(n.PagerDuty.Endpoint, notify.PagerDutyEndpoint), key)
		})
	case n.GitHub != nil:
		return with(n.GitHub.Token, func(token string) (notify.Sender, error) {
			return notify.NewGitHub(orElse(n.GitHub.Endpoint, notify.GitHubEndpoint), n.GitHub.Repository, token)
		})
	}
	j := n.Jira
	return with(j.Token, func(token string) (notify.Sender, error) {
		return notify.NewJira(j.URL, j.Email, token, j.Project, j.Type)
	})
}

// with gives a secret to who needs it, if it could be had.
func with(s collectors.Secret, use func(string) (notify.Sender, error)) (notify.Sender, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return use(s.Reveal())
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
