package github

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// listingKinds are read repository by repository.
var listingKinds = []evidence.Kind{kindRepository, kindBranch, kindPullRequest}

// seen returns one repository with the organisation's answers, one after the other.
func seen(org ...reply) map[string][]reply {
	rs := inOne()
	rs["/orgs/acme"] = org
	rs[pathProtection], rs[pathRules] = []reply{ok(strict)}, []reply{ok(ruleset)}
	rs[pathSet5], rs[pathSet6] = []reply{ok(bypassed)}, []reply{ok(bypassed)}
	return rs
}

// TestUnseenRepositories: a list that is not as long as the organisation says
// is never the whole population, for any kind that is read from it.
func TestUnseenRepositories(t *testing.T) {
	for name, tt := range map[string]struct {
		org   []reply
		why   string
		class error
		asked int // for the organisation
	}{
		"a token limited to selected repositories": {[]reply{stating(2, 3)}, "the organisation states 5 repositories, the credential sees 1", collectors.ErrIncomplete, 2},
		"more than are stated":                     {[]reply{stating(0, 0)}, "the organisation states 0 repositories, the credential sees 1", collectors.ErrIncomplete, 2},
		"private ones are null":                    {[]reply{ok(`{"id":1,"login":"acme","public_repos":1,"total_private_repos":null,"owned_private_repos":null}`)}, "does not state", collectors.ErrIncomplete, 1},
		"private ones are absent":                  {[]reply{ok(`{"id":1,"login":"acme","public_repos":1}`)}, "does not state", collectors.ErrIncomplete, 1},
		"public ones are absent":                   {[]reply{ok(`{"id":1,"login":"acme","total_private_repos":1}`)}, "does not state", collectors.ErrIncomplete, 1},
		"the organisation is denied":               {[]reply{no(404, "Not Found")}, "how many repositories", collectors.ErrDenied, 1},
	} {
		for _, kind := range listingKinds {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				s := captureFrom(t, seen(tt.org...), product10(t, pull5()), kind)
				if !errors.Is(s.Err, tt.class) || !strings.Contains(s.Err.Error(), tt.why) || s.Certificate.Complete || s.Certificate.Total != nil {
					t.Errorf("error %v, certificate %+v", s.Err, s.Certificate)
				}
				if c := s.Certificate.Scopes[0]; c.Scope != "acme" || c.Status == evidence.ScopeRead || len(s.Records) != 1 {
					t.Errorf("scope %v, %d records; want what is seen, in an organisation that is not read", c, len(s.Records))
				}
				if n := asks(s, "GET /orgs/{org}"); n != tt.asked {
					t.Errorf("asked %d times, want %d", n, tt.asked)
				}
			})
		}
	}
}

func asks(s transport.Snapshot, call string) (n int) {
	for _, x := range s.Exchanges {
		if x.Call == call {
			n++
		}
	}
	return n
}

// TestCountSettles: a repository that is made while the others are listed is
// read again, once.
func TestCountSettles(t *testing.T) {
	owned := ok(`{"id":1,"login":"acme","public_repos":0,"total_private_repos":null,"owned_private_repos":1}`)
	for name, org := range map[string][]reply{"made": {stating(0, 2), stating(0, 1)}, "deleted": {stating(0, 0), stating(1, 0)}, "owned": {owned}} {
		for _, kind := range listingKinds {
			s := captureFrom(t, seen(org...), product10(t, pull5()), kind)
			if s.Err != nil || len(s.Records) != 1 || asks(s, "GET /orgs/{org}") != len(org) || asks(s, "GET /orgs/{org}/repos") != len(org) {
				t.Errorf("%s, %s: error %v, %d records, %d exchanges", name, kind, s.Err, len(s.Records), len(s.Exchanges))
			}
		}
	}
}

// TestEmptyOrganization: none stated and none listed is a whole population.
func TestEmptyOrganization(t *testing.T) {
	rs := maps.Clone(seen(stating(0, 0)))
	rs[repos] = []reply{ok(`[]`)}
	for _, kind := range listingKinds {
		if s := capture(t, rs, kind); s.Err != nil || len(s.Records) != 0 {
			t.Errorf("%s: error %v, %d records", kind, s.Err, len(s.Records))
		}
	}
}

// TestUnseenAndUnread: the organisation is the reason that is given, and the
// repository that was refused is told as well.
func TestUnseenAndUnread(t *testing.T) {
	rs := seen(stating(2, 3))
	rs[pathProtection] = []reply{no(404, "Not Found")}
	s := capture(t, rs, kindBranch)
	if !errors.Is(s.Err, collectors.ErrIncomplete) || errors.Is(s.Err, collectors.ErrDenied) {
		t.Errorf("error %v", s.Err)
	}
	if got, want := text(t, s), "acme failed incomplete\nacme/product denied denied\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
