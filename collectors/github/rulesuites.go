package github

import (
	"context"
	"net/url"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

func ruleSuiteKind() kind {
	k := kind{
		KindSpec: events(kindRuleSuite, "A push to a default branch that bypassed a rule.", time.Hour), listing: true,
		calls: []collectors.Call{reads("GET /repos/{owner}/{repo}/rulesets/rule-suites", "administration: read", "pushes that bypassed a rule")},
		read:  (*session).collectRuleSuites,
	}
	k.Kept = ruleSuiteMemory
	return k
}

// ruleSuite is how the rules judged one push.
// https://docs.github.com/en/rest/repos/rule-suites#list-repository-rule-suites
type ruleSuite struct {
	ID         int64      `json:"id"`
	Actor      *string    `json:"actor_name"`
	Before     *string    `json:"before_sha"`
	After      *string    `json:"after_sha"`
	PushedAt   *time.Time `json:"pushed_at"`
	Result     *string    `json:"result"`
	Evaluation *string    `json:"evaluation_result"`
}

func (v ruleSuite) when() (string, *time.Time) { return numbered(v.ID), v.PushedAt }

const ruleSuiteMemory = 30 * 24 * time.Hour

// timePeriod names the shortest period that reaches back to the beginning of
// the window, an hour of which the reading may take.
func timePeriod(w evidence.Window) (string, error) {
	for _, p := range []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"month", ruleSuiteMemory}} {
		if w.To.Sub(w.From) <= p.long-time.Hour {
			return p.name, nil
		}
	}
	return "month", collectors.Incomplete("GitHub shows rule suites of a month, and the window begins at %s", w.From.UTC().Format(time.RFC3339))
}

// collectRuleSuites reads what is still there even if the window begins earlier.
func (s *session) collectRuleSuites(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	period, forgotten := timePeriod(w)
	out.Filter("rule suites", "bypasses on the default branch of each repository")
	err := s.eachDefaultBranch(ctx, out, func(ctx context.Context, r repository, branch string) error {
		path := r.path("rulesets", "rule-suites") + "?rule_suite_result=bypass&time_period=" + period + "&ref=" + url.QueryEscape("refs/heads/"+branch)
		err := newestFirst(ctx, s, out, path, w, func(_ context.Context, v ruleSuite) error {
			a := collectors.Attributes{"repository": r.FullName, "branch": branch}
			a.Text("actor", v.Actor)
			a.Text("before", v.Before)
			a.Text("after", v.After)
			a.Text("result", v.Result)
			a.Text("evaluation_result", v.Evaluation)
			id, at := v.when()
			return out.Emit(evidence.Record{ID: id, Name: r.FullName + " " + id, Scope: r.scope(), Effective: utc(*at), Attributes: a})
		})
		if err == nil {
			err = forgotten
		}
		return err
	})
	return err
}
