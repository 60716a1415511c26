package simulator

import (
	"fmt"
	"slices"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// effect is what a fault does to an answer.
type effect string

const (
	// throttled: the vendor's way to say slow down.
	throttled effect = "throttled"
	// secondary: GitHub's secondary rate limit.
	secondary effect = "secondary"
	// unavailable and broken: 503 and 500.
	unavailable effect = "unavailable"
	broken      effect = "broken"
	// reset: the connection is torn down before any answer.
	reset effect = "reset"
	// truncated: the connection ends in the middle of the body.
	truncated effect = "truncated"
	// malformed: a whole answer that ends in the middle of its document.
	malformed effect = "malformed"
	// denied: the permission is missing; hidden: GitHub's 404 for the same.
	denied effect = "denied"
	hidden effect = "hidden"
	// refused: 422.
	refused effect = "refused"
	// selected: the token sees only some repositories, and the list of them says nothing of the others.
	selected effect = "limited to selected repositories"
	// missing: the file is not there.
	missing effect = "missing"
	// shallow: the clone's history is cut.
	shallow effect = "shallow"
	// expired: the credential is not valid any more.
	expired effect = "expired"
	// loops: the token of the next page leads to the same page.
	loops effect = "loops"
)

// fault is something wrong with some answers for a while.
type fault struct {
	span interval
	// op is the operation, "iam:GetAccountSummary" or "GET /orgs/{org}", or the
	// name of a file; vendor is "aws", "github", "okta" or "file" and stands for
	// all operations when op is empty.
	vendor, op string
	// where narrows it: an account, account/region, account/bucket, a
	// repository, or a query such as "role=admin". Empty means everywhere.
	where  string
	effect effect
	// times bounds the attempts of one request that fail; zero means all.
	times int
	// blinds are the streams that cannot be read whole because of it.
	blinds []evidence.Stream
	note   string
}

// call is one request, as faults see it.
type call struct {
	vendor, op string
	places     []string
	// key tells one request from another; attempts of the same request share it.
	key string
}

func (f *fault) hits(k call, now time.Time) bool {
	return f.vendor == k.vendor && f.span.holds(now) && (f.op == "" || f.op == k.op) &&
		(f.where == "" || slices.Contains(k.places, f.where))
}

// fault gives what is wrong with the call now, and counts its attempts. The
// attempt is 0 where no transient fault knows the call.
func (c *Company) fault(k call, now time.Time) (e effect, attempt int) {
	for i, f := range c.faults {
		if !f.hits(k, now) {
			continue
		}
		if f.times == 0 {
			return f.effect, 0
		}
		attempt = c.attempt(fmt.Sprintf("%d %s", i, k.key))
		if attempt <= f.times {
			return f.effect, attempt
		}
	}
	return "", attempt
}

func (c *Company) attempt(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts[key]++
	return c.attempts[key]
}
