package collectortest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// fault breaks the answers to one call.
type fault struct {
	name string
	call string
	want error // the class that the unread streams must show
	// change breaks an answer; false means that it does not apply.
	change func(x evidence.Exchange, a *Answer) bool
	hit    atomic.Bool
}

// kinds of faults. Each answer looks like an answer, and is none.
func (s *suite) faultsOf(call string) []*fault {
	always := func(f func(*Answer)) func(evidence.Exchange, *Answer) bool {
		return func(_ evidence.Exchange, a *Answer) bool { f(a); return true }
	}
	fs := []*fault{
		{name: "denied", want: collectors.ErrDenied, change: always(func(a *Answer) {
			*a = Answer{Status: http.StatusForbidden, Header: http.Header{}, Body: []byte(`{"message":"you may not"}`)}
		})},
		{name: "cut", want: collectors.ErrIncomplete, change: always(func(a *Answer) { a.Body, a.Cut = a.Body[:len(a.Body)/2], true })},
		{name: "too long", want: collectors.ErrIncomplete, change: always(func(a *Answer) { a.Body = append(a.Body, bytes.Repeat([]byte(" "), maxBody)...) })},
		{name: "another document", want: collectors.ErrIncomplete, change: always(func(a *Answer) { a.Body = []byte("<html><body>Welcome</body></html>") })},
		{name: "empty", want: collectors.ErrIncomplete, change: always(func(a *Answer) { a.Body = nil })},
		{name: "down", want: collectors.ErrUnreachable, change: always(func(a *Answer) { a.Status = http.StatusBadGateway })},
	}
	if s.Loop != nil {
		fs = append(fs, &fault{name: "endless", want: collectors.ErrIncomplete, change: s.Loop})
	}
	for _, f := range fs {
		f.call = call
	}
	return fs
}

// faults: a broken call leaves no stream that needs it complete, and every
// other one untouched.
func (s *suite) faults(t *testing.T) {
	looped := false
	for i, c := range s.Spec.Calls {
		for j, f := range s.faultsOf(c.Name) {
			snaps := s.collect(t, f, s.left(c, i+j)...)
			if !f.hit.Load() {
				continue // the case does not make this call, or it is no listing
			}
			looped = looped || f.name == "endless"
			t.Run(f.name+" "+strings.ReplaceAll(c.Name, "/", "_"), func(t *testing.T) { s.judge(t, c, f, snaps) })
		}
	}
	if s.Loop != nil && !looped {
		t.Error("no listing could be made endless")
	}
}

// left are the kinds that need not be read to see what a broken call does: of
// those that it does not serve, a few are read, others each time.
func (s *suite) left(c collectors.Call, n int) (out []evidence.Kind) {
	if len(c.Kinds) == 0 {
		return nil
	}
	const few = 5
	for i, k := range s.Spec.Kinds {
		if !serves(c, k.Kind) && (i+n)%len(s.Spec.Kinds) >= few {
			out = append(out, k.Kind)
		}
	}
	return out
}

func (s *suite) judge(t *testing.T, c collectors.Call, f *fault, snaps map[stream]transport.Snapshot) {
	unread := 0
	for st, snap := range snaps {
		if (snap.Err == nil) != snap.Certificate.Complete {
			t.Errorf("%v: error %v, complete %v", st, snap.Err, snap.Certificate.Complete)
		}
		if snap.Err != nil {
			unread++
			if !errors.Is(snap.Err, f.want) {
				t.Errorf("%v: %v, want class %v", st, snap.Err, f.want)
			}
			continue
		}
		if serves(c, st.kind) {
			t.Errorf("%v is complete", st)
		}
		if text(t, snap.Records) != text(t, s.baseline[st].Records) {
			t.Errorf("%v is complete, and not the same", st)
		}
	}
	if unread == 0 {
		t.Error("every stream is complete")
	}
}

// serves reports whether the call is declared for the kind by name.
func serves(c collectors.Call, k evidence.Kind) bool {
	for _, have := range c.Kinds {
		if have == k {
			return true
		}
	}
	return false
}

// broken is a transport with a fault.
type broken struct {
	next  http.RoundTripper
	fault *fault
}

// RoundTrip implements http.RoundTripper.
func (b broken) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	x, _ := transport.RequestFromContext(r.Context())
	if err != nil || b.fault == nil || x.Call != b.fault.call {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read
	if err != nil {
		return nil, err
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if b.fault.change(x, &a) {
		b.fault.hit.Store(true)
	}
	resp.StatusCode, resp.Header, resp.ContentLength = a.Status, a.Header, -1
	resp.Body = io.NopCloser(bytes.NewReader(a.Body))
	if a.Cut {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(a.Body), cut{}))
	}
	return resp, nil
}

// cut is the end of a connection that broke.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
