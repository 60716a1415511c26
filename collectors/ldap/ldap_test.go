package ldap

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

func TestDeclaration(t *testing.T) { collectortest.Check(t, Spec()) }

var everyKind = []evidence.Kind{kindDirectory, kindUser, kindGroup, kindPolicy}

// config is one for a server, over TLS.
func (s server) config() *Config {
	c := newConfig()
	c.URL, c.BindDN, c.Password, c.BaseDN, c.CAFile = "ldaps://"+s.tls, reader, planted, base, s.ca
	return c
}

func source(t testing.TB, c *Config, opt transport.Options) *transport.Source {
	t.Helper()
	src, err := transport.Open(Spec(), c, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func read(t testing.TB, c *Config, opt transport.Options, kind evidence.Kind) transport.Snapshot {
	t.Helper()
	return source(t, c, opt).Visit(t.Context(), evidence.Scope(c.BaseDN)).Capture(t.Context(), kind, evidence.Window{})
}

func canonical(t testing.TB, v any) string {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func byID(records []evidence.Record) map[string]evidence.Record {
	m := map[string]evidence.Record{}
	for _, r := range records {
		m[r.ID] = r
	}
	return m
}

// TestDirectory: every kind of a directory with 3,000 people is read whole, over
// pages, without a password, and the recording alone gives the same records.
func TestDirectory(t *testing.T) {
	s := start(t, seed())
	asked := map[string]bool{callRange: true, callDomain: true} // of Active Directory; see TestRanged and TestSamba
	snaps := map[evidence.Kind]transport.Snapshot{}
	for _, k := range everyKind {
		snap := read(t, s.config(), transport.Options{}, k)
		if snap.Err != nil || !snap.Certificate.Complete || snap.Certificate.Principal != reader || !slices.Equal(snap.Certificate.Endpoints, []string{s.tls}) {
			t.Fatalf("%s: %v, %+v", k, snap.Err, snap.Certificate)
		}
		kept := canonical(t, snap.Exchanges) + canonical(t, snap.Records) + canonical(t, snap.Certificate)
		for _, secret := range []string{planted, hashed, "e1NTSEF9", "userPassword"} {
			if strings.Contains(kept, secret) {
				t.Errorf("%s keeps %s", k, secret)
			}
		}
		c := s.config()
		c.Password, c.CAFile = "", "" // neither is needed
		again := read(t, c, transport.Replay(snap.Exchanges), k)
		if again.Err != nil || canonical(t, again.Records) != canonical(t, snap.Records) {
			t.Errorf("%s played back: %v", k, again.Err)
		}
		for _, x := range snap.Exchanges {
			asked[x.Call] = true
		}
		snaps[k] = snap
	}
	for _, c := range Spec().Calls {
		if !asked[c.Name] {
			t.Errorf("%s is declared, and not asked", c.Name)
		}
	}
	checkUsers(t, snaps[kindUser])
	checkOthers(t, snaps)
}

func checkUsers(t *testing.T, snap transport.Snapshot) {
	if len(snap.Records) != people || snap.Certificate.Pages != people/500 && snap.Certificate.Pages != people/500+1 {
		t.Errorf("%d users on %d pages", len(snap.Records), snap.Certificate.Pages)
	}
	users := byID(snap.Records)
	for id, want := range map[string]string{
		"00000000-0000-4000-8000-000000000000": `{"created":"2026-01-01T08:00:00Z","dn":"` + userDN(0) + `","email":"person0@acme.example","emails":["person0@acme.example"],"login":"person0"}`,
		"00000000-0000-4000-8000-000000000001": `{"created":"2026-01-01T08:00:00Z","department":"R&D","dn":"` + userDN(1) + `","email":"person1@acme.example","emails":["p1@acme.example","person1@acme.example"],"employee_number":"17",` +
			`"last_login":"2026-06-30T07:08:09Z","login":"person1","manager":"` + userDN(0) + `","member_of":["cn=everyone,` + base + `"],"password_last_set":"2026-06-01T00:00:00Z","title":"Engineer","type":"contractor"}`,
		"00000000-0000-4000-8000-000000000002": `{"created":"2026-01-01T08:00:00Z","dn":"` + userDN(2) + `","email":"person2@acme.example","emails":["person2@acme.example"],"enabled":false,"login":"person2"}`,
		"00000000-0000-4000-8000-000000000003": `{"created":"2026-01-01T08:00:00Z","dn":"` + userDN(3) + `","email":"person3@acme.example","emails":["person3@acme.example"],"locked_at":"2026-06-15T12:00:00Z","login":"person3"}`,
	} {
		if got := canonical(t, users[id].Attributes); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := users["00000000-0000-4000-8000-000000000001"].Name; got != "Ada Lövelace" {
		t.Errorf("name %q", got)
	}
}

func checkOthers(t *testing.T, snaps map[evidence.Kind]transport.Snapshot) {
	groups := byID(snaps[kindGroup].Records)
	if got := groups["00000000-0000-4000-8000-00000000bbbb"].Attributes["members"].([]any); len(groups) != 2 || len(got) != people {
		t.Errorf("%d groups, %d members", len(groups), len(got))
	}
	if got, want := canonical(t, groups["00000000-0000-4000-8000-00000000cccc"].Attributes), `{"created":"2026-01-01T08:00:00Z","dn":"cn=wheel,`+base+`","members":["person1"]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want := `[{"attributes":{"dn":"cn=default,ou=policies,` + base + `","history":12,"lockout":true,"lockout_seconds":900,"lockout_threshold":5,"max_age_seconds":7776000,"min_length":14,"quality":2,"scope":"subset"},` +
		`"id":"00000000-0000-4000-8000-00000000aaaa","kind":"ldap.policy","name":"default"}]`
	if got := canonical(t, snaps[kindPolicy].Records); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := canonical(t, snaps[kindDirectory].Records); !strings.Contains(got, `"flavor":"openldap"`) || !strings.Contains(got, `"security":"ldaps"`) {
		t.Errorf("%s", got)
	}
}

// small is a directory with few entries.
func small() string {
	text := seed()
	first, rest, _ := strings.Cut(text, "dn: "+userDN(4)+"\n")
	_, tail, _ := strings.Cut(rest, "dn: cn=wheel,"+base+"\n")
	return first + "dn: cn=wheel," + base + "\n" + tail
}

// TestConnections: TLS that holds or does not, and what the directory makes of who asks.
func TestConnections(t *testing.T) {
	s := start(t, small())
	closed := freeAddress(t)
	for name, tt := range map[string]struct {
		set  func(*Config)
		want error
		says string
	}{
		"ldaps":            {func(*Config) {}, nil, ""},
		"starttls":         {func(c *Config) { c.URL, c.StartTLS = "ldap://"+s.plain, true }, nil, ""},
		"plain":            {func(c *Config) { c.URL, c.Plain = "ldap://"+s.plain, true }, nil, ""},
		"wrong authority":  {func(c *Config) { c.CAFile = s.wrong }, collectors.ErrUnreachable, "certificate of the directory does not hold"},
		"wrong, starttls":  {func(c *Config) { c.URL, c.StartTLS, c.CAFile = "ldap://"+s.plain, true, s.wrong }, collectors.ErrUnreachable, "does not hold"},
		"system authority": {func(c *Config) { c.CAFile = "" }, collectors.ErrUnreachable, "does not hold"},
		"no TLS there":     {func(c *Config) { c.URL = "ldaps://" + s.plain }, collectors.ErrUnreachable, ""},
		"wrong password":   {func(c *Config) { c.Password = "wrong-password" }, collectors.ErrUnauthenticated, "does not take bind_dn and password"},
		"no password":      {func(c *Config) { c.Password = "" }, collectors.ErrUnauthenticated, "not set"},
		"unknown account":  {func(c *Config) { c.BindDN = "cn=nobody,dc=acme,dc=example" }, collectors.ErrUnauthenticated, ""},
		"unknown base":     {func(c *Config) { c.BaseDN = "ou=none,dc=acme,dc=example" }, collectors.ErrIncomplete, "no such entry"},
		"nobody there":     {func(c *Config) { c.URL = "ldaps://" + closed }, collectors.ErrUnreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.config()
			tt.set(c)
			snap := read(t, c, transport.Options{}, kindUser)
			if tt.want == nil {
				if snap.Err != nil || len(snap.Records) != 4 {
					t.Fatalf("%v, %d records", snap.Err, len(snap.Records))
				}
				return
			}
			if !errors.Is(snap.Err, tt.want) || !strings.Contains(snap.Err.Error(), tt.says) || len(snap.Records) != 0 || strings.Contains(canonical(t, snap.Exchanges)+snap.Err.Error(), "wrong-password") {
				t.Fatalf("%v, %d records", snap.Err, len(snap.Records))
			}
			if name == "no password" {
				return
			}
			if again := read(t, c, transport.Replay(snap.Exchanges), kindUser); !errors.Is(again.Err, tt.want) {
				t.Errorf("played back: %v", again.Err)
			}
		})
	}
}

// TestLimit: what is cut by the directory's own limit is no list.
func TestLimit(t *testing.T) {
	s := start(t, seed())
	c := s.config()
	c.BindDN = limited
	snap := read(t, c, transport.Options{}, kindUser)
	if !errors.Is(snap.Err, collectors.ErrIncomplete) || !strings.Contains(snap.Err.Error(), "size limit") || snap.Certificate.Complete {
		t.Errorf("%v, %d records", snap.Err, len(snap.Records))
	}
	// Without pages the default limit of 500 is met.
	c = s.config()
	unpaged := read(t, c, transport.Options{Consult: func(ctx context.Context, q collectors.Consultation) (string, error) {
		text, err := q.Ask(ctx)
		if q.Call == callRoot {
			text = strings.ReplaceAll(text, pagedResults, "1.2.3") // a directory that knows no pages
		}
		return text, err
	}}, kindUser)
	if !errors.Is(unpaged.Err, collectors.ErrIncomplete) || !strings.Contains(unpaged.Err.Error(), "size limit") {
		t.Errorf("without pages: %v, %d records", unpaged.Err, len(unpaged.Records))
	}
}

// TestReferral: what the directory refers to is named, and not read.
func TestReferral(t *testing.T) {
	s := start(t, small())
	c := s.config()
	c.BaseDN = "ou=elsewhere,dc=acme,dc=example"
	snap := read(t, c, transport.Options{}, kindUser)
	if !errors.Is(snap.Err, collectors.ErrIncomplete) || len(snap.Records) != 1 || len(snap.Certificate.Scopes) != 2 {
		t.Fatalf("%v, %d records, scopes %+v", snap.Err, len(snap.Records), snap.Certificate.Scopes)
	}
	if got := snap.Certificate.Scopes[0]; !strings.HasPrefix(string(got.Scope), "ldap://127.0.0.1:1/ou=partners,") || got.Reason == nil {
		t.Errorf("%+v", got)
	}
}

// TestFaults: a broken call leaves no stream that needs it complete.
func TestFaults(t *testing.T) {
	s := start(t, small())
	faults := map[string]struct {
		class  error
		change func(string) (string, error)
	}{
		"denied":   {collectors.ErrDenied, func(string) (string, error) { return "", collectors.ErrDenied }},
		"gone":     {collectors.ErrUnreachable, func(string) (string, error) { return "", errors.New("connection reset") }},
		"slow":     {collectors.ErrUnreachable, func(string) (string, error) { return "", context.DeadlineExceeded }},
		"another":  {collectors.ErrIncomplete, func(string) (string, error) { return `"welcome"`, nil }},
		"no entry": {collectors.ErrIncomplete, func(string) (string, error) { return `{}`, nil }},
		"too long": {collectors.ErrIncomplete, func(text string) (string, error) { return text + strings.Repeat(" ", 1<<20), nil }},
		"endless": {collectors.ErrIncomplete, func(text string) (string, error) {
			return strings.TrimSuffix(text, "}") + `,"more":true}`, nil
		}},
	}
	for name, f := range faults {
		for _, call := range []string{callBind, callRoot, callUsers, callGroups, callPolicies} {
			if call == callBind && f.class == collectors.ErrIncomplete && name != "too long" || name == "endless" && call == callRoot {
				continue // that it answers is all that is read of it
			}
			opt := transport.Options{MaxBody: 1 << 20, Consult: func(ctx context.Context, q collectors.Consultation) (string, error) {
				text, err := q.Ask(ctx)
				if q.Call == call && err == nil {
					return f.change(text)
				}
				return text, err
			}}
			for _, k := range everyKind {
				spec := Spec()
				i := slices.IndexFunc(spec.Calls, func(c collectors.Call) bool { return c.Name == call })
				if ks := spec.Calls[i].Kinds; len(ks) > 0 && !slices.Contains(ks, k) {
					continue
				}
				snap := read(t, s.config(), opt, k)
				if !errors.Is(snap.Err, f.class) || snap.Certificate.Complete {
					t.Errorf("%s, %s: %s gives %v", name, call, k, snap.Err)
				}
				if again := read(t, s.config(), transport.Replay(snap.Exchanges), k); again.Err == nil {
					t.Errorf("%s, %s: %s played back is complete", name, call, k)
				}
			}
		}
	}
}

// TestSilence: a directory that takes the connection and says nothing.
func TestSilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := newConfig()
	c.BindDN, c.Password, c.BaseDN = reader, planted, base
	for _, set := range []func(){
		func() { c.URL, c.Plain, c.StartTLS = "ldap://"+l.Addr().String(), true, false },
		func() { c.URL, c.Plain, c.StartTLS = "ldap://"+l.Addr().String(), false, true },
		func() { c.URL, c.Plain, c.StartTLS = "ldaps://"+l.Addr().String(), false, false },
	} {
		set()
		snap := read(t, c, transport.Options{AttemptTimeout: 50 * time.Millisecond}, kindUser)
		if !errors.Is(snap.Err, collectors.ErrUnreachable) {
			t.Errorf("%s: %v", c.URL, snap.Err)
		}
	}
}
