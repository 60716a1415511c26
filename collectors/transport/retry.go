package transport

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/evidenced/evidenced/collectors"
)

// Attempts of one request, by what stood in the way: throttling is ended by
// Patience sooner than by the count; other failures are tried again by the
// next slot.
const (
	maxThrottled = 20
	maxFailed    = 6
)

// backoffState decides when one request is asked again.
type backoffState struct {
	gateway  *gateway
	lane     string
	interval *backoff.ExponentialBackOff
	tries    int
	most     int // tries that fail otherwise than by throttling
	waited   time.Duration
}

func (g *gateway) newBackoff(q *admittedRequest) *backoffState {
	// The jitter is ours, so that it can be fixed; the steps are the library's.
	b := &backoff.ExponentialBackOff{InitialInterval: time.Second, Multiplier: 2, MaxInterval: 30 * time.Second}
	b.Reset()
	return &backoffState{gateway: g, lane: q.lane, most: collectors.TriesFromContext(q.req.Context(), maxFailed), interval: b}
}

// spend takes d from the patience, and reports whether there was enough.
func (p *backoffState) spend(d time.Duration) bool {
	if p.waited+d > p.gateway.opt.Patience {
		return false
	}
	p.waited += d
	return true
}

// next returns the wait before the next attempt, or the error to end with. What
// the source states is honoured; otherwise the wait is drawn from an interval
// that doubles (full jitter).
func (p *backoffState) next(a answer) (time.Duration, error) {
	p.tries++
	throttled := errors.Is(a.err, collectors.ErrThrottled)
	if p.tries >= maxThrottled || !throttled && p.tries >= p.most {
		return 0, fmt.Errorf("%w, for the %dth time", a.err, p.tries)
	}
	wait := time.Duration(p.gateway.opt.Jitter() * float64(p.interval.NextBackOff()))
	if asked, ok := p.gateway.statedWait(a); ok {
		wait = max(asked, wait)
		if throttled && wait <= p.gateway.opt.Patience {
			p.gateway.limits.hold(p.lane, p.gateway.opt.Now().Add(asked))
		}
	}
	if !p.spend(wait) {
		return 0, fmt.Errorf("%w, and to ask again would take %s more, beyond the patience of %s", a.err, wait.Round(time.Second), p.gateway.opt.Patience)
	}
	return wait, nil
}

// statedWait returns how long the source asked to wait. Its own Date header is
// the clock, where there is one, so that neither side's clock matters.
func (g *gateway) statedWait(a answer) (time.Duration, bool) {
	if a.resp == nil || a.resp.StatusCode < 400 && !errors.Is(a.err, collectors.ErrThrottled) {
		return 0, false
	}
	h, now := a.resp.Header, g.clock(a.resp.Header)
	if d, ok := parseRetryAfter(h.Get("Retry-After"), now); ok {
		return d, true
	}
	if strings.TrimSpace(h.Get("X-Ratelimit-Remaining")) == "0" {
		return parseReset(h.Get("X-Ratelimit-Reset"), now)
	}
	return quotaReset(g.quota, h, now)
}

// clock returns the source's time of an answer, ours where it states none.
func (g *gateway) clock(h http.Header) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return g.opt.Now()
}

// longest is the longest wait; a longer one counts as this one. It is beyond any patience.
const longest = 1000 * time.Hour

// parseRetryAfter reads seconds or an HTTP date; a time gone by is no wait.
func parseRetryAfter(v string, now time.Time) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	if t, err := http.ParseTime(v); err == nil {
		return between(t.Sub(now)), true
	}
	return seconds(v)
}

// parseReset reads seconds since 1970.
func parseReset(v string, now time.Time) (time.Duration, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0, false
	}
	return between(time.Unix(n, 0).Sub(now)), true
}

func seconds(v string) (time.Duration, bool) {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, false
	}
	return between(time.Duration(min(n, uint64(longest/time.Second))) * time.Second), true
}

func between(d time.Duration) time.Duration { return min(max(d, 0), longest) }
