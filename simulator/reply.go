package simulator

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// reply is one answer before faults and headers.
type reply struct {
	status int
	mime   string
	header map[string]string
	body   []byte
}

func (a reply) with(name, value string) reply {
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header[name] = value
	return a
}

// routes sends GitHub's and Okta's paths to them, and whatever is signed for AWS to AWS.
func (c *Company) routes() http.Handler {
	hub, okta := c.github(), c.okta()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/github/"):
			hub.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/okta/"):
			okta.ServeHTTP(w, r)
		default:
			c.serveAWS(w, r)
		}
	})
}

// requestID is the vendor's id of a request: the same request at the same
// instant has the same id, in whatever order requests come.
func (c *Company) requestID(k call, now time.Time, attempt int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d %s %s %d", c.opts.Seed, now.UnixNano(), k.vendor, k.key, attempt)
	return h.Sum64()
}

// send writes the answer, whole or, for some faults, not.
func send(w http.ResponseWriter, a reply, e effect, now time.Time) {
	if e == reset {
		hangUp(w)
	}
	if e == malformed {
		a.body = a.body[:len(a.body)/2]
	}
	h := w.Header()
	for k, v := range a.header {
		for line := range strings.SplitSeq(v, "\n") { // Okta gives each link a header of its own
			h.Add(k, line)
		}
	}
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("Content-Type", a.mime)
	if a.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if e == truncated {
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush() // otherwise not even the header would leave
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(a.body)
}

// hangUp ends the connection with a reset where the server lets us, or by aborting.
// The answer has begun by then: otherwise Go's client would ask again by itself, or not,
// by whether it had used the connection before, which is a matter of chance.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 ")
		if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}
