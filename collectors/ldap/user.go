package ldap

import (
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// idAttributes are those by which an entry is told from others.
var idAttributes = []string{"entryUUID", "nsUniqueId", "objectGUID"}

// userAttributes are all that is asked of a user.
var userAttributes = slices.Concat(idAttributes, []string{
	"uid", "sAMAccountName", "userPrincipalName", "mail", "proxyAddresses", "displayName", "cn",
	"employeeNumber", "employeeID", "employeeType", "title", "department", "departmentNumber", "manager", "description",
	"userAccountControl", "nsAccountLock", "pwdAccountLockedTime", "lockoutTime", "accountExpires",
	"lastLogonTimestamp", "authTimestamp", "pwdLastSuccess", "lastLoginTime", "krbLastSuccessfulAuth", "badPasswordTime",
	"pwdLastSet", "pwdChangedTime", "krbLastPwdChange", "whenCreated", "createTimestamp", "memberOf", "primaryGroupID", "adminCount", "servicePrincipalName",
})

// The bits of userAccountControl (MS-ADTS 2.2.16).
const (
	uacDisabled         = 0x2
	uacPasswordNotReqd  = 0x20
	uacNeverExpires     = 0x10000
	uacSmartcard        = 0x40000
	uacNoPreauth        = 0x400000
	uacTrustedForDelegn = 0x80000
)

func (s *session) userFilter() string {
	switch {
	case s.cfg.UserFilter != "":
		return s.cfg.UserFilter
	case s.flavor == activeDirectory:
		return "(&(objectCategory=person)(objectClass=user))"
	}
	return "(|(objectClass=inetOrgPerson)(objectClass=posixAccount))"
}

func (s *session) collectUsers(ctx context.Context, cl *client, out *collectors.Output) error {
	q := question{call: callUsers, base: s.cfg.BaseDN, scope: ldap.ScopeWholeSubtree, filter: s.userFilter(), attributes: userAttributes}
	out.Filter("users", q.filter)
	n := 0
	referred, err := s.each(ctx, cl, out, q, func(e entry, id string) (evidence.Record, error) {
		n++
		groups, err := cl.ranged(ctx, e, "memberOf")
		return evidence.Record{ID: id, Name: nameOf(e), Attributes: s.user(e, groups)}, err
	})
	if err == nil && n == 0 && !referred {
		return collectors.Incomplete("%s holds no user that %s may see: a directory without people is one that hides them", s.cfg.BaseDN, s.cfg.BindDN)
	}
	return err
}

// each reads a listing whole, and then what the entries need besides: a
// connection keeps the place in one listing only. It tells whether anything was referred to elsewhere.
func (s *session) each(ctx context.Context, cl *client, out *collectors.Output, q question, record func(entry, string) (evidence.Record, error)) (referred bool, err error) {
	var all []entry
	err = cl.all(ctx, q, out, func(p page) error {
		all = append(all, p.Entries...)
		s.referred(out, p.Referrals)
		referred = referred || len(p.Referrals) > 0
		return nil
	})
	for i := 0; err == nil && i < len(all); i++ {
		var id string
		if id, err = all[i].id(s.flavor); err != nil {
			return referred, err
		}
		var r evidence.Record
		if r, err = record(all[i], id); err == nil {
			err = out.Emit(r)
		}
	}
	return referred, err
}

func nameOf(e entry) string {
	if n := e.first("displayName", "cn", "uid", "sAMAccountName"); n != "" {
		return n
	}
	return e.DN
}

func (s *session) user(e entry, groups []string) collectors.Attributes {
	a := collectors.Attributes{"dn": e.DN}
	e.setText(a, "login", "sAMAccountName", "uid")
	e.setText(a, "upn", "userPrincipalName")
	e.setText(a, "employee_number", "employeeNumber", "employeeID")
	e.setText(a, "type", "employeeType")
	e.setText(a, "title", "title")
	e.setText(a, "department", "department", "departmentNumber")
	e.setText(a, "manager", "manager")
	e.setText(a, "description", "description")
	setEmails(a, e)
	setState(a, e)
	e.setTime(a, "last_login", "lastLogonTimestamp", "pwdLastSuccess", "authTimestamp", "lastLoginTime", "krbLastSuccessfulAuth")
	e.setTime(a, "bad_password_at", "badPasswordTime")
	e.setTime(a, "password_last_set", "pwdLastSet", "pwdChangedTime", "krbLastPwdChange")
	e.setTime(a, "created", "whenCreated", "createTimestamp")
	if s.flavor == activeDirectory || len(groups) > 0 {
		// Elsewhere no group may mean that the directory does not say.
		a.Set("member_of", groups)
	}
	if n, ok := e.number("adminCount"); ok {
		a["admin"] = n > 0
	}
	if spn := e.list("servicePrincipalName"); len(spn) > 0 {
		a.Set("service_principals", spn)
	}
	return a
}

// setEmails sets the first address, and all of them, in lower case.
func setEmails(a collectors.Attributes, e entry) {
	var all []string
	for _, m := range e.list("mail") {
		all = append(all, strings.ToLower(strings.TrimSpace(m)))
	}
	if len(all) > 0 {
		a["email"] = all[0]
	}
	for _, p := range e.list("proxyAddresses") {
		if address, ok := strings.CutPrefix(strings.ToLower(p), "smtp:"); ok {
			all = append(all, address)
		}
	}
	if len(all) > 0 {
		a.Set("emails", all)
	}
}

// lockedForever is how the password policy overlay of OpenLDAP writes that an
// administrator locked an account.
const lockedForever = "000001010000Z"

// setState says whether the account can be used, as far as the directory says.
func setState(a collectors.Attributes, e entry) {
	if uac, ok := e.number("userAccountControl"); ok {
		a["user_account_control"] = uac
		a["enabled"] = uac&uacDisabled == 0
		a["password_never_expires"] = uac&uacNeverExpires != 0
		a["password_not_required"] = uac&uacPasswordNotReqd != 0
		a["smartcard_required"] = uac&uacSmartcard != 0
		a["preauth_not_required"] = uac&uacNoPreauth != 0
		a["trusted_for_delegation"] = uac&uacTrustedForDelegn != 0
	}
	switch lock := strings.ToLower(e.first("nsAccountLock")); lock {
	case "true":
		a["enabled"] = false
	case "false":
		a["enabled"] = true
	}
	if e.first("pwdAccountLockedTime") == lockedForever {
		a["enabled"] = false
	} else {
		e.setTime(a, "locked_at", "pwdAccountLockedTime", "lockoutTime")
	}
	e.setTime(a, "expires", "accountExpires")
	if n, ok := e.number("pwdLastSet"); ok {
		a["password_must_change"] = n == 0
	}
}
