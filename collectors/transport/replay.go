package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// Replay returns the options of a door that answers from recorded exchanges: the
// same collector then returns the same records again, with no network, no
// credential and no waiting. What was not recorded is ErrIncomplete.
func Replay(xs []evidence.Exchange) Options {
	p := &recording{left: map[playKey][]evidence.Exchange{}, last: map[playKey]string{}}
	at := time.Unix(0, 0).UTC()
	if len(xs) > 0 {
		at = slices.MinFunc(xs, func(a, b evidence.Exchange) int { return a.Started.Compare(b.Started) }).Started
	}
	for _, x := range xs {
		k := keyOf(x)
		p.left[k] = append(p.left[k], x)
	}
	return Options{
		Base:     p,
		Run:      p.run,
		ReadFile: p.readFile,
		Consult:  p.consult,
		Now:      func() time.Time { return at },
		Sleep:    func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Jitter:   func() float64 { return 0 },
		Offline:  true,
		// The recorded run waited as long as it did; only its outcome counts.
		Patience: longest,
	}
}

// playKey is equal for equal questions.
type playKey struct {
	call, method, url, request string
	scope                      evidence.Scope
}

func keyOf(x evidence.Exchange) playKey {
	return playKey{x.Call, x.Method, x.URL, x.Request, x.Scope}
}

// recording serves each recorded exchange once, equal questions in their order.
type recording struct {
	mu   sync.Mutex
	left map[playKey][]evidence.Exchange
	last map[playKey]string // the error of what was served last
}

// RoundTrip implements http.RoundTripper.
func (p *recording) RoundTrip(r *http.Request) (*http.Response, error) {
	x, err := p.next(r.Context())
	if err != nil {
		return nil, err
	}
	return responseOf(r, x)
}

// run answers for a program.
func (p *recording) run(ctx context.Context, _ Process) (collectors.Reply, error) {
	x, err := p.next(ctx)
	switch {
	case err != nil:
		return collectors.Reply{}, err
	case x.Exit == nil:
		return collectors.Reply{}, collectors.ParseError(x.Error)
	}
	return collectors.Reply{Exit: *x.Exit, Out: x.Body + string(x.Binary), Err: x.Error}, nil
}

// next returns the recorded exchange that answers what is asked.
func (p *recording) next(ctx context.Context) (x evidence.Exchange, err error) {
	asked, ok := RequestFromContext(ctx)
	if !ok {
		return x, fmt.Errorf("%w: a recording answers below the door only", collectors.ErrForbidden)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := keyOf(asked)
	switch last := p.last[k]; {
	case len(p.left[k]) > 0:
		x = p.left[k][0]
		p.left[k], p.last[k] = p.left[k][1:], x.Error
		return x, nil
	case last != "":
		return x, collectors.ParseError(last) // here the recorded run gave up
	}
	return x, collectors.Incomplete("%s %s is not in the recording", asked.Call, asked.URL)
}

func responseOf(r *http.Request, x evidence.Exchange) (*http.Response, error) {
	switch {
	case x.Status == 0 && strings.HasSuffix(x.Error, collectors.ErrNoHost.Error()):
		return nil, collectors.ErrNoHost
	case x.Status == 0:
		return nil, errors.New(x.Error)
	}
	h := http.Header{}
	for name, v := range x.Header {
		h.Set(name, v)
	}
	body := io.Reader(strings.NewReader(x.Body + string(x.Binary)))
	if strings.HasPrefix(x.Error, collectors.ErrIncomplete.Error()) {
		body = io.MultiReader(body, truncatedReader{})
	}
	return &http.Response{
		Status: http.StatusText(x.Status), StatusCode: x.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

// truncatedReader ends a body that was cut.
type truncatedReader struct{}

func (truncatedReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
