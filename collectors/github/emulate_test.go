package github

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// TestEmulate holds the collector to a GitHub that remembers what it is told:
// as it is, with a list of repositories, and with all that it lacks.
func TestEmulate(t *testing.T) {
	w := startEmulate(t)
	w.began = time.Now()
	w.seed()
	w.seeded = time.Now()
	t.Run("as it is", func(t *testing.T) { testAsItIs(t, w.collect(t, tokenOf("auditor"), nil)) })
	t.Run("with a list of repositories", func(t *testing.T) { testHalf(t, w.collect(t, tokenOf("auditor"), patched{})) })
	t.Run("whole", func(t *testing.T) { testWhole(t, w.collect(t, tokenOf("auditor"), patched{whole: true})) })
	t.Run("wrong token", func(t *testing.T) { // one like that of an App: any other one is that of its first user
		for k, s := range w.collect(t, "eyJ.of.nobody", nil).snaps {
			if !errors.Is(s.Err, collectors.ErrUnauthenticated) || len(s.Exchanges) != 1 || s.Certificate.Principal != "" {
				t.Errorf("%s: error %v, %d exchanges, principal %q", k, s.Err, len(s.Exchanges), s.Certificate.Principal)
			}
		}
	})
}

// collection is one reading of the kinds that emulate has.
type collection struct {
	window evidence.Window
	snaps  map[evidence.Kind]transport.Snapshot
}

// collect reads those kinds from emulate, and what was merged while it was seeded.
func (w *world) collect(t *testing.T, token collectors.Secret, base http.RoundTripper) collection {
	t.Helper()
	cfg := newConfig()
	cfg.Organization, cfg.Token, cfg.Common.Endpoint = "acme", token, "http://"+w.host
	src, err := transport.Open(Spec(), cfg, transport.Options{Base: base, Now: func() time.Time { return w.seeded }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	visit := src.Visit(t.Context(), "acme")
	c := collection{evidence.Window{From: w.began, To: w.seeded.Add(time.Second)}, map[evidence.Kind]transport.Snapshot{}}
	for _, kind := range emulated {
		k, _ := src.Spec.Kind(kind)
		s := visit.Capture(t.Context(), kind, c.windowOf(k.Mode))
		c.snaps[kind] = s
		c.wantReplay(t, cfg, k, s)
		if b, err := evidence.Lines(s.Exchanges); err != nil || strings.Contains(string(b), token.Reveal()) {
			t.Errorf("%s: the token is in an exchange, or %v", k.Kind, err)
		}
	}
	return c
}

func (c collection) windowOf(m evidence.Mode) evidence.Window {
	if m == evidence.State {
		return evidence.Window{}
	}
	return c.window
}

// wantReplay: the recording alone gives the same again.
func (c collection) wantReplay(t *testing.T, cfg *Config, k collectors.KindSpec, s transport.Snapshot) {
	t.Helper()
	src, err := transport.Open(Spec(), cfg, transport.Replay(s.Exchanges), nil)
	if err != nil {
		t.Fatal(err)
	}
	again := src.Visit(t.Context(), "acme").Capture(t.Context(), k.Kind, c.windowOf(k.Mode))
	if got, want := text(t, again), text(t, s); got != want {
		t.Errorf("%s: replayed %s, read %s", k.Kind, got, want)
	}
}

var (
	instant = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:]+Z"`)
	sha     = regexp.MustCompile(`"[0-9a-f]{40}"`)
	comment = regexp.MustCompile(`(\{[^{}]*"COMMENTED"[^{}]*\},?){101}`)
)

// expect compares what was read, but for hashes, times and comments.
func (c collection) expect(t *testing.T, kind evidence.Kind, complete bool, want string) {
	t.Helper()
	s := c.snaps[kind]
	if (s.Err == nil) != complete || s.Certificate.Complete != complete || s.Certificate.Principal != "auditor" {
		t.Errorf("%s: complete %v, error %v; want %v; principal %q", kind, s.Certificate.Complete, s.Err, complete, s.Certificate.Principal)
	}
	got := comment.ReplaceAllString(sha.ReplaceAllString(instant.ReplaceAllString(text(t, s), `"T"`), `"SHA"`), `"101 comments",`)
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", kind, got, want)
	}
}

func (c collection) expectVerdicts(t *testing.T, want string) {
	t.Helper()
	if got := c.verdicts(t); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The same in all three: emulate's organisation does not say whether it
// requires a second factor, and its members do not heed the filter.
const (
	theOrg = `
1 acme [] {"created_at":"T","default_repository_permission":"read","login":"acme"}
acme read`
	theMembers = `
3 owner [] {"login":"owner","role":"admin"}
4 ann [] {"login":"ann","role":"member"}
5 bob [] {"login":"bob","role":"member"}
acme read
acme/2fa_disabled failed incomplete`
	theRepositories = `
4 acme/empty [acme/empty] {"archived":false,"created_at":"T","default_branch":"main","fork":false,"full_name":"acme/empty","private":false,"visibility":"public"}
3 acme/old [acme/old] {"archived":true,"created_at":"T","default_branch":"main","fork":false,"full_name":"acme/old","private":false,"pushed_at":"T","visibility":"public"}
1 acme/product [acme/product] {"archived":false,"created_at":"T","default_branch":"main","fork":false,"full_name":"acme/product","private":false,"pushed_at":"T","visibility":"public"}
2 acme/site [acme/site] {"archived":false,"created_at":"T","default_branch":"main","fork":false,"full_name":"acme/site","private":false,"pushed_at":"T","visibility":"public"}
acme read`
	// unread are the verdicts while something of every other kind is not read.
	unread = `
change.emergency-reviewed: unknown
change.merge.in-history: unknown
change.ticket.approved: unknown
change.ticket.first: unknown
branch.admins-bound: unknown
branch.checks-required: unknown
branch.force-push-blocked: unknown
branch.pr-required: unknown
branch.stale-dismissed: unknown
org.2fa-required: unknown
org.admins: unknown
org.base-permission: pass
org.members-2fa: unknown
pr.approved-last-push: unknown
pr.checks-passed: unknown
pr.independent-approval: unknown
pr.ticket-linked: unknown
secret-scanning.on: unknown`
)

// testAsItIs: emulate cannot list the repositories of an organisation.
func testAsItIs(t *testing.T, c collection) {
	c.expect(t, kindOrg, true, theOrg)
	c.expect(t, kindMember, false, theMembers)
	c.expect(t, kindRepository, false, "acme denied denied")
	c.expect(t, kindBranch, false, "acme denied denied")
	c.expect(t, kindPullRequest, false, "acme denied denied")
	c.expectVerdicts(t, unread)
}

// testHalf: it has no rulesets and no commit statuses, and "Not Found" is all
// that it says of a branch without protection. Nothing is concluded from that.
func testHalf(t *testing.T, c collection) {
	c.expect(t, kindMember, false, theMembers)
	c.expect(t, kindRepository, true, theRepositories)
	c.expect(t, kindBranch, false, `
4:main acme/empty@main [acme/empty] {"branch":"main","repository":"acme/empty"}
1:main acme/product@main [acme/product] {"branch":"main","classic_protection":true,"deletion_blocked":true,"dismiss_stale_reviews":true,"enforce_admins":true,"force_push_blocked":true,"pull_request_required":true,"repository":"acme/product","required_approvals":1,"required_status_checks":["test"],"review_bypass":[]}
2:main acme/site@main [acme/site] {"branch":"main","repository":"acme/site"}
acme/empty denied denied
acme/product denied denied
acme/site denied denied`)
	c.expect(t, kindPullRequest, false, `
acme/empty denied denied
acme/old denied denied
acme/product denied denied
acme/site denied denied`)
	c.expectVerdicts(t, unread)
}

// testWhole: all is read but the second factors, and judged as it was seeded.
func testWhole(t *testing.T, c collection) {
	c.expect(t, kindMember, false, theMembers)
	c.expect(t, kindRepository, true, theRepositories)
	c.expect(t, kindBranch, true, `
1:main acme/product@main [acme/product] {"branch":"main","bypass_actors":[],"classic_protection":true,"deletion_blocked":true,"dismiss_stale_reviews":true,"enforce_admins":true,"force_push_blocked":true,"pull_request_required":true,"repository":"acme/product","require_code_owner_reviews":false,"required_approvals":1,"required_status_checks":["test"],"required_workflows":[],"review_bypass":[],"rules":[]}
2:main acme/site@main [acme/site] {"branch":"main","bypass_actors":[],"classic_protection":false,"deletion_blocked":false,"dismiss_stale_reviews":false,"force_push_blocked":false,"pull_request_required":false,"repository":"acme/site","require_code_owner_reviews":false,"require_last_push_approval":false,"required_approvals":0,"required_status_checks":[],"required_workflows":[],"rules":[]}
acme/empty read
acme/product read
acme/site read`)
	c.expect(t, kindPullRequest, true, theMerged)
	c.expectVerdicts(t, `
branch.admins-bound: pass
branch.checks-required: fail
	acme/site@main: not so: the default branch requires checks
branch.force-push-blocked: fail
	acme/site@main: not so: the default branch cannot be rewritten or deleted
branch.pr-required: fail
	acme/site@main: not so: the default branch takes changes only by approved pull request
branch.stale-dismissed: fail
	acme/site@main: not so: an approval does not outlive a later push
org.2fa-required: unknown
org.admins: unknown
org.base-permission: pass
org.members-2fa: unknown
pr.approved-last-push: fail
	acme/site#1: not so: the last commit was approved, not an earlier one
	acme/site#2: not so: the last commit was approved, not an earlier one
	acme/site#3: not so: the last commit was approved, not an earlier one
	acme/site#4: not so: the last commit was approved, not an earlier one
pr.checks-passed: fail
	acme/site#1: no check ran
	acme/site#2: no check ran
	acme/site#3: no check ran
	acme/site#4: no check ran
pr.independent-approval: fail
	acme/product#2: approved only by those who wrote it
	acme/site#1: merged without an approval
	acme/site#2: merged without an approval
	acme/site#3: merged without an approval
	acme/site#4: merged without an approval
pr.ticket-linked: pass
secret-scanning.on: unknown`)
}

// theMerged are the merged ones of 108 pull requests. emulate links no commit
// to an account, so that who wrote them is not known, and lets authors approve
// their own work, which GitHub refuses.
const theMerged = `
1 acme/product#1 [acme/product] {"approvals":[{"can_push":true,"commit_id":"SHA","covers_head":true,"reviewer":"bob","submitted_at":"T"}],"author":"ann","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main","checks":[{"completed_at":"T","conclusion":"success","name":"test"}],"co_author_emails":[],"contributor_emails":["ann@users.noreply.github.com","owner@users.noreply.github.com"],"contributors":["ann"],"created_at":"T","default_branch":"main","head_approvers":["bob"],"head_ref":"ABC-1-reviewed","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"owner","number":1,"repository":"acme/product","reviews":["101 comments",{"commit_id":"SHA","reviewer":"bob","state":"APPROVED","submitted_at":"T"}],"some_commit_authors":[],"ticket_keys":["ABC-1"],"tickets":["ABC-1"],"title":"ABC-1 reviewed","unsigned_by":["ann@users.noreply.github.com","owner@users.noreply.github.com"],"url":"http://localhost:4000/acme/product/pull/1"}
2 acme/product#2 [acme/product] {"approvals":[{"can_push":true,"commit_id":"SHA","covers_head":true,"reviewer":"ann","submitted_at":"T"}],"author":"ann","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main","checks":[{"completed_at":"T","conclusion":"success","name":"test"}],"co_author_emails":[],"contributor_emails":["ann@users.noreply.github.com","owner@users.noreply.github.com"],"contributors":["ann"],"created_at":"T","default_branch":"main","head_approvers":["ann"],"head_ref":"ABC-2-approved-by-its-author","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"ann","number":2,"repository":"acme/product","reviews":[{"commit_id":"SHA","reviewer":"ann","state":"APPROVED","submitted_at":"T"}],"some_commit_authors":[],"ticket_keys":["ABC-2"],"tickets":["ABC-2"],"title":"ABC-2 approved by its author","unsigned_by":["ann@users.noreply.github.com","owner@users.noreply.github.com"],"url":"http://localhost:4000/acme/product/pull/2"}
3 acme/product#3 [acme/product] {"approvals":[],"author":"ann","author_is_bot":false,"auto_merge":false,"base":"release","base_is_default":false,"base_protected":false,"base_ref":"release","checks":[],"co_author_emails":[],"contributor_emails":["ann@users.noreply.github.com"],"contributors":["ann"],"created_at":"T","default_branch":"main","head_approvers":[],"head_ref":"not-into-the-default-branch","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"ann","number":3,"repository":"acme/product","reviews":[],"some_commit_authors":[],"ticket_keys":[],"tickets":[],"title":"not into the default branch","unsigned_by":["ann@users.noreply.github.com"],"url":"http://localhost:4000/acme/product/pull/3"}
4 acme/site#1 [acme/site] {"approvals":[],"author":"bob","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main","checks":[],"co_author_emails":[],"contributor_emails":["bob@users.noreply.github.com","owner@users.noreply.github.com"],"contributors":["bob"],"created_at":"T","default_branch":"main","head_approvers":[],"head_ref":"ABC-3-nobody-looked","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"bob","number":1,"repository":"acme/site","reviews":[],"some_commit_authors":[],"ticket_keys":["ABC-3"],"tickets":["ABC-3"],"title":"ABC-3 nobody looked","unsigned_by":["bob@users.noreply.github.com","owner@users.noreply.github.com"],"url":"http://localhost:4000/acme/site/pull/1"}
5 acme/site#2 [acme/site] {"approvals":[],"author":"bob","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main","checks":[],"co_author_emails":[],"contributor_emails":["bob@users.noreply.github.com"],"contributors":["bob"],"created_at":"T","default_branch":"main","head_approvers":[],"head_ref":"ABC-4-approval-withdrawn","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"bob","number":2,"repository":"acme/site","reviews":[{"commit_id":"SHA","reviewer":"ann","state":"DISMISSED","submitted_at":"T"}],"some_commit_authors":[],"ticket_keys":["ABC-4"],"tickets":["ABC-4"],"title":"ABC-4 approval withdrawn","unsigned_by":["bob@users.noreply.github.com"],"url":"http://localhost:4000/acme/site/pull/2"}
6 acme/site#3 [acme/site] {"approvals":[],"author":"bob","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main","checks":[],"co_author_emails":[],"contributor_emails":["bob@users.noreply.github.com"],"contributors":["bob"],"created_at":"T","default_branch":"main","head_approvers":[],"head_ref":"ABC-5-approved-afterwards","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"bob","number":3,"repository":"acme/site","reviews":[{"commit_id":"SHA","reviewer":"ann","state":"APPROVED","submitted_at":"T"}],"some_commit_authors":[],"ticket_keys":["ABC-5"],"tickets":["ABC-5"],"title":"ABC-5 approved afterwards","unsigned_by":["bob@users.noreply.github.com"],"url":"http://localhost:4000/acme/site/pull/3"}
7 acme/site#4 [acme/site] {"approvals":[],"author":"bob","author_is_bot":false,"auto_merge":false,"base":"main","base_is_default":true,"base_protected":false,"base_ref":"main","checks":[],"co_author_emails":[],"contributor_emails":["bob@users.noreply.github.com"],"contributors":["bob"],"created_at":"T","default_branch":"main","head_approvers":[],"head_ref":"ABC-6-approved,-then-changes-requested","head_sha":"SHA","labels":[],"landed":["SHA"],"linked_issues":[],"merge_commit_sha":"SHA","merge_method":"squash_or_rebase","merge_queue":false,"merge_sha":"SHA","merged_at":"T","merged_by":"bob","number":4,"repository":"acme/site","reviews":[{"commit_id":"SHA","reviewer":"ann","state":"APPROVED","submitted_at":"T"},{"commit_id":"SHA","reviewer":"ann","state":"CHANGES_REQUESTED","submitted_at":"T"}],"some_commit_authors":[],"ticket_keys":["ABC-6"],"tickets":["ABC-6"],"title":"ABC-6 approved, then changes requested","unsigned_by":["bob@users.noreply.github.com"],"url":"http://localhost:4000/acme/site/pull/4"}
acme/empty read
acme/old read
acme/product read
acme/site read`
