package simulator

import (
	"net/http"
	"slices"
	"time"
)

// logged is one event of the System Log.
type logged struct {
	at          time.Time
	kind, words string
	user        *oktaUser
}

// listLogs gives what happened in the window that is asked for, as far as it has happened.
func (c *Company) listLogs(q *oktaRequest) reply {
	query := q.http.URL.Query()
	since, err := time.Parse(time.RFC3339, query.Get("since"))
	until, err2 := time.Parse(time.RFC3339, query.Get("until"))
	if err != nil || err2 != nil {
		return q.refuse(http.StatusBadRequest, "E0000001", "Api validation failed: since")
	}
	var list []logged
	for _, u := range c.directory {
		list = append(list, u.log(interval{since, until}, q.now)...)
	}
	slices.SortStableFunc(list, func(a, b logged) int { return a.at.Compare(b.at) })
	return q.list(len(list), func(i int) string { return list[i].id() }, func(i int) object { return list[i].card() })
}

var lifecycle = map[string][2]string{
	"STAGED": {"user.lifecycle.create", "Create okta user"}, "ACTIVE": {"user.lifecycle.activate", "Activate Okta user"},
	"LOCKED_OUT": {"user.account.lock", "Max sign in attempts exceeded"}, "DEPROVISIONED": {"user.lifecycle.deactivate", "Deactivate Okta user"},
}

// log gives the events of one user in the window, of which those after now have not happened.
func (u *oktaUser) log(window interval, now time.Time) (out []logged) {
	note := func(at time.Time, kind, words string) {
		if window.holds(at) && !at.After(now) {
			out = append(out, logged{at, kind, words, u})
		}
	}
	for _, s := range u.status.steps {
		note(s.at, lifecycle[s.value][0], lifecycle[s.value][1])
	}
	for _, at := range u.logins {
		note(at, "user.session.start", "User login to Okta")
	}
	return out
}

func (l logged) id() string { return oktaID("", l.user.id+l.kind+l.at.String()) }

func (l logged) card() object {
	u := l.user
	who := object{"id": u.id, "type": "User", "alternateId": u.login, "displayName": u.first + " " + u.last}
	out := object{
		"uuid": l.id(), "published": oktaTime(l.at), "eventType": l.kind, "version": "0", "severity": "INFO", "displayMessage": l.words,
		"actor": who, "client": object{"ipAddress": "192.0.2.1", "device": "Computer", "zone": "null"}, "outcome": object{"result": "SUCCESS"},
		"transaction": object{"id": oktaID("t", l.id()), "type": "WEB", "detail": object{}}, "debugContext": object{"debugData": object{}},
	}
	if l.kind != "user.session.start" {
		out["target"] = []object{who}
	}
	return out
}
