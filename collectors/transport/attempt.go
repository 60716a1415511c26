package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// answer is the result of one attempt.
type answer struct {
	resp *http.Response // nil if none came
	body []byte
	err  error // nil if resp can be handed on; otherwise it wraps a class
	// again: the same request may succeed later.
	again bool
	// unmodified is set if the source did not send resp again, but confirmed that it still holds.
	unmodified *evidence.Unmodified
}

// attempt asks once and records it.
func (g *gateway) attempt(q *admittedRequest, n int) answer {
	host := q.req.URL.Host
	if err := q.rec.room(g.opt.MaxCapture); err != nil {
		return answer{err: fmt.Errorf("%w: %s: %w", collectors.ErrIncomplete, host, err)}
	}
	if err := g.limits.acquire(q.req.Context(), q.lane); err != nil {
		return answer{err: fmt.Errorf("waiting to ask %s: %w", host, err)}
	}
	var a answer
	defer func() { g.limits.release(q.lane, errors.Is(a.err, collectors.ErrThrottled)) }()
	x := q.newExchange(n)
	x.Started = g.opt.Now()
	a = g.classify(q, g.exchange(q, n))
	x.Ended = g.opt.Now()
	g.record(q, x, a)
	g.log.Debug("asked", "call", q.call, "host", host, "attempt", n, "failed", a.err != nil)
	return a
}

// exchange sends the request and reads the answer whole, within AttemptTimeout.
func (g *gateway) exchange(q *admittedRequest, n int) answer {
	ctx, cancel := context.WithTimeout(q.req.Context(), g.opt.AttemptTimeout)
	defer cancel()
	r := q.forAttempt(context.WithValue(ctx, requestKey{}, q.newExchange(n)))
	var before *cachedAnswer
	if g.conditional(q) {
		if before = g.answers.get(q.req); before != nil {
			r.Header.Set("If-None-Match", before.tag)
		}
	}
	resp, err := g.opt.Base.RoundTrip(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }() // it was read; nothing is lost
	a := answer{resp: resp}
	if a.body, a.err = readBody(resp, g.opt.MaxBody); a.err == nil {
		a.err = withinBudget(a.body)
	}
	if errors.Is(a.err, errTooMuch) {
		a.body = nil // what is kept is decoded again by every command
	}
	if a = g.revalidated(q, before, a); a.resp != nil {
		a.resp.Body = io.NopCloser(bytes.NewReader(a.body))
	}
	return a
}

// forAttempt returns the request with its body unread, bound to ctx.
func (q *admittedRequest) forAttempt(ctx context.Context) *http.Request {
	r := q.req.Clone(ctx)
	r.Body, r.GetBody = nil, nil
	if q.body != nil {
		r.Body = io.NopCloser(bytes.NewReader(q.body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(q.body)), nil }
		r.ContentLength = int64(len(q.body))
	}
	return r
}

var (
	errTruncated = errors.New("the answer was cut")
	errTooLong   = errors.New("the answer is too long")
)

// readBody reads an answer to its end. On errTooLong nothing of it is kept.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%w: over %d bytes", errTooLong, limit)
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		return b, err
	case err != nil:
		return b, fmt.Errorf("%w after %d bytes: %w", errTruncated, len(b), err)
	case isTruncated(resp, len(b)):
		return b, fmt.Errorf("%w after %d of %d bytes", errTruncated, len(b), resp.ContentLength)
	}
	return b, nil
}

// isTruncated reports an answer with less than its Content-Length; net/http finds that
// itself, other transports may not.
func isTruncated(resp *http.Response, n int) bool {
	noBody := resp.StatusCode == http.StatusNotModified || resp.Request != nil && resp.Request.Method == http.MethodHead
	return !noBody && resp.ContentLength >= 0 && int64(n) != resp.ContentLength
}

// classify assigns the failure of an attempt its class, and finds answers that
// cannot be handed on. Refusals (401, 403, 404) are handed on: only the
// collector knows what they mean.
func (g *gateway) classify(q *admittedRequest, a answer) answer {
	where := q.call + " on " + q.req.URL.Host
	if a.err != nil {
		a.err, a.again = g.classifyError(q, where, a.err)
		return a
	}
	status := a.resp.StatusCode
	switch {
	case g.isThrottled(a):
		a.err, a.again = fmt.Errorf("%w: %s answered %d", collectors.ErrThrottled, where, status), true
	case status == 500 || status >= 502 && status <= 504:
		a.err, a.again = collectors.ServerError(fmt.Sprintf("%s answered %d", where, status)), true
	default:
		if a.err = checkNextLink(q.req.URL, a.resp.Header); a.err == nil {
			a.err = rejectDuplicateMembers(where, a.body)
		}
	}
	return a
}

func (g *gateway) isThrottled(a answer) bool {
	h, status := a.resp.Header, a.resp.StatusCode
	return status == http.StatusTooManyRequests ||
		status == http.StatusServiceUnavailable && h.Get("Retry-After") != "" ||
		g.throttled != nil && (status >= 400 || status == http.StatusOK) && g.throttled(status, h, a.body)
}

// unknownHost reports that a name server knows no such name, which asking again
// does not change.
func unknownHost(err error) bool {
	var lookup *net.DNSError
	return errors.As(err, &lookup) && lookup.IsNotFound || errors.Is(err, collectors.ErrNoHost)
}

func (g *gateway) classifyError(q *admittedRequest, where string, err error) (_ error, again bool) {
	var untrusted *tls.CertificateVerificationError
	switch ended := q.req.Context().Err(); {
	case ended != nil:
		return fmt.Errorf("%s: %w", where, ended), false
	case errors.Is(err, errTooLong), errors.Is(err, errTooMuch):
		return fmt.Errorf("%w: %s: %w", collectors.ErrIncomplete, where, err), false
	case errors.Is(err, errTruncated):
		return fmt.Errorf("%w: %s: %w", collectors.ErrIncomplete, where, err), true
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s: no answer within %s", collectors.ErrUnreachable, where, g.opt.AttemptTimeout.Round(time.Second)), true
	case collectors.Classified(err):
		return fmt.Errorf("%s: %w", where, err), false
	case unknownHost(err):
		return fmt.Errorf("%w: %s: %w", collectors.ErrUnreachable, where, collectors.ErrNoHost), false
	case errors.As(err, &untrusted):
		return fmt.Errorf("%w: %s: %w", collectors.ErrUnreachable, where, err), false
	}
	return fmt.Errorf("%w: %s: %w", collectors.ErrUnreachable, where, err), true
}
