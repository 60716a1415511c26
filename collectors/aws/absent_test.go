package aws

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// nowhere is a service that has no host in one region.
type nowhere struct{ service, region string }

// RoundTrip implements http.RoundTripper.
func (n nowhere) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.Header.Get("Authorization"), "/"+n.region+"/"+n.service+"/") {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: n.service, IsNotFound: true}}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestServiceThatIsNotThere: where AWS has not brought a service, there is
// nothing to read; the kind is whole, and its certificate says so of the region.
func TestServiceThatIsNotThere(t *testing.T) {
	environment(t)
	srv := httptest.NewServer(wholeOrganization(t))
	t.Cleanup(srv.Close)
	cfg := newConfig()
	cfg.Common.Endpoint = srv.URL
	src, err := transport.Open(Spec(), cfg, transport.Options{
		Base: nowhere{"inspector2", "eu-west-1"}, Now: func() time.Time { return time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC) },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := src.Visit(t.Context(), own).Capture(t.Context(), kindInspector, evidence.Window{})
	if s.Err != nil || !s.Certificate.Complete || len(s.Records) != 1 {
		t.Errorf("complete %v, error %v, %d records", s.Certificate.Complete, s.Err, len(s.Records))
	}
	absent := func(r evidence.ScopeResult) bool {
		return r.Scope == own+"/eu-west-1" && r.Status == evidence.ScopeAbsent && r.Reason != nil
	}
	if !slices.ContainsFunc(s.Certificate.Scopes, absent) {
		t.Errorf("scopes %v", s.Certificate.Scopes)
	}
}
