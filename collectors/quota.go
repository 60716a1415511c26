package collectors

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Quota names the headers in which a source tells what is left of a limit.
type Quota struct {
	// Limit, Remaining and Reset are the headers' names.
	Limit, Remaining, Reset string
	// Left says that Reset holds the seconds left; otherwise it is a time, in
	// seconds since 1970.
	Left bool
	// Share is how much of the limit may be used, 1 if 0. The source's own users
	// share the limit: what is left to them is not ours.
	Share float64
}

// reset gives how long it takes until the limit begins anew.
func (q *Quota) reset(h http.Header, now time.Time) (time.Duration, bool) {
	switch {
	case q == nil:
		return 0, false
	case q.Left:
		return seconds(strings.TrimSpace(h.Get(q.Reset)))
	}
	return parseReset(h.Get(q.Reset), now)
}

// spent reports whether our share of the limit is used.
func (q *Quota) spent(h http.Header) bool {
	if q == nil {
		return false
	}
	remaining, err := strconv.ParseFloat(strings.TrimSpace(h.Get(q.Remaining)), 64)
	if err != nil {
		return false
	}
	limit, err := strconv.ParseFloat(strings.TrimSpace(h.Get(q.Limit)), 64)
	if err != nil || q.Share == 0 {
		return remaining <= 0
	}
	return remaining <= limit*(1-q.Share)
}

// spare holds a lane whose quota is spent, before the source has to refuse. A
// reset beyond the patience is not waited for: it may be a limit of another kind.
func (d *door) spare(lane string, resp *http.Response) {
	if !d.quota.spent(resp.Header) {
		return
	}
	now := d.opt.Now()
	if wait, ok := d.quota.reset(resp.Header, d.clock(resp.Header)); ok && wait > 0 && wait <= d.opt.Patience {
		d.limits.hold(lane, now.Add(wait))
	}
}
