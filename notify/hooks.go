package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Slack posts to an incoming webhook, whose address is the secret.
// https://api.slack.com/messaging/webhooks
type Slack struct{ call *caller }

// NewSlack makes a sender of the webhook.
func NewSlack(webhook string) (*Slack, error) {
	c, err := newCaller(webhook, nil)
	return &Slack{c}, err
}

// Send implements Sender.
func (s *Slack) Send(ctx context.Context, m Message) error {
	// As a code block nothing in it is taken for a link, a mention or a format.
	return s.call.do(ctx, "POST", "", nil, map[string]any{"text": m.Subject(), "blocks": []any{
		map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": cut(m.Subject(), 150)}},
		map[string]any{"type": "rich_text", "elements": []any{map[string]any{"type": "rich_text_preformatted",
			"elements": []any{map[string]any{"type": "text", "text": cut(m.Text(), 2900)}}}}},
	}}, nil)
}

func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

// Webhook posts the message as JSON, signed.
//
// The header Evidenced-Signature is "t=SECONDS,v1=HEX": HEX is the HMAC-SHA256, under
// the secret, of SECONDS, a full stop, and the body. Idempotency-Key is the id of
// the message: the same one may come twice.
type Webhook struct {
	call   *caller
	secret string
	now    func() time.Time
}

// NewWebhook makes a sender to address.
func NewWebhook(address, secret string, now func() time.Time) (*Webhook, error) {
	c, err := newCaller(address, nil)
	return &Webhook{c, secret, now}, err
}

// hookBody is what a webhook gets.
type hookBody struct {
	Version      int         `json:"version"`
	ID           string      `json:"id"`
	At           time.Time   `json:"at"`
	Organization string      `json:"organization"`
	Subject      string      `json:"subject"`
	Groups       []hookGroup `json:"groups"`
}

type hookGroup struct {
	Group    string     `json:"group"`
	What     What       `json:"what"`
	Severity string     `json:"severity"`
	Title    string     `json:"title"`
	Count    int        `json:"count"`
	Open     int        `json:"open"`
	Gaps     []string   `json:"gaps"`
	Due      *time.Time `json:"due"`
	Text     string     `json:"text,omitempty"`
}

// Send implements Sender.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	b := hookBody{1, m.ID, m.At, m.Organization, m.Subject(), []hookGroup{}}
	for _, g := range m.Groups {
		if g.Gaps == nil {
			g.Gaps = []string{}
		}
		b.Groups = append(b.Groups, hookGroup{g.Name, g.What, g.Severity, g.Title, g.Count, g.Open, g.Gaps, g.Due, g.Text})
	}
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return w.call.send(ctx, "POST", "", map[string]string{"Idempotency-Key": m.ID, "Evidenced-Signature": Sign(w.secret, w.now(), body)}, body, nil)
}

// Sign gives the header Evidenced-Signature of a body that is sent at a time.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

// PagerDuty sends events of its Events API v2: one incident a group, which is
// resolved when no gap of the group is open any more.
// https://developer.pagerduty.com/docs/events-api-v2-overview
type PagerDuty struct {
	call *caller
	key  string
}

// PagerDutyEndpoint is the vendor's own.
const PagerDutyEndpoint = "https://events.pagerduty.com/v2/enqueue"

// NewPagerDuty makes a sender with the integration key of a service.
func NewPagerDuty(endpoint, key string) (*PagerDuty, error) {
	c, err := newCaller(endpoint, nil)
	return &PagerDuty{c, key}, err
}

// pagerSeverity are the vendor's words for ours.
var pagerSeverity = map[string]string{"critical": "critical", "high": "error", "medium": "warning", "low": "info"}

// Send implements Sender. What was sent before one of the groups failed is sent
// again with the same key, which changes nothing.
func (p *PagerDuty) Send(ctx context.Context, m Message) error {
	for _, g := range m.Groups {
		e := map[string]any{"routing_key": p.key, "dedup_key": cut("evidenced/"+m.Organization+"/"+g.Name, 255), "event_action": "trigger",
			"payload": map[string]any{"summary": cut(m.Organization+": "+g.Title, 1024), "source": "evidenced", "severity": pagerSeverity[g.Severity],
				"timestamp": m.At.Format(time.RFC3339), "group": g.Name, "class": g.What, "custom_details": map[string]any{"text": g.Line()}}}
		if g.What == Fixed {
			if g.Open > 0 {
				continue
			}
			e["event_action"] = "resolve"
			delete(e, "payload")
		}
		if err := p.call.do(ctx, "POST", "", nil, e, nil); err != nil {
			return err
		}
	}
	return nil
}
