package transport

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// quotaReset returns how long it takes until the limit begins anew.
func quotaReset(q *collectors.Quota, h http.Header, now time.Time) (time.Duration, bool) {
	switch {
	case q == nil:
		return 0, false
	case q.Left:
		return seconds(strings.TrimSpace(h.Get(q.Reset)))
	}
	return parseReset(h.Get(q.Reset), now)
}

// quotaSpent reports whether our share of the limit is used.
func quotaSpent(q *collectors.Quota, h http.Header) bool {
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

// applyQuota holds a lane whose quota is spent, before the source has to refuse. A
// reset beyond the patience is not waited for: it may be a limit of another kind.
func (g *gateway) applyQuota(lane string, resp *http.Response) {
	if !quotaSpent(g.quota, resp.Header) {
		return
	}
	now := g.opt.Now()
	if wait, ok := quotaReset(g.quota, resp.Header, g.clock(resp.Header)); ok && wait > 0 && wait <= g.opt.Patience {
		g.limits.hold(lane, now.Add(wait))
	}
}
