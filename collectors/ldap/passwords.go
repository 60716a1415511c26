package ldap

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// numbers are the attributes of password policies that are numbers: those of
// Active Directory's domains, of its fine-grained policies, of the ppolicy
// overlay (draft-behera-ldap-password-policy), of FreeIPA.
var numbers = map[string][]string{
	"min_length":        {"minPwdLength", "msDS-MinimumPasswordLength", "pwdMinLength", "krbPwdMinLength"},
	"history":           {"pwdHistoryLength", "msDS-PasswordHistoryLength", "pwdInHistory", "krbPwdHistoryLength"},
	"lockout_threshold": {"lockoutThreshold", "msDS-LockoutThreshold", "pwdMaxFailure", "krbPwdMaxFailure"},
	"precedence":        {"msDS-PasswordSettingsPrecedence", "cosPriority"},
	"quality":           {"pwdCheckQuality"},
}

// spans are those that are times: negative, and of 100 nanoseconds, in Active
// Directory; of seconds elsewhere.
var spans = map[string][]string{
	"max_age_seconds":        {"maxPwdAge", "msDS-MaximumPasswordAge", "pwdMaxAge", "krbMaxPwdLife"},
	"min_age_seconds":        {"minPwdAge", "msDS-MinimumPasswordAge", "pwdMinAge", "krbMinPwdLife"},
	"lockout_seconds":        {"lockoutDuration", "msDS-LockoutDuration", "pwdLockoutDuration", "krbPwdLockoutDuration"},
	"lockout_window_seconds": {"lockOutObservationWindow", "msDS-LockoutObservationWindow", "pwdFailureCountInterval", "krbPwdFailureCountInterval"},
}

var flags = map[string][]string{
	"complexity":            {"msDS-PasswordComplexityEnabled"},
	"reversible_encryption": {"msDS-PasswordReversibleEncryptionEnabled"},
	"lockout":               {"pwdLockout"},
	"must_change":           {"pwdMustChange"},
}

func policyAttributes() []string {
	all := slices.Concat(idAttributes, []string{"cn", "pwdProperties", "msDS-PSOAppliesTo", "whenCreated", "createTimestamp"})
	for _, m := range []map[string][]string{numbers, spans, flags} {
		for _, names := range m {
			all = append(all, names...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// collectPolicies reads the policy of the domain, and those of some only.
func (s *session) collectPolicies(ctx context.Context, cl *client, out *collectors.Output) error {
	filter, base := "(|(objectClass=pwdPolicy)(objectClass=krbPwdPolicy))", s.cfg.BaseDN
	if s.flavor == activeDirectory {
		if base = s.root.first("defaultNamingContext"); base == "" {
			return collectors.Incomplete("the directory does not say which domain it is of")
		}
		if err := s.collectDomain(ctx, cl, out, base); err != nil {
			return err
		}
		filter = "(objectClass=msDS-PasswordSettings)"
	}
	q := question{call: callPolicies, base: base, scope: ldap.ScopeWholeSubtree, filter: filter, attributes: policyAttributes()}
	out.Filter("policies", filter)
	_, err := s.each(ctx, cl, out, q, func(e entry, id string) (evidence.Record, error) {
		a := passwordPolicy(e)
		a["scope"] = "subset"
		if to := e.list("msDS-PSOAppliesTo"); len(to) > 0 {
			a.Set("applies_to", to)
		}
		return evidence.Record{ID: id, Name: nameOf(e), Attributes: a}, nil
	})
	return err
}

// collectDomain reads the policy that stands in the domain itself.
func (s *session) collectDomain(ctx context.Context, cl *client, out *collectors.Output, dn string) error {
	p, err := cl.one(ctx, question{call: callDomain, base: dn, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: policyAttributes()})
	if err != nil {
		return err
	}
	if len(p.Entries) != 1 || p.Entries[0].first("minPwdLength") == "" {
		return collectors.Incomplete("%s does not say its password policy, or hides it from this account", dn)
	}
	e := p.Entries[0]
	id, err := e.id(s.flavor)
	if err != nil {
		return err
	}
	a := passwordPolicy(e)
	a["scope"] = "domain"
	return out.Emit(evidence.Record{ID: id, Name: dn, Attributes: a})
}

// The bits of pwdProperties (MS-SAMR 2.2.1.13).
const (
	pwdComplex    = 0x1
	pwdReversible = 0x10
)

func passwordPolicy(e entry) collectors.Attributes {
	a := collectors.Attributes{"dn": e.DN}
	for name, attributes := range numbers {
		for _, attribute := range attributes {
			if n, ok := e.number(attribute); ok {
				a[name] = n
			}
		}
	}
	for name, attributes := range spans {
		setSpan(a, e, name, attributes)
	}
	for name, attributes := range flags {
		if v := strings.ToUpper(e.first(attributes...)); v == "TRUE" || v == "FALSE" {
			a[name] = v == "TRUE"
		}
	}
	if n, ok := e.number("pwdProperties"); ok {
		a["complexity"], a["reversible_encryption"] = n&pwdComplex != 0, n&pwdReversible != 0
	}
	return a
}

// setSpan sets a time in seconds. Never, which is the least number or none at
// all in Active Directory, is 0, as it is elsewhere.
func setSpan(a collectors.Attributes, e entry, name string, attributes []string) {
	for _, attribute := range attributes {
		n, ok := e.number(attribute)
		switch {
		case !ok:
		case n == math.MinInt64:
			a[name] = int64(0)
		case n < 0:
			a[name] = -n / 1e7
		default:
			a[name] = n
		}
	}
}

// everyAttribute returns all that searches ask for.
func everyAttribute() []string {
	all := slices.Concat(rootAttributes, userAttributes, groupAttributes, policyAttributes())
	slices.Sort(all)
	return slices.Compact(all)
}
