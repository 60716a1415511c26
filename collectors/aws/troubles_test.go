//go:build unix

package aws

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// trouble is something that goes wrong in the middle of a run.
type trouble struct {
	answer func(w http.ResponseWriter, r *http.Request, op, account, region string) bool
	want   error
	// struck reports whether a stream must suffer from it, spared whether it must not.
	struck, spared func(st evidence.Stream) bool
}

func fails(w http.ResponseWriter, status int, body string) bool {
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
	return true
}

func kindIn(prefixes ...string) func(evidence.Stream) bool {
	return func(st evidence.Stream) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(string(st.Kind), p) })
	}
}

func ofAccount(account string) func(evidence.Stream) bool {
	return func(st evidence.Stream) bool { return st.Scope == evidence.Scope(account) }
}

func not(f func(evidence.Stream) bool) func(evidence.Stream) bool {
	return func(st evidence.Stream) bool { return !f(st) }
}

// TestTroubles: whatever goes wrong ends as the outcome of the streams that it
// strikes, with its reason; the rest of the run goes on, and nothing that was
// not read passes.
func TestTroubles(t *testing.T) {
	var asked atomic.Int64
	rights := kindIn("aws.iam.user_access", "aws.iam.group", "aws.iam.role", "aws.iam.policy")
	for name, tr := range map[string]trouble{
		"a role that is revoked": {
			answer: func(w http.ResponseWriter, _ *http.Request, op, account, _ string) bool {
				return account == other && op == "iam:GetAccountAuthorizationDetails" && fails(w, 403, queryError(403, "AccessDenied").body)
			},
			want: collectors.ErrDenied, spared: not(rights),
			struck: func(st evidence.Stream) bool { return ofAccount(other)(st) && rights(st) },
		},
		"a token that expires": {
			answer: func(w http.ResponseWriter, _ *http.Request, op, account, _ string) bool {
				return account == other && strings.HasPrefix(op, "rds:") && fails(w, 403, queryError(403, "ExpiredToken").body)
			},
			want: collectors.ErrUnauthenticated, spared: not(kindIn("aws.rds.", "aws.backup.protected_resource")),
			struck: func(st evidence.Stream) bool { return ofAccount(other)(st) && kindIn("aws.rds.")(st) },
		},
		"a storm of throttling": {
			answer: func(w http.ResponseWriter, _ *http.Request, op, _, region string) bool {
				return region == "eu-west-1" && op == "kms:ListKeys" && fails(w, 400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
			},
			want: collectors.ErrThrottled, struck: kindIn("aws.kms."), spared: not(kindIn("aws.kms.")),
		},
		"a region that does not answer": {
			answer: func(_ http.ResponseWriter, _ *http.Request, op, _, region string) bool {
				if region != "eu-west-1" || op != "dynamodb:ListTables" {
					return false
				}
				panic(http.ErrAbortHandler) // see slowly
			},
			want: collectors.ErrUnreachable, struck: kindIn("aws.dynamodb."), spared: not(kindIn("aws.dynamodb.", "aws.backup.protected_resource")),
		},
		"a wrong endpoint": {
			answer: func(w http.ResponseWriter, _ *http.Request, _, _, _ string) bool {
				asked.Add(1)
				return fails(w, 200, "<html>Welcome</html>")
			},
			want: collectors.ErrIncomplete, struck: func(evidence.Stream) bool { return true }, spared: func(evidence.Stream) bool { return false },
		},
	} {
		t.Run(name, func(t *testing.T) { tr.judge(t, tr.run(t)) })
	}
	if n := asked.Load(); n > 10 {
		t.Errorf("a wrong endpoint was asked %d times", n)
	}
}

// slowly turns a connection that is cut without an answer into one on which no answer
// came within the time of an attempt, without waiting for it.
type slowly struct{}

// RoundTrip implements http.RoundTripper.
func (slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if errors.Is(err, io.EOF) {
		err = context.DeadlineExceeded
	}
	return resp, err
}

// run collects two accounts, each kind once.
func (tr trouble) run(t *testing.T) snapshots {
	t.Helper()
	environment(t)
	f := wholeOrganization(t)
	f.trouble = tr.answer
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	cfg := newConfig()
	inOrganization(cfg)
	cfg.Common.Endpoint = srv.URL
	noon := time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	src, err := transport.Open(Spec(), cfg, transport.Options{Now: func() time.Time { return noon }, Base: slowly{},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := snapshots{}
	for _, scope := range []evidence.Scope{own, other} {
		visit := src.Visit(t.Context(), scope)
		for _, k := range Spec().Kinds {
			w := evidence.Window{}
			if k.Mode == evidence.Event {
				w = aDay
			}
			if k.Kind != kindAccount {
				all[stream(string(scope), k.Kind)] = visit.Capture(t.Context(), k.Kind, w)
			}
		}
	}
	return all
}

func (tr trouble) judge(t *testing.T, all snapshots) {
	t.Helper()
	for st, s := range all {
		switch {
		case tr.struck(st) && (!errors.Is(s.Err, tr.want) || s.Certificate.Complete):
			t.Errorf("%s: complete %v, error %v; want class %v", st, s.Certificate.Complete, s.Err, tr.want)
		case tr.spared(st) && s.Err != nil:
			t.Errorf("%s: %v", st, s.Err)
		case len(s.Exchanges) == 0:
			t.Errorf("%s: there is no record of what was asked", st)
		}
	}
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	kindOf := map[string]evidence.Kind{}
	for _, ts := range cat.Tests() {
		kindOf[ts.ID] = ts.Kind
	}
	for _, ts := range judge(t, all).Tests {
		if st := stream(other, kindOf[ts.Test]); ts.Now == result.Pass && tr.struck(st) {
			t.Errorf("%s passes", ts.Test)
		}
	}
}
