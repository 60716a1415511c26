package simulator

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Options say which company it is and what happens to it.
type Options struct {
	// Seed is the company. Same options, same company.
	Seed int64
	// Start is the first instant of the observation period, midnight UTC.
	Start time.Time
	// Days is the length of the period. Below 20 nothing lasting is planted,
	// from 90 on every family of accidents happens.
	Days int
	// Plant lets things go wrong. Without it the company satisfies every test at every instant.
	Plant bool
	// Faults lets the answers go wrong as well. It means nothing without Plant.
	Faults bool
	// Clone gives the company a bare clone of one repository, for whoever has git to read it.
	Clone bool
}

// Planted is one gap that a perfect engine finds by the end of the period.
type Planted struct {
	// Kind is "deviation", "reconciliation", "blind", "scope" or "duty".
	Kind string
	// Test is the id of the violated test. Of a blind spot it is the test that
	// some records do not answer, empty if the stream itself could not be read.
	Test   string
	Stream evidence.Stream
	// Joined: of a blind spot, it is one of events that are joined with other
	// evidence, and begins when both were read.
	Joined bool
	// Resource is the record id of a deviation, the account id of a scope gap, empty for a blind spot.
	Resource string
	// Start is when the condition began, not when anyone could see it.
	Start time.Time
	// End is when it ended; zero if it never did within the period, and for events.
	End time.Time
	// Note says what happened.
	Note string
}

// Company is a simulated company. Its state never changes after New: the clock
// only moves the point at which it is looked at. It is safe for concurrent use.
type Company struct {
	opts       Options
	start, end time.Time
	now        atomic.Int64

	people    []*person
	org       *organization
	accounts  []*account
	repos     []*repository
	roster    []*entry
	directory []*oktaUser
	tokens    []*apiToken
	register  []*listing
	clone     *clone
	faults    []*fault
	off       []interval
	truth     []Planted
	handler   http.Handler

	mu       sync.Mutex
	attempts map[string]int
	reports  map[string]report
	graph    graphIndex
}

// New grows the company. The clock stands at the start of the period.
func New(o Options) *Company {
	o.Start = o.Start.UTC().Truncate(day)
	o.Faults = o.Faults && o.Plant
	c := &Company{
		opts: o, start: o.Start, end: o.Start.Add(time.Duration(o.Days) * day),
		attempts: map[string]int{}, reports: map[string]report{},
	}
	c.SetNow(c.start)
	d := newDice(o.Seed, 1)
	c.hire(d)
	c.foundOrganization(d)
	c.openAccounts(d)
	c.openRepositories(d)
	c.develop(d)
	d = newDice(o.Seed, 3) // of its own: who can sign in changes nobody's work
	c.enrol(d)
	c.openDirectory(d)
	c.listPrivileged(d)
	if o.Clone {
		c.clone = &clone{repo: c.repos[0], dropped: map[*pull]time.Time{}, cameBy: map[string]*pull{}, anew: map[string]*pull{}}
	}
	if o.Plant {
		c.goWrong()
	}
	if o.Clone {
		c.clone.record()
	}
	c.truth = c.derive()
	c.handler = c.routes()
	return c
}

// SetNow moves the clock, in either direction.
func (c *Company) SetNow(t time.Time) { c.now.Store(t.UnixNano()) }

// Now is the simulated instant, UTC.
func (c *Company) Now() time.Time { return time.Unix(0, c.now.Load()).UTC() }

// Off reports whether the agent's host is down at t: nothing is collected then.
func (c *Company) Off(t time.Time) bool {
	for _, iv := range c.off {
		if iv.holds(t) {
			return true
		}
	}
	return false
}

// Truth gives everything planted, in order of start. The slice is the caller's.
func (c *Company) Truth() []Planted { return append([]Planted(nil), c.truth...) }

// Accounts gives the ids of all AWS accounts, the management account first. One
// of them may join the organisation only in the course of the period.
func (c *Company) Accounts() []string {
	var out []string
	for _, a := range c.accounts {
		out = append(out, a.id)
	}
	return out
}

// Organization is the login of the GitHub organisation.
func (c *Company) Organization() string { return c.org.login }

// Token is the one GitHub token that is accepted.
func (c *Company) Token() string { return fmt.Sprintf("ghp_%036x", uint64(c.opts.Seed)*2654435761+77) }

// Handler serves AWS under any path, by the signature's credential scope, and
// GitHub under /github/ and Okta under /okta/.
func (c *Company) Handler() http.Handler { return c.handler }

func (c *Company) management() *account { return c.accounts[0] }

func (c *Company) awsStream(kind evidence.Kind, a *account) evidence.Stream {
	return evidence.Stream{Source: "aws", Kind: kind, Scope: evidence.Scope(a.id)}
}

func (c *Company) awsRoot() evidence.Stream {
	return evidence.Stream{Source: "aws", Kind: "aws.account", Scope: "organization"}
}

func (c *Company) oktaStream(kind evidence.Kind) evidence.Stream {
	return evidence.Stream{Source: "okta", Kind: kind, Scope: evidence.Scope(c.OktaDomain())}
}

var (
	rosterStream   = evidence.Stream{Source: "roster", Kind: "roster.person", Scope: "roster"}
	registerRoot   = evidence.Stream{Source: "register", Kind: "register.file", Scope: "register"}
	registerStream = evidence.Stream{Source: "register", Kind: "register.privileged", Scope: "register"}
)

func (c *Company) githubStream(kind evidence.Kind) evidence.Stream {
	return evidence.Stream{Source: "github", Kind: kind, Scope: evidence.Scope(c.org.login)}
}
