package transport

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// Options set up the door. The zero value is right for production.
type Options struct {
	// Base carries the requests. Nil means net/http with the proxy and the CA
	// bundle that the environment names, and TLS 1.2 or newer.
	Base http.RoundTripper
	// Run runs programs. Nil means that it does.
	Run func(context.Context, Process) (collectors.Reply, error)
	// ReadFile reads files. Nil means that it does.
	ReadFile func(context.Context, File) (collectors.FileReply, error)
	// Consult asks a server that does not speak HTTP. Nil means that the collector does.
	Consult func(context.Context, collectors.Consultation) (string, error)
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Sleep waits for d or until ctx ends; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter returns numbers in [0, 1) that spread retries; nil means random ones.
	Jitter func() float64
	// MaxBody bounds a response body in bytes, 64 MiB if 0. A longer one is an error.
	MaxBody int64
	// MaxCapture bounds the bodies of one collection together, in bytes, 1 GiB if 0. Beyond
	// it nothing more is asked.
	MaxCapture int64
	// AttemptTimeout bounds one attempt, the body included; 60 s if 0.
	AttemptTimeout time.Duration
	// Patience bounds all waiting between the attempts of one request; 5 min if 0.
	Patience time.Duration
	// Concurrency bounds the requests under way in one lane, 8 if 0. It is
	// lowered while the source throttles there.
	Concurrency int
	// Total bounds the requests under way in all lanes together, 64 if 0.
	Total int
	// Conceal are secrets that are no source's own, such as the signing key of the
	// log: no answer may carry them into the evidence.
	Conceal []string
	// Offline: Base is a recording; see Env.Offline.
	Offline bool
}

func (o Options) withDefaults() (Options, error) {
	orElse(&o.MaxBody, 64<<20)
	orElse(&o.MaxCapture, 1<<30)
	orElse(&o.AttemptTimeout, time.Minute)
	orElse(&o.Patience, 5*time.Minute)
	orElse(&o.Concurrency, 8)
	orElse(&o.Total, 64)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Run == nil {
		o.Run = RunProgram
	}
	if o.ReadFile == nil {
		o.ReadFile = ReadFile
	}
	if o.Consult == nil {
		o.Consult = askServer
	}
	if o.Sleep == nil {
		o.Sleep = sleepRealTime
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	var err error
	if o.Base == nil {
		o.Base, err = defaultTransport()
	}
	return o, err
}

func orElse[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// sleepRealTime waits on the real clock. It does not start to wait for what lies
// beyond the deadline of ctx.
func sleepRealTime(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return context.DeadlineExceeded
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// gateway is the one way out. It admits only declared reads to known hosts,
// records every attempt, and retries what may succeed a little later.
type gateway struct {
	opt      Options
	calls    identifier
	programs programs
	files    map[string]string
	// consultations are the declared calls of servers that do not speak HTTP, and
	// schemes those of their addresses.
	consultations map[string]bool
	schemes       []string
	hosts         []string
	throttled     func(status int, h http.Header, body []byte) bool
	lane          func(*http.Request) string
	quota         *collectors.Quota
	redact        *redactor
	limits        *limiter
	answers       *answerCache // nil if the source does not revalidate
	log           *slog.Logger
}

// maxRequest bounds a request body: a read asks little.
const maxRequest = 1 << 20

// RoundTrip implements http.RoundTripper. Its errors wrap the classes of this package.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	q, err := g.admit(r)
	if err != nil {
		return nil, err
	}
	p := g.newBackoff(q)
	for n := 1; ; n++ {
		if err := g.waitForLane(r.Context(), q, p); err != nil {
			return nil, err
		}
		a := g.attempt(q, n)
		if a.err == nil {
			g.applyQuota(q.lane, a.resp)
			return a.resp, nil
		}
		if !a.again {
			return nil, a.err
		}
		wait, err := p.next(a)
		if err != nil {
			return nil, err
		}
		if err := g.sleep(r.Context(), wait, a.err); err != nil {
			return nil, err
		}
	}
}

// waitForLane waits while the host has asked everyone to.
func (g *gateway) waitForLane(ctx context.Context, q *admittedRequest, p *backoffState) error {
	wait := g.limits.pause(q.lane, g.opt.Now())
	if wait <= 0 {
		return nil
	}
	busy := fmt.Errorf("%w: %s asked to wait %s", collectors.ErrThrottled, q.req.URL.Host, wait.Round(time.Second))
	if !p.spend(wait) {
		return busy
	}
	return g.sleep(ctx, wait, busy)
}

// sleep sleeps. If the context ends before the rest does, the cause of the rest
// is the error, because it is the reason for which nothing was read.
func (g *gateway) sleep(ctx context.Context, wait time.Duration, cause error) error {
	err := g.opt.Sleep(ctx, wait)
	if err == nil {
		return nil
	}
	if context.Cause(ctx) == context.Canceled {
		return fmt.Errorf("%w while waiting to ask again", err)
	}
	return fmt.Errorf("%w (%w while waiting to ask again)", cause, err)
}

// client returns the HTTP client that leads through the door.
func (g *gateway) client() *http.Client {
	return &http.Client{Transport: g, CheckRedirect: stayOnHost}
}

// stayOnHost refuses redirects to another host, which would carry the credential there.
func stayOnHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	if r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		return collectors.Incomplete("redirect from %s to %s leaves the host", first.Host, r.URL.Host)
	}
	if len(via) >= 5 {
		return collectors.Incomplete("more than 5 redirects from %s", first.Host)
	}
	return nil
}
