package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// listOktaUsers leaves out who is deprovisioned, as Okta does, unless that is
// what is searched for. No other search is known.
func (c *Company) listOktaUsers(q *oktaRequest) reply {
	search := q.http.URL.Query().Get("search")
	if search != "" && search != `status eq "DEPROVISIONED"` {
		return q.refuse(http.StatusBadRequest, "E0000031", "Invalid search criteria.")
	}
	list := c.usersLike(q, func(u *oktaUser) bool { return (u.status.at(q.now) == "DEPROVISIONED") == (search != "") })
	return q.listUsers(list)
}

func (q *oktaRequest) listUsers(list []*oktaUser) reply {
	return q.list(len(list), func(i int) string { return list[i].id }, func(i int) object { return list[i].card(q) })
}

func (u *oktaUser) card(q *oktaRequest) object {
	t := q.now
	changed := u.status.steps[max(u.status.after(t)-1, 0)].at
	var activated time.Time
	if i := slices.IndexFunc(u.status.steps, func(s step[string]) bool { return s.value == "ACTIVE" }); i >= 0 && !u.status.steps[i].at.After(t) {
		activated = u.status.steps[i].at
	}
	return object{
		"id": u.id, "status": u.status.at(t), "created": oktaTime(u.created), "activated": oktaTime(activated), "statusChanged": oktaTime(changed),
		"lastLogin": oktaTime(u.logins.last(t)), "lastUpdated": oktaTime(changed), "passwordChanged": oktaTime(activated), "type": object{"id": "oty1"},
		"profile":     object{"login": u.login, "email": u.login, "firstName": u.first, "lastName": u.last, "mobilePhone": nil, "secondEmail": nil},
		"credentials": object{"password": object{}, "provider": object{"type": "OKTA", "name": "OKTA"}},
		"_links":      object{"self": href(q.base() + "/api/v1/users/" + u.id)},
	}
}

// makers are who makes the factor of a type.
var makers = map[string][2]string{
	"push": {"OKTA", "OKTA"}, "token:software:totp": {"GOOGLE", "GOOGLE"}, "webauthn": {"FIDO", "FIDO"}, "question": {"OKTA", "OKTA"}, "sms": {"OKTA", "OKTA"},
}

func (c *Company) listFactors(q *oktaRequest) reply {
	return c.onUser(q, func(u *oktaUser) reply {
		types := strings.Fields(u.factors.at(q.now))
		since := oktaTime(u.factors.steps[max(u.factors.after(q.now)-1, 0)].at)
		cards := make([]object, 0, len(types))
		for _, f := range types {
			id := oktaID("opf", u.id+f)
			cards = append(cards, object{"id": id, "factorType": f, "provider": makers[f][0], "vendorName": makers[f][1], "status": "ACTIVE",
				"created": since, "lastUpdated": since, "_links": object{"self": href(q.base() + "/api/v1/users/" + u.id + "/factors/" + id)}})
		}
		return oktaReply(cards)
	})
}

var roleLabels = map[string]string{superAdmin: "Super Administrator", readOnlyAdmin: "Read-only Administrator", "APP_ADMIN": "Application Administrator"}

func (c *Company) listRoles(q *oktaRequest) reply {
	return c.onUser(q, func(u *oktaUser) reply {
		cards := []object{}
		if role := u.roles.at(q.now); role != "" {
			since := oktaTime(later(u.roles.steps[u.roles.after(q.now)-1].at, u.created))
			id := oktaID("ra1", u.id+role)
			cards = append(cards, object{"id": id, "type": role, "label": roleLabels[role], "status": "ACTIVE", "assignmentType": "USER",
				"created": since, "lastUpdated": since, "_links": object{"assignee": href(q.base() + "/api/v1/users/" + u.id)}})
		}
		return oktaReply(cards)
	})
}

// listAdmins wraps its list, and names the next page in the body.
func (c *Company) listAdmins(q *oktaRequest) reply {
	list := c.usersLike(q, func(u *oktaUser) bool { return u.roles.at(q.now) != "" })
	id := func(i int) string { return list[i].id }
	from, to := q.page(len(list), id)
	value, links := []object{}, object{"self": href(q.address(""))}
	for _, u := range list[from:to] {
		value = append(value, object{"id": u.id, "orn": "orn:okta:directory:" + oktaID("00o", c.org.login) + ":users:" + u.id,
			"_links": object{"self": href(q.base() + "/api/v1/users/" + u.id)}})
	}
	if next := q.next(from, to, len(list), id); next != "" {
		links["next"] = href(next)
	}
	return oktaReply(object{"value": value, "_links": links})
}

// listTokens gives all of them at once, without their values.
func (c *Company) listTokens(q *oktaRequest) reply {
	cards := []object{}
	for _, k := range c.tokens {
		if !k.life.holds(q.now) {
			continue
		}
		used := q.now.Truncate(day)
		cards = append(cards, object{"id": k.id, "name": k.name, "userId": k.owner.id, "clientName": "Okta API", "tokenWindow": "P30D",
			"created": oktaTime(k.life.from), "lastUpdated": oktaTime(used), "expiresAt": oktaTime(used.AddDate(0, 0, 30)), "network": object{"connection": "ANYWHERE"},
			"_link": object{"self": href(q.base() + "/api/v1/api-tokens/" + k.id)}})
	}
	return oktaReply(cards)
}

func (c *Company) listGroups(q *oktaRequest) reply {
	list := c.groups()
	return q.list(len(list), func(i int) string { return list[i].id }, func(i int) object {
		g, made := list[i], oktaTime(c.org.created)
		kind, name := "OKTA_GROUP", "okta:user_group"
		if g.department == "" {
			kind = "BUILT_IN"
		}
		return object{"id": g.id, "type": kind, "created": made, "lastUpdated": made, "lastMembershipUpdated": made, "objectClass": []string{name},
			"profile": object{"name": g.name, "description": "Everybody in " + g.name}, "_links": object{"users": href(q.base() + "/api/v1/groups/" + g.id + "/users")}}
	})
}

func (c *Company) listGroupMembers(q *oktaRequest) reply {
	i := slices.IndexFunc(c.groups(), func(g oktaGroup) bool { return g.id == q.http.PathValue("groupId") })
	if i < 0 {
		return q.notFound()
	}
	return q.listUsers(c.membersOf(c.groups()[i], q.now))
}
