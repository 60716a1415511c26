package ldap

import (
	"context"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// memberAttributes are the ways in which groups name their members.
var memberAttributes = []string{"member", "uniqueMember", "memberUid"}

var groupAttributes = slices.Concat(idAttributes, []string{"cn", "sAMAccountName", "description", "groupType", "adminCount", "managedBy", "whenCreated", "createTimestamp"}, memberAttributes)

func (s *session) groupFilter() string {
	switch {
	case s.cfg.GroupFilter != "":
		return s.cfg.GroupFilter
	case s.flavor == activeDirectory:
		return "(objectClass=group)"
	}
	return "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
}

func (s *session) collectGroups(ctx context.Context, cl *client, out *collectors.Output) error {
	q := question{call: callGroups, base: s.cfg.BaseDN, scope: ldap.ScopeWholeSubtree, filter: s.groupFilter(), attributes: groupAttributes}
	out.Filter("groups", q.filter)
	_, err := s.each(ctx, cl, out, q, func(e entry, id string) (evidence.Record, error) {
		var members []string
		for _, name := range memberAttributes {
			more, err := cl.ranged(ctx, e, name)
			if err != nil {
				return evidence.Record{}, err
			}
			members = append(members, more...)
		}
		return evidence.Record{ID: id, Name: nameOf(e), Attributes: group(e, members)}, nil
	})
	return err
}

// securityGroup is the bit of groupType that makes a group one of rights (MS-ADTS 2.2.12).
const securityGroup = 0x80000000

func group(e entry, members []string) collectors.Attributes {
	a := collectors.Attributes{"dn": e.DN}
	if len(members) > 0 { // one that may not be seen looks like one without any
		a.Set("members", members)
	}
	e.setText(a, "login", "sAMAccountName")
	e.setText(a, "description", "description")
	e.setText(a, "managed_by", "managedBy")
	e.setTime(a, "created", "whenCreated", "createTimestamp")
	if n, ok := e.number("groupType"); ok {
		a["security"] = n&securityGroup != 0
	}
	if n, ok := e.number("adminCount"); ok {
		a["admin"] = n > 0
	}
	return a
}
