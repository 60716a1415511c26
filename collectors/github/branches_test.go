package github

import (
	"reflect"
	"testing"
)

const (
	product        = `[{"id":10,"full_name":"acme/product","default_branch":"main","archived":false},{"id":11,"full_name":"acme/old","default_branch":"main","archived":true}]`
	pathProtection = "/repos/acme/product/branches/main/protection"
	pathRules      = "/repos/acme/product/rules/branches/main"
	pathSet5       = "/repos/acme/product/rulesets/5"
	pathSet6       = "/repos/acme/product/rulesets/6"
	bypassed       = `{"id":5,"bypass_actors":[{"actor_id":null,"actor_type":"OrganizationAdmin","bypass_mode":"always"},{"actor_id":234,"actor_type":"Team","bypass_mode":"pull_request"}]}`
	strict         = `{"required_status_checks":{"strict":true,"contexts":["build"],"checks":[{"context":"build","app_id":1},{"context":"test","app_id":null}]},"enforce_admins":{"enabled":false},"required_pull_request_reviews":{"dismiss_stale_reviews":true,"require_code_owner_reviews":false,"required_approving_review_count":1,"require_last_push_approval":false},"allow_force_pushes":{"enabled":false},"allow_deletions":{"enabled":true}}`
	ruleset        = `[{"type":"pull_request","ruleset_id":5,"parameters":{"required_approving_review_count":2,"dismiss_stale_reviews_on_push":false,"require_code_owner_review":true,"require_last_push_approval":true}},{"type":"deletion","ruleset_id":5},{"type":"non_fast_forward","ruleset_id":5},{"type":"merge_queue","ruleset_id":6,"parameters":{"x":[1]}},{"type":"a_rule_of_tomorrow","ruleset_id":6},{"type":"required_status_checks","ruleset_id":6,"parameters":{"required_status_checks":[{"context":"lint"}]}}]`
)

func TestBranches(t *testing.T) {
	refused := reply{status: 403, body: `{"message":"Resource not accessible by personal access token"}`, header: map[string]string{"X-RateLimit-Remaining": "4999"}}
	tests := []struct {
		name           string
		classic, rules reply
		complete       bool
		want           string
	}{
		{"classic only", ok(strict), ok(`[]`), true, `
10:main acme/product@main [acme/product] {"branch":"main","bypass_actors":[],"classic_protection":true,"deletion_blocked":false,"dismiss_stale_reviews":true,"enforce_admins":false,"force_push_blocked":true,"pull_request_required":true,"repository":"acme/product","require_code_owner_reviews":false,"require_last_push_approval":false,"required_approvals":1,"required_status_checks":["build","test"],"required_workflows":[],"review_bypass":["administrators"],"rules":[]}
acme/product read`},
		{"rulesets only", no(404, "Branch not protected"), ok(ruleset), true, `
10:main acme/product@main [acme/product] {"branch":"main","bypass_actors":["OrganizationAdmin always","Team 234 pull_request"],"classic_protection":false,"deletion_blocked":true,"dismiss_stale_reviews":false,"force_push_blocked":true,"pull_request_required":true,"repository":"acme/product","require_code_owner_reviews":true,"require_last_push_approval":true,"required_approvals":2,"required_status_checks":["lint"],"required_workflows":[],"review_bypass":["OrganizationAdmin always","Team 234 pull_request"],"rules":["a_rule_of_tomorrow","deletion","merge_queue","non_fast_forward","pull_request","required_status_checks"]}
acme/product read`},
		{"neither", no(404, "Branch not protected"), ok(`[]`), true, `
10:main acme/product@main [acme/product] {"branch":"main","bypass_actors":[],"classic_protection":false,"deletion_blocked":false,"dismiss_stale_reviews":false,"force_push_blocked":false,"pull_request_required":false,"repository":"acme/product","require_code_owner_reviews":false,"require_last_push_approval":false,"required_approvals":0,"required_status_checks":[],"required_workflows":[],"rules":[]}
acme/product read`},
		{"404 for want of rights is not unprotected", no(404, "Not Found"), ok(`[]`), false, `
10:main acme/product@main [acme/product] {"branch":"main","bypass_actors":[],"repository":"acme/product","required_workflows":[],"rules":[]}
acme/product denied denied`},
		{"classic refused, rulesets prove", refused, ok(ruleset), false, `
10:main acme/product@main [acme/product] {"branch":"main","bypass_actors":["OrganizationAdmin always","Team 234 pull_request"],"deletion_blocked":true,"force_push_blocked":true,"pull_request_required":true,"repository":"acme/product","require_code_owner_reviews":true,"require_last_push_approval":true,"required_approvals":2,"required_status_checks":["lint"],"required_workflows":[],"rules":["a_rule_of_tomorrow","deletion","merge_queue","non_fast_forward","pull_request","required_status_checks"]}
acme/product denied denied`},
		{"rulesets refused, classic proves", ok(strict), refused, false, `
10:main acme/product@main [acme/product] {"branch":"main","classic_protection":true,"dismiss_stale_reviews":true,"enforce_admins":false,"force_push_blocked":true,"pull_request_required":true,"repository":"acme/product","required_approvals":1,"required_status_checks":["build","test"]}
acme/product denied denied`},
		{"silent on force pushes", ok(`{"url":"x"}`), ok(`[]`), true, `
10:main acme/product@main [acme/product] {"branch":"main","bypass_actors":[],"classic_protection":true,"dismiss_stale_reviews":false,"pull_request_required":false,"repository":"acme/product","require_code_owner_reviews":false,"require_last_push_approval":false,"required_approvals":0,"required_status_checks":[],"required_workflows":[],"rules":[]}
acme/product read`},
		{"empty repository", no(404, "Branch not found"), ok(`[]`), true, "acme/product read"},
		{"broken rules", ok(strict), ok(`[{"type":"pull_request","parameters":"x"}]`), false, "acme/product failed incomplete"},
		{"server error", reply{status: 502}, ok(`[]`), false, "acme/product failed unreachable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, capture(t, with(map[string][]reply{"/orgs/acme": {stating(1, 1)}, repos: {ok(product)}, pathProtection: {tt.classic}, pathRules: {tt.rules}, pathSet5: {ok(bypassed)}, pathSet6: {ok(`{"id":6,"bypass_actors":[]}`)}}), kindBranch), tt.complete, tt.want)
		})
	}
}

func TestBranchNameIsOneSegment(t *testing.T) {
	s := capture(t, with(map[string][]reply{
		repos: {ok(`[{"id":10,"full_name":"acme/product","default_branch":"release/v1"}]`)},
		"/repos/acme/product/branches/release%2Fv1/protection": {no(404, "Branch not protected")},
		"/repos/acme/product/rules/branches/release%2Fv1":      {ok(`[{"type":"deletion"}]`)},
	}), kindBranch)
	if s.Err != nil || len(s.Records) != 1 || s.Records[0].ID != "10:release/v1" {
		t.Errorf("error %v, records %v", s.Err, s.Records)
	}
}

// TestBypass: who may bypass is known only if no ruleset hides it.
func TestBypass(t *testing.T) {
	for name, tt := range map[string]struct {
		rules, set5, set6 reply
		complete, said    bool
	}{
		"shown":             {ok(ruleset), ok(`{"bypass_actors":[]}`), ok(`{"bypass_actors":[]}`), true, true},
		"hidden of one":     {ok(ruleset), ok(`{"bypass_actors":[]}`), ok(`{"id":6}`), true, false},
		"refused":           {ok(ruleset), ok(`{"bypass_actors":[]}`), no(404, "Not Found"), false, false},
		"broken":            {ok(ruleset), ok(`{"bypass_actors":1}`), ok(`{}`), false, false},
		"an unnamed one":    {ok(`[{"type":"deletion"}]`), ok(`{}`), ok(`{}`), true, false},
		"no ruleset at all": {ok(`[]`), ok(`{}`), ok(`{}`), true, true},
	} {
		s := capture(t, with(map[string][]reply{"/orgs/acme": {stating(1, 1)}, repos: {ok(product)}, pathProtection: {ok(strict)}, pathRules: {tt.rules}, pathSet5: {tt.set5}, pathSet6: {tt.set6}}), kindBranch)
		if (s.Err == nil) != tt.complete {
			t.Errorf("%s: error %v", name, s.Err)
		}
		for _, r := range s.Records {
			if _, present := r.Attributes["bypass_actors"]; present != tt.said {
				t.Errorf("%s: %v", name, r.Attributes)
			}
		}
	}
}

// TestEffectiveRule: classic protection and rulesets are read together, once.
func TestEffectiveRule(t *testing.T) {
	const (
		one     = `{"type":"pull_request","ruleset_id":5,"parameters":{"required_approving_review_count":1,"dismiss_stale_reviews_on_push":false,"require_code_owner_review":false,"require_last_push_approval":false}}`
		another = `{"type":"pull_request","ruleset_id":6,"parameters":{"required_approving_review_count":1}}`
		free    = `{"enforcement":"active","bypass_actors":[]}`
		team    = `{"enforcement":"active","bypass_actors":[{"actor_id":1,"actor_type":"Team","bypass_mode":"always"}]}`
	)
	reviewers := func(patterns string) string {
		return `[{"type":"pull_request","ruleset_id":5,"parameters":{"required_approving_review_count":0,"required_reviewers":[{"file_patterns":` + patterns + `,"minimum_approvals":1,"reviewer":{"id":3,"type":"Team"}}]}}]`
	}
	classic := func(admins, allowances string) string {
		return `{"enforce_admins":{"enabled":` + admins + `},"required_pull_request_reviews":{"required_approving_review_count":1` + allowances + `},"allow_force_pushes":{"enabled":false},"allow_deletions":{"enabled":false}}`
	}
	for name, tt := range map[string]struct {
		classic, rules, set5, set6 string
		want                       map[string]any
	}{
		"bob may bypass pull requests, though administrators are bound": {classic: classic("true", `,"bypass_pull_request_allowances":{"users":[{"login":"bob"}],"teams":[{"slug":"ops"}],"apps":[{"slug":"robot"}]}`),
			want: map[string]any{"review_bypass": []any{"App robot", "Team ops", "User bob"}}},
		"nobody may": {classic: classic("true", ""), want: map[string]any{"review_bypass": []any{}}},
		"administrators are exempt, and a ruleset binds them": {classic: classic("false", ""), rules: `[` + one + `]`, set5: free,
			want: map[string]any{"review_bypass": []any{}, "bypass_actors": []any{}}},
		"administrators are exempt, and a ruleset too": {classic: classic("false", ""), rules: `[` + one + `]`, set5: team,
			want: map[string]any{"review_bypass": []any{"Team 1 always", "administrators"}}},
		"a ruleset is hidden, and another binds":   {rules: `[` + one + `,` + another + `]`, set5: `{}`, set6: free, want: map[string]any{"review_bypass": []any{}, "bypass_actors": nil}},
		"a ruleset is hidden, and another is open": {rules: `[` + one + `,` + another + `]`, set5: `{}`, set6: team, want: map[string]any{"review_bypass": nil}},
		"a bypass of a ruleset that asks no approval": {rules: `[` + one + `,{"type":"deletion","ruleset_id":6}]`, set5: free, set6: team,
			want: map[string]any{"review_bypass": []any{}, "bypass_actors": []any{"Team 1 always"}}},
		"it only evaluates": {rules: `[` + one + `]`, set5: `{"enforcement":"evaluate","bypass_actors":[]}`,
			want: map[string]any{"pull_request_required": false, "required_approvals": int64(0), "rules": []any{}, "review_bypass": nil}},
		"the same rule twice":            {rules: `[` + one + `,` + one + `,` + another + `]`, set5: free, set6: free, want: map[string]any{"rules": []any{"pull_request"}, "required_approvals": int64(1), "review_bypass": []any{}}},
		"reviewers of every file":        {rules: reviewers(`["**/*"]`), set5: free, want: map[string]any{"required_approvals": int64(1), "review_bypass": []any{}}},
		"reviewers of some files":        {rules: reviewers(`["src/*"]`), set5: free, want: map[string]any{"required_approvals": int64(0), "review_bypass": nil}},
		"reviewers of all files but one": {rules: reviewers(`["*","!infra/*"]`), set5: free, want: map[string]any{"required_approvals": int64(0)}},
		"a workflow has to pass": {rules: `[{"type":"workflows","ruleset_id":5,"parameters":{"workflows":[{"path":".github/workflows/ci.yml","repository_id":1}]}}]`, set5: free,
			want: map[string]any{"required_workflows": []any{".github/workflows/ci.yml"}, "required_status_checks": []any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			protected, rules := no(404, "Branch not protected"), ok(`[]`)
			if tt.classic != "" {
				protected = ok(tt.classic)
			}
			if tt.rules != "" {
				rules = ok(tt.rules)
			}
			s := capture(t, with(map[string][]reply{"/orgs/acme": {stating(1, 1)}, repos: {ok(product)}, pathProtection: {protected}, pathRules: {rules}, pathSet5: {ok(tt.set5)}, pathSet6: {ok(tt.set6)}}), kindBranch)
			if s.Err != nil || len(s.Records) != 1 {
				t.Fatalf("error %v, %d records", s.Err, len(s.Records))
			}
			for name, want := range tt.want {
				if got, present := s.Records[0].Attributes[name]; present != (want != nil) || present && !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
		})
	}
}
