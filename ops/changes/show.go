package changes

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// Show returns one change, by its name at the host.
func Show(ctx context.Context, l Log, name string) (*api.ChangeDetail, error) {
	r, err := readLog(ctx, l, func(rec *evidence.Record) bool { return strings.EqualFold(rec.Name, name) }, true)
	if err != nil {
		return nil, err
	}
	var found []read
	for _, m := range r.merges {
		found = append(found, m)
	}
	switch len(found) {
	case 0:
		return nil, api.Errorf(api.NotFound, "no change of the period is called %q: `evidenced changes list` says which there are", name)
	case 1:
		return r.detail(found[0]), nil
	}
	return nil, api.Errorf(api.Conflict, "%d changes of different sources are called %q", len(found), name)
}

func (r *reading) detail(m read) *api.ChangeDetail {
	d := &api.ChangeDetail{Change: r.change(m), Record: m.source(), URL: text(m, "url"), MergedBy: text(m, "merged_by"),
		MergeSHA: cmp.Or(text(m, "merge_sha"), text(m, "merge_commit")), Landed: texts(m, "landed"),
		Contributors: r.contributors(m), Approvals: r.approvals(m), Checks: checks(m), Tickets: r.tickets(m), Verdicts: r.verdicts(m)}
	if d.Landed == nil && d.MergeSHA != "" {
		d.Landed = []string{d.MergeSHA}
	}
	d.Deployments = r.deployments(d.Name, d.Landed)
	return d
}

// person returns the name that the roster has for an account, "" for nobody or several people.
func (r *reading) person(source, account string) string {
	want := source + ":" + strings.ToLower(account)
	if strings.Contains(account, "@") {
		want = "mail:" + strings.ToLower(account)
	}
	var names []string
	for _, p := range r.beside {
		if p.stream.Kind == rosterKind && slices.Contains(accountsOf(p), want) && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// accountsOf returns the keys of the accounts of a row of the roster.
func accountsOf(p read) []string {
	out := texts(p, "other_logins")
	for _, mail := range texts(p, "emails") {
		out = append(out, "mail:"+strings.ToLower(mail))
	}
	logins, _ := p.Attributes["logins"].(map[string]any)
	for source, login := range logins {
		if s, ok := login.(string); ok {
			out = append(out, source+":"+strings.ToLower(s))
		}
	}
	return out
}

func (r *reading) contributors(m read) []api.ChangePerson {
	out := []api.ChangePerson{}
	add := func(account, role string) {
		if account == "" || slices.ContainsFunc(out, func(p api.ChangePerson) bool { return strings.EqualFold(p.Account, account) }) {
			return
		}
		out = append(out, api.ChangePerson{Account: account, Role: role, Person: r.person(m.stream.Source, account), Unsigned: slices.Contains(texts(m, "unsigned_by"), account)})
	}
	add(text(m, "author"), "author")
	for _, name := range []string{"contributors", "some_contributors", "contributor_emails", "commit_authors", "some_commit_authors"} {
		for _, account := range texts(m, name) {
			add(account, "contributor")
		}
	}
	for _, account := range texts(m, "possible_contributors") {
		add(account, "possible")
	}
	return out
}

func (r *reading) approvals(m read) []api.ChangeApproval {
	out := []api.ChangeApproval{}
	for _, a := range maps(m, "approvals") {
		who, _ := a["reviewer"].(string)
		commit, _ := a["commit_id"].(string)
		at := instant(a["submitted_at"])
		if at == nil {
			at = instant(a["approved_at"])
		}
		out = append(out, api.ChangeApproval{Account: who, Person: r.person(m.stream.Source, who), At: at, Commit: commit, CoversHead: truth(a["covers_head"]), CanPush: truth(a["can_push"])})
	}
	return out
}

func checks(m read) []api.ChangeCheck {
	out := []api.ChangeCheck{}
	for name, on := range map[string]string{"checks": "head", "merge_checks": "merge"} {
		for _, c := range maps(m, name) {
			title, _ := c["name"].(string)
			conclusion, _ := c["conclusion"].(string)
			out = append(out, api.ChangeCheck{Name: title, Conclusion: conclusion, At: instant(c["completed_at"]), On: on})
		}
	}
	if p := text(m, "pipeline"); p != "" {
		out = append(out, api.ChangeCheck{Name: "pipeline", Conclusion: p, On: "head"})
	}
	slices.SortStableFunc(out, func(a, b api.ChangeCheck) int { return cmp.Or(cmp.Compare(a.On, b.On), cmp.Compare(a.Name, b.Name)) })
	return out
}

func (r *reading) tickets(m read) []api.ChangeTicket {
	out := []api.ChangeTicket{}
	for _, k := range slices.Concat(texts(m, "tickets"), texts(m, "linked_issues")) {
		t := api.ChangeTicket{Key: k}
		for _, v := range r.beside {
			if slices.Contains(ticketKinds, v.stream.Kind) && (text(v, "key") == k || hadKey(v, k)) {
				source := v.source()
				t.Status, t.CreatedAt, t.Source = text(v, "status"), instant(v.Attributes["created_at"]), &source
			}
		}
		out = append(out, t)
	}
	return out
}

// hadKey reports whether a ticket had a key before it was moved.
func hadKey(t read, key string) bool {
	return slices.ContainsFunc(maps(t, "changes"), func(c map[string]any) bool { return c["field"] == "Key" && c["from"] == key })
}

// deployments returns those of the commits that a change became.
func (r *reading) deployments(name string, landed []string) []api.ChangeDeployment {
	out := []api.ChangeDeployment{}
	repo := repository(&evidence.Record{Name: name})
	for _, v := range r.beside {
		in := cmp.Or(text(v, "repository"), text(v, "project"))
		if !slices.Contains(deployKinds, v.stream.Kind) || !slices.Contains(landed, text(v, "sha")) || !strings.EqualFold(in, repo) {
			continue
		}
		at := v.at
		if v.Effective != nil {
			at = v.Effective.UTC()
		}
		out = append(out, api.ChangeDeployment{Environment: text(v, "environment"), At: at, SHA: text(v, "sha"), Source: v.source()})
	}
	slices.SortFunc(out, func(a, b api.ChangeDeployment) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Source.ID, b.Source.ID))
	})
	return out
}

// verdicts returns what each test says, in the order of the catalogue.
func (r *reading) verdicts(m read) []api.ChangeTestVerdict {
	out := []api.ChangeTestVerdict{}
	answers := r.engine.Answers(m.stream, m.Scope, m.ID)
	for _, t := range r.log.Catalogue.Tests() {
		v, judged := answers[t.ID]
		if !judged {
			continue
		}
		line := api.ChangeTestVerdict{Test: t.ID, Title: t.Title, Control: t.Control, Verdict: v}
		for _, g := range r.result.Gaps {
			if g.Test == t.ID && g.Stream == m.stream.String() && (v == api.Fail && g.Resource == m.ID || v == api.Unknown && g.Kind == result.Blind) {
				line.Reason, line.Gap = g.Reason, g.ID
			}
		}
		out = append(out, line)
	}
	return out
}

func truth(v any) *bool {
	if b, ok := v.(bool); ok {
		return &b
	}
	return nil
}

func instant(v any) *time.Time {
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil
	}
	t = t.UTC()
	return &t
}
