package github

import (
	"strings"
	"testing"

	"github.com/evidenced/evidenced/gap/result"
)

const (
	testReview   = "github.pr.independent-approval"
	testLastPush = "github.pr.approved-last-push"
	testChecks   = "github.pr.checks-passed"
	testCommits  = "change.commit.merged"
)

// caught is fail, or unknown: the test does not pass what nothing proves.
var caught = []result.Verdict{result.Fail, result.Unknown}

// TestAttacks: a developer, bob, wants code in production that nobody else looked
// at. What he does is done in a real repository; what the host says of it is what
// GitHub would say.
func TestAttacks(t *testing.T) {
	for name, tt := range map[string]struct {
		play func(w *workshop)
		test string
		want []result.Verdict
	}{
		"pushes to main": {func(w *workshop) { reviewed(w, "squash"); w.git("checkout", "-q", "main"); w.commit("bob", "Fix typo") }, testCommits, fails},
		"pushes with the number of a reviewed request": {func(w *workshop) {
			reviewed(w, "squash")
			w.git("checkout", "-q", "main")
			w.commit("bob", "Fix typo (#1)")
		}, testCommits, fails},
		"pushes an evil merge": {func(w *workshop) {
			reviewed(w, "squash")
			w.branch("evil", "main")
			w.commit("bob", "evil")
			w.git("checkout", "-q", "main")
			w.git("merge", "-q", "--no-ff", "-m", "Merge pull request #1 from acme/topic", "evil")
		}, testCommits, fails},
		"dates the push to the second of a merge": {func(w *workshop) {
			reviewed(w, "squash")
			w.git("checkout", "-q", "main")
			w.commit("bob", "evil")
			w.git("commit", "-q", "--amend", "--no-edit", "--date", w.git("show", "-s", "--format=%cI", "HEAD~1"))
		}, testCommits, fails},
		"pushes below a rebase": {func(w *workshop) {
			w.branch("topic", "main")
			w.signed("ann", "one")
			w.signed("ann", "two")
			r := w.open("ann", "main").approve(w, "bob")
			w.git("checkout", "-q", "main")
			w.commit("bob", "evil")
			r.merge(w, "rebase")
		}, testCommits, fails},
		"merges into dev himself, and pushes that": {func(w *workshop) {
			w.branch("dev", "main")
			w.branch("topic", "dev")
			w.commit("bob", "evil")
			w.open("bob", "dev").merge(w, "squash")
			w.git("checkout", "-q", "main")
			w.git("merge", "-q", "--ff-only", "dev")
		}, testCommits, fails},
		"approves his own":              {func(w *workshop) { by(w, "bob", "bob").approve(w, "bob").merge(w, "squash") }, testReview, fails},
		"approves by his second login":  {func(w *workshop) { by(w, "bob", "bob").approve(w, "bob-alt").merge(w, "squash") }, testReview, fails},
		"approves by a login of nobody": {func(w *workshop) { by(w, "bob", "bob").approve(w, "bob-2").merge(w, "squash") }, testReview, caught},
		"lets an app approve":           {func(w *workshop) { by(w, "bob", "bob").approve(w, "github-actions[bot]").merge(w, "squash") }, testReview, fails},
		"commits as ann, and an app opens it": {func(w *workshop) {
			w.branch("topic", "main")
			w.commitAs("ann", "ann", "evil")
			w.open("github-actions[bot]", "main").approve(w, "bob").merge(w, "squash")
		}, testReview, caught},
		"commits as the app, and it opens it": {func(w *workshop) {
			w.branch("topic", "main")
			w.commitAs("github-actions[bot]", "github-actions[bot]", "evil")
			w.open("github-actions[bot]", "main").approve(w, "bob").merge(w, "squash")
		}, testReview, caught},
		"writes ann as the author": {func(w *workshop) {
			w.branch("topic", "main")
			w.commitAs("ann", "bob", "evil")
			w.open("ann", "main").approve(w, "bob").merge(w, "squash")
		}, testReview, fails},
		"writes cat into the request of ann": {func(w *workshop) {
			w.branch("topic", "main")
			w.commit("ann", "good")
			w.commitAs("cat", "cat", "evil")
			w.open("ann", "main").approve(w, "bob").merge(w, "squash")
		}, testReview, caught},
		"names GitHub as the committer of a merge": {func(w *workshop) {
			w.branch("topic", "main")
			w.signed("ann", "good")
			r := w.open("ann", "main")
			w.as("bob", webCommitter, "commit", "-q", "--allow-empty", "-m", "Merge branch main")
			r.approve(w, "bob").merge(w, "squash")
		}, testReview, caught},
		"edits on the web, and approves": {func(w *workshop) {
			w.branch("topic", "main")
			w.signed("ann", "good")
			r := w.open("ann", "main")
			w.onWeb("bob", "commit", "-q", "--allow-empty", "-m", "Update README")
			r.approve(w, "bob").merge(w, "squash")
		}, testReview, fails},
		"pushes after the approval": {func(w *workshop) {
			r := by(w, "bob", "bob").approve(w, "ann")
			w.signed("bob", "evil")
			r.merge(w, "squash")
		}, testLastPush, fails},
		"merges a branch of his after the approval": {func(w *workshop) {
			r := by(w, "ann", "ann").approve(w, "cat")
			w.branch("evil", "main")
			w.commit("ann", "evil")
			w.git("checkout", "-q", "topic")
			w.onWeb("bob", "merge", "-q", "--no-ff", "-m", "Merge branch main", "evil")
			r.merge(w, "squash")
		}, testLastPush, fails},
		"the objection came after the approval": {func(w *workshop) {
			by(w, "bob", "bob").approve(w, "ann").review(w, "ann", "CHANGES_REQUESTED").merge(w, "squash")
		}, testReview, fails},
		"skips every check": {func(w *workshop) { by(w, "bob", "bob").approve(w, "ann").check(w, "ci", "SKIPPED").merge(w, "squash") }, testChecks, fails},
		"merges before the checks end": {func(w *workshop) {
			r := by(w, "bob", "bob").approve(w, "ann")
			r.merge(w, "squash")
			r.check(w, "ci", "SUCCESS")
			w.prs[0]["checks"] = r.checks
		}, testChecks, fails},
		"merges into a protected branch alone": {func(w *workshop) {
			w.cfg = func(c *Config) { c.ProtectedBranches = []string{"release/*"} }
			w.branch("release/1", "main")
			w.branch("topic", "release/1")
			w.signed("bob", "evil")
			w.open("bob", "release/1").merge(w, "squash")
		}, testReview, fails},
		"merges into what was the default branch": {func(w *workshop) {
			w.branch("master", "main")
			w.branch("topic", "master")
			w.signed("bob", "evil")
			w.open("bob", "master").merge(w, "squash")
		}, testReview, caught},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			tt.play(w)
			wantOneOf(t, w.verdicts(), tt.test, tt.want)
		})
	}
}

var fails = []result.Verdict{result.Fail}

// TestHonestTeams: nobody who does what a team agreed on is accused, and what can
// be known is known.
func TestHonestTeams(t *testing.T) {
	passes := []result.Verdict{result.Pass}
	for name, tt := range map[string]struct {
		play func(w *workshop)
		want map[string][]result.Verdict
	}{
		"squash":                             {func(w *workshop) { reviewed(w, "squash"); reviewed(w, "squash") }, nil},
		"merge":                              {func(w *workshop) { reviewed(w, "merge"); reviewed(w, "merge") }, nil},
		"rebase, whose commits span an hour": {func(w *workshop) { reviewed(w, "rebase"); reviewed(w, "rebase") }, nil},
		"moved on as it is":                  {func(w *workshop) { reviewed(w, "push") }, nil},
		"a queue, which alone runs the tests": {func(w *workshop) {
			r := by(w, "ann", "ann").approve(w, "bob")
			r.queue = []object{{"__typename": "CheckRun", "name": "heavy", "conclusion": "SUCCESS", "completedAt": w.now.Format("2006-01-02T15:04:05Z")}}
			r.merge(w, "squash")
		}, nil},
		"trunk and release branches": {func(w *workshop) {
			w.cfg = func(c *Config) { c.ProtectedBranches = []string{"release/*"} }
			reviewed(w, "squash")
			w.branch("release/1", "main")
			w.branch("backport", "release/1")
			w.signed("ann", "backport")
			w.open("ann", "release/1").approve(w, "bob").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"a monorepo with bots": {func(w *workshop) {
			w.branch("bump", "main")
			w.onWeb("dependabot[bot]", "commit", "-q", "--allow-empty", "-m", "Bump")
			w.open("dependabot[bot]", "main").approve(w, "bob").check(w, "ci", "SUCCESS").merge(w, "squash")
			w.branch("fix", "main")
			w.commit("ann", "Fix\n\nCo-authored-by: Tool <noreply@anthropic.com>")
			w.open("ann", "main").approve(w, "bob").check(w, "ci", "SUCCESS").check(w, "preview", "SKIPPED").merge(w, "squash")
		}, nil},
		"a fork of somebody outside": {func(w *workshop) {
			w.branch("patch", "main")
			w.commit("stranger", "Patch")
			w.open("stranger", "main").approve(w, "bob").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, map[string][]result.Verdict{testReview: {result.Unknown}}}, // the stranger may be bob, by another login
		"GitOps: a bot opens, a person approves": {func(w *workshop) {
			w.branch("deploy", "main")
			w.onWeb("deploy-bot[bot]", "commit", "-q", "--allow-empty", "-m", "Deploy 1.2.3")
			w.open("deploy-bot[bot]", "main").approve(w, "cat").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"a hotfix, reviewed on its way": {func(w *workshop) {
			r := by(w, "ann", "ann").approve(w, "bob")
			r.labels = []string{"hotfix"}
			r.merge(w, "squash")
		}, map[string][]result.Verdict{testChecks: {result.Fail}}}, // nothing checked it
		"a revert, on the web": {func(w *workshop) {
			reviewed(w, "squash")
			w.branch("revert-1", "main")
			w.onWeb("ann", "revert", "--no-edit", "HEAD")
			w.open("ann", "main").approve(w, "cat").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"stacked requests": {func(w *workshop) {
			w.branch("one", "main")
			w.signed("ann", "one")
			first := w.open("ann", "main")
			w.branch("two", "one")
			w.signed("ann", "two")
			w.open("ann", "one").approve(w, "bob").merge(w, "squash")
			first.approve(w, "cat").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"the reviewer updates the branch": {func(w *workshop) {
			r := by(w, "ann", "ann")
			other := "other"
			w.branch(other, "main")
			w.signed("cat", "meanwhile")
			w.open("cat", "main").approve(w, "ann").check(w, "ci", "SUCCESS").merge(w, "squash")
			w.git("checkout", "-q", "topic")
			w.onWeb("bob", "merge", "-q", "--no-ff", "-m", "Merge branch main into topic", "main")
			r.approve(w, "bob").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"the author updates the branch after the approval": {func(w *workshop) {
			r := by(w, "ann", "ann").approve(w, "bob")
			w.branch("other", "main")
			w.signed("cat", "meanwhile")
			w.open("cat", "main").approve(w, "ann").check(w, "ci", "SUCCESS").merge(w, "squash")
			w.git("checkout", "-q", "topic")
			w.onWeb("ann", "merge", "-q", "--no-ff", "-m", "Merge branch main into topic", "main")
			r.check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"a suggestion is accepted": {func(w *workshop) {
			r := by(w, "ann", "ann").review(w, "bob", "COMMENTED")
			w.onWeb("ann", "commit", "-q", "--allow-empty", "-m", "Apply suggestion\n\nCo-authored-by: bob <bob@example.com>")
			r.approve(w, "bob").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, nil},
		"the reviewer's account is gone": {func(w *workshop) {
			by(w, "ann", "ann").approve(w, "").check(w, "ci", "SUCCESS").merge(w, "squash")
		}, map[string][]result.Verdict{testReview: {result.Unknown}, testLastPush: {result.Unknown}}},
		"two write it, and a third approves": {func(w *workshop) {
			w.branch("topic", "main")
			w.signed("ann", "one")
			w.signed("bob", "two")
			w.open("ann", "main").approve(w, "cat").check(w, "ci", "SUCCESS").merge(w, "rebase")
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkshop(t)
			tt.play(w)
			got := w.verdicts()
			for _, test := range []string{testReview, testLastPush, testChecks, testCommits} {
				want := passes
				if tt.want[test] != nil {
					want = tt.want[test]
				}
				wantOneOf(t, got, test, want)
			}
		})
	}
}

func wantOneOf(t *testing.T, got map[string]result.Verdict, test string, want []result.Verdict) {
	t.Helper()
	for _, v := range want {
		if got[test] == v {
			return
		}
	}
	t.Errorf("%s says %q, want one of %v", test, got[test], want)
}

// by begins a request of somebody, with a signed commit of another or the same one.
func by(w *workshop, opener, author string) *request {
	w.branch("topic", "main")
	w.signed(author, "work of "+author)
	return w.open(opener, "main")
}

// reviewed is a change of ann's as it should be: two commits, one with time
// between, reviewed by bob and checked.
func reviewed(w *workshop, method string) {
	w.branch("topic-"+strings.ReplaceAll(w.clock(), ":", "-"), "main")
	w.signed("ann", "one")
	w.now = w.now.Add(50 * 60e9)
	w.signed("ann", "two")
	w.open("ann", "main").approve(w, "bob").check(w, "ci", "SUCCESS").merge(w, method)
}
