package ldap

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The flavors.
const (
	auto            = "auto"
	activeDirectory = "ad"
	openLDAP        = "openldap"
	ds389           = "389"
	other           = "other"
)

// collector implements collectors.Collector.
type collector struct {
	cfg *Config
	env collectors.Env
	tls *tls.Config
	// paged and flavor are set in the copy of a session.
	paged  bool
	flavor string
}

func (c *collector) address() string { return c.cfg.scheme() + "://" + c.cfg.host() }

// RootScope is the base.
func (c *collector) RootScope() evidence.Scope { return evidence.Scope(c.cfg.BaseDN) }

// Scopes is the base: everything is read below it.
func (c *collector) Scopes([]evidence.Record) []evidence.Scope {
	return []evidence.Scope{c.RootScope()}
}

// Session signs in and asks the directory what it is.
func (c *collector) Session(ctx context.Context, scope evidence.Scope) (collectors.Session, error) {
	if scope != c.RootScope() {
		return nil, fmt.Errorf("scope %q is not %q", scope, c.RootScope())
	}
	if !c.env.Offline {
		if err := c.cfg.Password.Check(); err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
	}
	own := *c
	s := &session{collector: &own}
	cl, err := s.open(ctx)
	defer cl.close()
	if err != nil {
		return nil, err
	}
	return s, s.introduce(ctx, cl)
}

// session implements collectors.Session.
type session struct {
	*collector
	root entry
}

// Principal is the account that signed in.
func (s *session) Principal() string { return s.cfg.BindDN }

// open returns a client that signed in. Each reading has a connection of its own:
// a directory keeps the place in one listing for each.
func (s *session) open(ctx context.Context) (*client, error) {
	cl := &client{collector: s.collector}
	return cl, cl.bind(ctx)
}

// introduce asks the directory what it is.
func (s *session) introduce(ctx context.Context, cl *client) error {
	p, err := cl.one(ctx, question{call: callRoot, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: rootAttributes})
	if err != nil {
		return err
	}
	if len(p.Entries) != 1 {
		return collectors.Incomplete("the directory does not say what it is")
	}
	s.root = p.Entries[0]
	s.paged = slices.Contains(s.root.list("supportedControl"), pagedResults)
	s.flavor = s.cfg.Flavor
	if s.flavor == auto {
		s.flavor = flavorOf(s.root)
	}
	return nil
}

var rootAttributes = []string{"namingContexts", "defaultNamingContext", "configurationNamingContext", "supportedControl", "supportedCapabilities", "supportedLDAPVersion",
	"vendorName", "vendorVersion", "objectClass", "dnsHostName", "domainFunctionality", "forestFunctionality"}

// adCapability is what Active Directory says of itself (MS-ADTS 3.1.1.3.4.3.1).
const adCapability = "1.2.840.113556.1.4.800"

func flavorOf(root entry) string {
	switch vendor := strings.ToLower(root.first("vendorName")); {
	case slices.Contains(root.list("supportedCapabilities"), adCapability):
		return activeDirectory
	case slices.Contains(root.list("objectClass"), "OpenLDAProotDSE"):
		return openLDAP
	case strings.Contains(vendor, "389") || strings.Contains(vendor, "red hat"):
		return ds389
	}
	return other
}

// Collect reads one kind.
func (s *session) Collect(ctx context.Context, kind evidence.Kind, _ evidence.Window, out *collectors.Output) error {
	if kind == kindDirectory {
		out.Scope(s.RootScope(), nil)
		return out.Emit(s.directory())
	}
	cl, err := s.open(ctx)
	defer cl.close()
	if err != nil {
		return err
	}
	switch kind {
	case kindUser:
		err = s.collectUsers(ctx, cl, out)
	case kindGroup:
		err = s.collectGroups(ctx, cl, out)
	case kindPolicy:
		err = s.collectPolicies(ctx, cl, out)
	default:
		err = fmt.Errorf("kind %s is not read by ldap", kind)
	}
	if err == nil {
		out.Scope(s.RootScope(), nil)
	}
	return err
}

func (s *session) directory() evidence.Record {
	a := collectors.Attributes{"flavor": s.flavor, "base_dn": s.cfg.BaseDN, "security": s.cfg.security()}
	for name, attribute := range map[string]string{"vendor": "vendorName", "vendor_version": "vendorVersion", "host": "dnsHostName", "domain_level": "domainFunctionality", "forest_level": "forestFunctionality"} {
		v := s.root.first(attribute)
		a.Text(name, &v)
	}
	if contexts := s.root.list("namingContexts"); len(contexts) > 0 {
		a.Set("naming_contexts", contexts)
	}
	return evidence.Record{ID: s.cfg.BaseDN, Name: s.cfg.BaseDN, Attributes: a}
}

// referred names every place that the directory refers to, and that was not read.
func (s *session) referred(out *collectors.Output, referrals []string) {
	for _, r := range referrals {
		u, err := url.Parse(r)
		if err != nil {
			out.Scope(evidence.Scope(strings.ToValidUTF8(r, "\uFFFD")), collectors.Incomplete("a referral that is no address"))
			continue
		}
		dn := strings.TrimPrefix(u.Path, "/")
		if s.flavor == activeDirectory && withoutAccounts(dn) {
			out.Filter("not searched: "+dn, "a partition of Active Directory without accounts")
			continue
		}
		out.Scope(evidence.Scope(u.Scheme+"://"+u.Host+"/"+dn), collectors.Incomplete("the directory refers to it, and referrals are not followed: configure it as a source of its own"))
	}
}

// withoutAccounts tells the partitions of Active Directory that hold none.
func withoutAccounts(dn string) bool {
	for _, p := range []string{"cn=configuration,", "cn=schema,", "dc=domaindnszones,", "dc=forestdnszones,"} {
		if strings.HasPrefix(strings.ToLower(dn), p) {
			return true
		}
	}
	return false
}
