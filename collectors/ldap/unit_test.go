package ldap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// sink is a connection that keeps what was written.
type sink struct {
	net.Conn
	bytes.Buffer
}

func (s *sink) Write(b []byte) (int, error) { return s.Buffer.Write(b) }
func (s *sink) Read([]byte) (int, error)    { return 0, io.EOF }
func (s *sink) Close() error                { return nil }

// TestGuard: of all that the library can say, only what reads leaves.
func TestGuard(t *testing.T) {
	changes := map[string]func(*ldap.Conn) error{
		"add":    func(c *ldap.Conn) error { return c.Add(ldap.NewAddRequest("cn=x", nil)) },
		"modify": func(c *ldap.Conn) error { return c.Modify(ldap.NewModifyRequest("cn=x", nil)) },
		"delete": func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("cn=x", nil)) },
		"rename": func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest("cn=x", "cn=y", true, "")) },
		"password": func(c *ldap.Conn) error {
			_, err := c.PasswordModify(ldap.NewPasswordModifyRequest("", "a", "b"))
			return err
		},
		"whoami": func(c *ldap.Conn) error { _, err := c.WhoAmI(nil); return err },
	}
	for name, do := range changes {
		s := &sink{}
		conn := ldap.NewConn(&guard{Conn: s, left: maxAnswers}, false)
		conn.Start()
		if err := do(conn); err == nil || s.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes left", name, err, s.Len())
		}
	}
	search := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	search.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, ""))
	search.AppendChild(ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchRequest, nil, ""))
	if err := admit(search.Bytes()); err != nil {
		t.Errorf("a search: %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing": {}, "two messages": append(search.Bytes(), search.Bytes()...), "cut": search.Bytes()[:3], "no length": {0x30, 0x80, 0x02, 0x01, 0x01, 0x63, 0x00},
		"a long length": {0x30, 0x85, 0, 0, 0, 0, 5, 0x02, 0x01, 0x01, 0x63, 0x00}, "no operation": {0x30, 0x03, 0x02, 0x01, 0x01},
	} {
		if err := admit(b); !errors.Is(err, collectors.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&guard{Conn: &sink{}}).Read(make([]byte, 1)); !errors.Is(err, collectors.ErrIncomplete) {
		t.Errorf("beyond the bound: %v", err)
	}
}

func FuzzAdmit(f *testing.F) {
	f.Add([]byte{0x30, 0x05, 0x02, 0x01, 0x01, 0x42, 0x00})
	f.Add([]byte{0x30, 0x85})
	f.Fuzz(func(t *testing.T, b []byte) {
		if admit(b) == nil && !bytes.Contains(b, []byte{0x02}) {
			t.Errorf("% x leaves", b)
		}
	})
}

// TestNoPasswords: no search asks for a password, and what a server sends unasked is dropped.
func TestNoPasswords(t *testing.T) {
	for _, a := range everyAttribute() {
		low := strings.ToLower(a)
		if low == "*" || low == "+" || strings.Contains(low, "userpassword") || strings.Contains(low, "unicodepwd") || strings.HasSuffix(low, "key") || strings.Contains(low, "hash") {
			t.Errorf("a search asks for %s", a)
		}
	}
	e := ldap.NewEntry("cn=x", map[string][]string{"userPassword": {"secret"}, "UID": {"x"}, "cn;lang-de": {"y"}, "member;range=0-1": {"m"}})
	got := kept(e, []string{"uid", "cn", "member"})
	if len(got.Attributes) != 2 || got.first("uid") != "x" || got.Attributes["member;range=0-1"] == nil {
		t.Errorf("%+v", got)
	}
}

func TestMoment(t *testing.T) {
	for v, want := range map[string]string{
		"20260630070809Z": "2026-06-30T07:08:09Z", "20260630070809.5Z": "2026-06-30T07:08:09Z", "202606300708Z": "2026-06-30T07:08:00Z", "20260630090809+0200": "2026-06-30T07:08:09Z",
		"134272768890000000": "2026-06-30T07:08:09Z", "0": "", "9223372036854775807": "", "-1": "", "": "", "yesterday": "", "20261330070809": "",
	} {
		a := collectors.Attributes{}
		entry{Attributes: map[string][]string{"x": {v}}}.setTime(a, "t", "x")
		if got, _ := a["t"].(string); got != want {
			t.Errorf("%s is %s, want %s", v, got, want)
		}
	}
}

// scripted is a directory that answers each search with what a function says.
func scripted(answer func(request string) string) transport.Options {
	return transport.Options{Consult: func(_ context.Context, q collectors.Consultation) (string, error) {
		switch q.Call {
		case callBind:
			return `{"result":0}`, nil
		case callRoot:
			return `{"entries":[{"dn":"","attributes":{"supportedCapabilities":["` + adCapability + `"],"supportedControl":["` + pagedResults + `"],"defaultNamingContext":["DC=acme,DC=example"]}}]}`, nil
		}
		return answer(q.Request), nil
	}}
}

func adConfig() *Config {
	c := newConfig()
	c.URL, c.BindDN, c.Password, c.BaseDN = "ldaps://dc1.acme.example", `ACME\evidenced`, planted, "DC=acme,DC=example"
	return c
}

const guid = `"objectGUID":["AAECAwQFBgcICQoLDA0ODw=="]`

// TestRanged: a list that comes in parts is read to its end, or not at all.
func TestRanged(t *testing.T) {
	parts := func(parts map[string]string) transport.Options {
		return scripted(func(request string) string {
			for asked, part := range parts {
				if strings.Contains(request, asked) {
					return `{"entries":[{"dn":"CN=All","attributes":{` + guid + `,"cn":["All"],` + part + `}}]}`
				}
			}
			return `{"entries":[]}`
		})
	}
	first := `"member":[],"member;range=0-1":["CN=a","CN=b"]`
	whole := parts(map[string]string{`"page":1,"size":500`: first, "member;range=2-*": `"member;range=2-3":["CN=c","CN=d"]`, "member;range=4-*": `"member;range=4-*":["CN=e"]`})
	snap := read(t, adConfig(), whole, kindGroup)
	want := `{"dn":"CN=All","members":["CN=a","CN=b","CN=c","CN=d","CN=e"]}`
	if snap.Err != nil || canonical(t, snap.Records[0].Attributes) != want || snap.Records[0].ID != "03020100-0504-0706-0809-0a0b0c0d0e0f" {
		t.Fatalf("%v, %s", snap.Err, canonical(t, snap.Records))
	}
	if again := read(t, adConfig(), transport.Replay(snap.Exchanges), kindGroup); again.Err != nil || canonical(t, again.Records) != canonical(t, snap.Records) {
		t.Errorf("played back: %v", again.Err)
	}
	for name, rest := range map[string]string{
		"goes back": `"member;range=0-1":["CN=a","CN=b"]`, "stands still": `"member;range=2-1":["CN=a"]`, "is empty": `"member;range=2-3":[]`, "makes no sense": `"member;range=2-x":["CN=c"]`, "is gone": `"other":["x"]`,
	} {
		snap := read(t, adConfig(), parts(map[string]string{`"page":1,"size":500`: first, "member;range=2-*": rest}), kindGroup)
		if !errors.Is(snap.Err, collectors.ErrIncomplete) || len(snap.Records) != 0 {
			t.Errorf("%s: %v, %d records", name, snap.Err, len(snap.Records))
		}
	}
}

// TestActiveDirectory: what Active Directory says in its own ways; see also TestSamba.
func TestActiveDirectory(t *testing.T) {
	user := func(attributes string) transport.Options {
		return scripted(func(string) string {
			return `{"entries":[{"dn":"CN=Ada,DC=acme,DC=example","attributes":{` + guid + `,"cn":["Ada"],` + attributes + `}}],
			"referrals":["ldap://ForestDnsZones.acme.example/DC=ForestDnsZones,DC=acme,DC=example","ldap://acme.example/CN=Configuration,DC=acme,DC=example"]}`
		})
	}
	for attributes, want := range map[string]string{
		`"sAMAccountName":["ada"],"userPrincipalName":["ada@acme.example"],"mail":["Ada@acme.example"],"proxyAddresses":["SMTP:Ada@acme.example","smtp:al@acme.example","x500:/o=x"],"userAccountControl":["66050"],` +
			`"lastLogonTimestamp":["134272768890000000"],"pwdLastSet":["0"],"accountExpires":["9223372036854775807"],"adminCount":["1"],"whenCreated":["20260101080000.0Z"],"memberOf":["CN=x"],"lockoutTime":["0"]`: `{"admin":true,"created":"2026-01-01T08:00:00Z","dn":"CN=Ada,DC=acme,DC=example","email":"ada@acme.example","emails":["ada@acme.example","al@acme.example"],` +
			`"enabled":false,"last_login":"2026-06-30T07:08:09Z","login":"ada","member_of":["CN=x"],"password_must_change":true,"password_never_expires":true,"password_not_required":false,"preauth_not_required":false,` +
			`"smartcard_required":false,"trusted_for_delegation":false,"upn":"ada@acme.example","user_account_control":66050}`,
		`"nsAccountLock":["FALSE"],"lastLoginTime":["20260630070809Z"]`: `{"dn":"CN=Ada,DC=acme,DC=example","enabled":true,"last_login":"2026-06-30T07:08:09Z","member_of":[]}`,
		`"nsAccountLock":["TRUE"]`:                                      `{"dn":"CN=Ada,DC=acme,DC=example","enabled":false,"member_of":[]}`,
	} {
		snap := read(t, adConfig(), user(attributes), kindUser)
		if snap.Err != nil || canonical(t, snap.Records[0].Attributes) != want {
			t.Errorf("%v\ngot  %s\nwant %s", snap.Err, canonical(t, snap.Records), want)
		}
		if got := snap.Certificate.Filters["not searched: CN=Configuration,DC=acme,DC=example"]; got == "" {
			t.Errorf("filters %v", snap.Certificate.Filters)
		}
	}
	if snap := read(t, adConfig(), scripted(func(string) string { return `{"entries":[{"dn":"CN=Ada","attributes":{"cn":["Ada"]}}]}` }), kindUser); !errors.Is(snap.Err, collectors.ErrIncomplete) {
		t.Errorf("without an id: %v", snap.Err)
	}
	child := scripted(func(string) string {
		return `{"entries":[],"referrals":["ldap://eu.acme.example/DC=eu,DC=acme,DC=example"]}`
	})
	if snap := read(t, adConfig(), child, kindUser); !errors.Is(snap.Err, collectors.ErrIncomplete) || snap.Certificate.Scopes[1].Scope != "ldap://eu.acme.example/DC=eu,DC=acme,DC=example" {
		t.Errorf("a child domain: %v, %+v", snap.Err, snap.Certificate.Scopes)
	}
}

// TestPolicies: the domain's policy and the fine-grained ones.
func TestPolicies(t *testing.T) {
	opt := scripted(func(request string) string {
		if strings.Contains(request, `"scope":"base"`) {
			return `{"entries":[{"dn":"DC=acme,DC=example","attributes":{` + guid + `,"minPwdLength":["7"],"pwdHistoryLength":["24"],"maxPwdAge":["-9223372036854775808"],"minPwdAge":["-864000000000"],"lockoutThreshold":["0"],"pwdProperties":["17"]}}]}`
		}
		return `{"entries":[{"dn":"CN=PSO","attributes":{"objectGUID":["AQECAwQFBgcICQoLDA0ODw=="],"cn":["PSO"],"msDS-MinimumPasswordLength":["16"],"msDS-MaximumPasswordAge":["-36288000000000"],"msDS-PasswordComplexityEnabled":["FALSE"],"msDS-PSOAppliesTo":["CN=Admins"]}}]}`
	})
	snap := read(t, adConfig(), opt, kindPolicy)
	want := `[{"attributes":{"complexity":true,"dn":"DC=acme,DC=example","history":24,"lockout_threshold":0,"max_age_seconds":0,"min_age_seconds":86400,"min_length":7,"reversible_encryption":true,"scope":"domain"},"id":"03020100-0504-0706-0809-0a0b0c0d0e0f","kind":"ldap.policy","name":"DC=acme,DC=example"},` +
		`{"attributes":{"applies_to":["CN=Admins"],"complexity":false,"dn":"CN=PSO","max_age_seconds":3628800,"min_length":16,"scope":"subset"},"id":"03020101-0504-0706-0809-0a0b0c0d0e0f","kind":"ldap.policy","name":"PSO"}]`
	if got := canonical(t, snap.Records); snap.Err != nil || got != want {
		t.Errorf("%v\ngot  %s\nwant %s", snap.Err, got, want)
	}
	if snap := read(t, adConfig(), scripted(func(string) string { return `{"entries":[]}` }), kindPolicy); !errors.Is(snap.Err, collectors.ErrIncomplete) {
		t.Errorf("a domain without a policy: %v", snap.Err)
	}
}

func TestConfig(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"no url": func(c *Config) { c.URL = "" }, "http": func(c *Config) { c.URL = "https://dc1" }, "user": func(c *Config) { c.URL = "ldaps://me@dc1" }, "path": func(c *Config) { c.URL = "ldaps://dc1/dc=acme" },
		"no tls": func(c *Config) { c.URL = "ldap://dc1" }, "plain far": func(c *Config) { c.URL, c.Plain = "ldap://dc1", true }, "plain ldaps": func(c *Config) { c.Plain = true }, "starttls ldaps": func(c *Config) { c.StartTLS = true },
		"both": func(c *Config) { c.URL, c.Plain, c.StartTLS = "ldap://localhost", true, true }, "endpoint": func(c *Config) { c.Common.Endpoint = "https://dc1/" }, "no base": func(c *Config) { c.BaseDN = "" },
		"base": func(c *Config) { c.BaseDN = "acme" }, "no account": func(c *Config) { c.BindDN = "" }, "filter": func(c *Config) { c.UserFilter = "(cn=" }, "flavor": func(c *Config) { c.Flavor = "novell" }, "pages": func(c *Config) { c.PageSize = 0 },
	} {
		c := adConfig()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if set(c); c.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for url, host := range map[string]string{"ldaps://dc1": "dc1:636", "ldap://dc1": "dc1:389", "ldaps://dc1:3269": "dc1:3269", "ldaps://[::1]": "[::1]:636"} {
		c := adConfig()
		if c.URL = url; fmt.Sprint(c.Hosts()) != "["+host+"]" {
			t.Errorf("%s: %v", url, c.Hosts())
		}
	}
	c := adConfig()
	c.CAFile = "missing.pem"
	if _, err := transport.Open(Spec(), c, transport.Options{}, nil); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("%v", err)
	}
}

// TestStartTLS: what comes instead of an answer is none.
func TestStartTLS(t *testing.T) {
	for name, answer := range map[string][]byte{
		"refused": {0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00}, "a search": {0x30, 0x0c, 0x02, 0x01, 0x01, 0x65, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00},
		"text": []byte("HTTP/1.1 400 Bad Request\r\n\r\n and some more text to be read by whoever reads it"), "cut": {0x30, 0x0c, 0x02}, "endless": {0x30, 0x83, 1, 2, 3}, "no length": {0x30, 0x80}, "empty": {0x30, 0x00},
	} {
		here, there := net.Pipe()
		go func() {
			_, _ = io.ReadFull(there, make([]byte, len(startTLSRequest)))
			_, _ = there.Write(answer)
			_ = there.Close()
		}()
		if err := startTLS(here); !errors.Is(err, collectors.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
		_ = here.Close()
	}
}

// TestEmptyPages: a listing of nothing that never ends is no empty list.
func TestEmptyPages(t *testing.T) {
	snap := read(t, adConfig(), scripted(func(string) string { return `{"entries":[],"more":true}` }), kindUser)
	if !errors.Is(snap.Err, collectors.ErrIncomplete) || len(snap.Exchanges) > 2*maxEmpty {
		t.Errorf("%v after %d exchanges", snap.Err, len(snap.Exchanges))
	}
}

// FuzzAnswer: whatever was kept of an answer, it becomes records or an error, and never a panic.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"entries":[{"dn":"CN=Ada","attributes":{` + guid + `,"userAccountControl":["512"],"member;range=0-1":["a"]}}],"referrals":["ldap://x/%zz"]}`)
	f.Add(`{"entries":[{"dn":"","attributes":{"objectGUID":["!"],"mail":[]}}]}`)
	f.Add(`{"entries":[],"more":true}`)
	var kept string
	src := source(f, adConfig(), scripted(func(string) string { return kept }))
	f.Fuzz(func(t *testing.T, text string) {
		kept = text
		for _, k := range everyKind {
			snap := src.Visit(t.Context(), src.Collector().RootScope()).Capture(t.Context(), k, evidence.Window{})
			if snap.Err != nil && strings.Contains(snap.Err.Error(), "panic") {
				t.Errorf("%s: %v", k, snap.Err)
			}
		}
	})
}

// TestNothingToSee: a directory that shows nobody hides somebody, and a group that
// shows no member may have some.
func TestNothingToSee(t *testing.T) {
	if snap := read(t, adConfig(), scripted(func(string) string { return `{"entries":[]}` }), kindUser); !errors.Is(snap.Err, collectors.ErrIncomplete) {
		t.Errorf("no users: %v", snap.Err)
	}
	if a := group(entry{}, nil); a["members"] != nil {
		t.Errorf("a group of which nothing is said has the members %v", a["members"])
	}
}
