package protection

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// Facts are what one of the two sources, classic protection or rulesets,
// say of a branch. Nil means that it does not say.
type Facts struct {
	Read          bool     // false where the source was not read
	classic       *bool    // classic protection exists; only the classic source says
	rules         []string // types of the effective rules; only the rulesets say
	rulesets      []int64  // those of which the rules are; 0 for one that is not named
	pullRequest   *bool
	approvals     *int
	dismissStale  *bool
	lastPush      *bool
	codeOwners    *bool
	checks        []string
	forceBlocked  *bool
	deleteBlocked *bool
	enforceAdmins *bool // only the classic source says
	// reviewExempt are who may merge past the reviews; only the classic source says.
	reviewExempt []string
	// reviewRulesets are the rulesets that ask for an approval; 0 for one that is not named.
	reviewRulesets []int64
	workflows      []string // that have to pass; only the rulesets say
}

// Unprotected says no to everything.
func Unprotected() Facts {
	return Facts{
		Read: true, classic: new(bool), pullRequest: new(bool), approvals: new(int), dismissStale: new(bool),
		lastPush: new(bool), codeOwners: new(bool), forceBlocked: new(bool), deleteBlocked: new(bool),
	}
}

// enabled is GitHub's {"enabled": bool}.
type enabled struct {
	Enabled *bool `json:"enabled"`
}

// Classic is the answer of the classic protection API.
type Classic struct {
	Checks *struct {
		Contexts []string `json:"contexts"`
		Checks   []struct {
			Context string `json:"context"`
		} `json:"checks"`
	} `json:"required_status_checks"`
	Reviews *struct {
		DismissStale *bool       `json:"dismiss_stale_reviews"`
		CodeOwners   *bool       `json:"require_code_owner_reviews"`
		Approvals    *int        `json:"required_approving_review_count"`
		LastPush     *bool       `json:"require_last_push_approval"`
		Bypass       *allowances `json:"bypass_pull_request_allowances"`
	} `json:"required_pull_request_reviews"`
	EnforceAdmins  *enabled `json:"enforce_admins"`
	AllowForcePush *enabled `json:"allow_force_pushes"`
	AllowDeletions *enabled `json:"allow_deletions"`
}

// Facts returns what classic protection says of the branch.
func (c Classic) Facts() Facts {
	p := Unprotected()
	p.classic = yes()
	p.forceBlocked, p.deleteBlocked = c.AllowForcePush.not(), c.AllowDeletions.not()
	if c.EnforceAdmins != nil {
		p.enforceAdmins = c.EnforceAdmins.Enabled
	}
	if r := c.Reviews; r != nil {
		p.pullRequest, p.approvals = yes(), r.Approvals
		p.dismissStale, p.codeOwners, p.lastPush = r.DismissStale, r.CodeOwners, r.LastPush
		p.reviewExempt = r.Bypass.texts()
	}
	if c.Checks != nil {
		p.checks = c.Checks.Contexts
		for _, k := range c.Checks.Checks {
			p.checks = append(p.checks, k.Context)
		}
	}
	return p
}

func (e *enabled) not() *bool {
	if e == nil || e.Enabled == nil {
		return nil
	}
	v := !*e.Enabled
	return &v
}

func yes() *bool { v := true; return &v }

// Rule is one effective rule of a branch. Types that are not known here are
// named in the evidence and demand nothing that is asked for.
type Rule struct {
	Type       string          `json:"type"`
	Ruleset    int64           `json:"ruleset_id"`
	Parameters json.RawMessage `json:"parameters"`
}

// FromRules returns what all rules together demand: the strictest of each.
func FromRules(rules []Rule) (Facts, error) {
	p := Unprotected()
	p.classic, p.rules = nil, []string{}
	for _, r := range rules {
		if r.Type == "" {
			return Facts{}, collectors.Incomplete("a rule has no type")
		}
		p.rules = append(p.rules, r.Type)
		if !slices.Contains(p.rulesets, r.Ruleset) {
			p.rulesets = append(p.rulesets, r.Ruleset)
		}
		var err error
		switch r.Type {
		case "pull_request":
			err = p.pullRequestRule(r)
		case "required_status_checks":
			err = p.checksRule(r.Parameters)
		case "workflows":
			err = p.workflowsRule(r.Parameters)
		case "non_fast_forward":
			p.forceBlocked = yes()
		case "deletion":
			p.deleteBlocked = yes()
		}
		if err != nil {
			return Facts{}, collectors.Incomplete("parameters of the rule %s: %v", r.Type, err)
		}
	}
	return p, nil
}

func (p *Facts) pullRequestRule(r Rule) error {
	var v struct {
		Approvals    *int               `json:"required_approving_review_count"`
		DismissStale *bool              `json:"dismiss_stale_reviews_on_push"`
		CodeOwners   *bool              `json:"require_code_owner_review"`
		LastPush     *bool              `json:"require_last_push_approval"`
		Reviewers    []requiredReviewer `json:"required_reviewers"`
	}
	if err := json.Unmarshal(r.Parameters, &v); err != nil {
		return err
	}
	p.pullRequest = yes()
	count := v.Approvals
	for _, q := range v.Reviewers {
		if q.ofEveryFile() {
			count = most(count, &q.Approvals)
		}
	}
	if deref(count) > 0 {
		p.reviewRulesets = append(p.reviewRulesets, r.Ruleset)
	}
	p.approvals = most(p.approvals, count)
	p.dismissStale = either(p.dismissStale, v.DismissStale)
	p.codeOwners = either(p.codeOwners, v.CodeOwners)
	p.lastPush = either(p.lastPush, v.LastPush)
	return nil
}

// requiredReviewer is a team whose approval changes of some files need.
type requiredReviewer struct {
	Patterns  []string `json:"file_patterns"`
	Approvals int      `json:"minimum_approvals"`
}

// ofEveryFile reports whether no file is left out.
func (q requiredReviewer) ofEveryFile() bool {
	return slices.ContainsFunc(q.Patterns, func(p string) bool { return p != "" && strings.Trim(p, "*/") == "" && strings.Contains(p, "*") }) &&
		!slices.ContainsFunc(q.Patterns, func(p string) bool { return strings.HasPrefix(p, "!") })
}

// workflowsRule reads which workflows have to pass before a merge.
func (p *Facts) workflowsRule(raw json.RawMessage) error {
	var v struct {
		Workflows []struct {
			Path string `json:"path"`
		} `json:"workflows"`
	}
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	for _, w := range v.Workflows {
		p.workflows = append(p.workflows, w.Path)
	}
	return nil
}

func (p *Facts) checksRule(raw json.RawMessage) error {
	var v struct {
		Checks []struct {
			Context string `json:"context"`
		} `json:"required_status_checks"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	for _, k := range v.Checks {
		p.checks = append(p.checks, k.Context)
	}
	return nil
}

// Effective joins both sources: a branch is protected if either of them
// protects it. What only an unread source could say is absent.
func Effective(classic, rules Facts) collectors.Attributes {
	a := collectors.Attributes{}
	a.Bool("classic_protection", classic.classic)
	a.Bool("enforce_admins", classic.enforceAdmins)
	if rules.Read {
		a.Set("rules", rules.rules)
		a.Set("required_workflows", rules.workflows)
	}
	a.Bool("pull_request_required", either(classic.pullRequest, rules.pullRequest))
	a.Int("required_approvals", most(classic.approvals, rules.approvals))
	a.Bool("dismiss_stale_reviews", either(classic.dismissStale, rules.dismissStale))
	a.Bool("require_last_push_approval", either(classic.lastPush, rules.lastPush))
	a.Bool("require_code_owner_reviews", either(classic.codeOwners, rules.codeOwners))
	a.Bool("force_push_blocked", either(classic.forceBlocked, rules.forceBlocked))
	a.Bool("deletion_blocked", either(classic.deleteBlocked, rules.deleteBlocked))
	if checks := append(classic.checks, rules.checks...); classic.Read && rules.Read || len(checks) > 0 {
		a.Set("required_status_checks", checks)
	}
	return a
}

// either is "or" in three values: true if one is, false if both are, else not known.
func either(a, b *bool) *bool {
	switch {
	case a != nil && *a, b != nil && *b:
		return yes()
	case a == nil || b == nil:
		return nil
	}
	return a
}

// most returns the larger number. If one is not known, the other is what is
// demanded at the least, and it is known only if it demands something.
func most(a, b *int) *int {
	switch {
	case a == nil && b == nil:
		return nil
	case a == nil || b == nil:
		if known := max(deref(a), deref(b)); known > 0 {
			return &known
		}
		return nil
	}
	v := max(*a, *b)
	return &v
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}
