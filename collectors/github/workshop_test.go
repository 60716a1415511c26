package github

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/git"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/simulator/graphql"
)

// workshop is a team with a real repository, made by git, and its host: what
// is merged there the host associates, what is pushed it does not.
type workshop struct {
	t    *testing.T
	dir  string
	now  time.Time
	made map[string]object // signatures by commit
	via  map[string]string // the pull request that a commit of main came by
	prs  []object
	last *request
	cfg  func(*Config)
	// roster maps people to their logins.
	roster map[string][]string
}

// request is a pull request that is open.
type request struct {
	number       int
	author, head string
	base         string
	labels       []string
	reviews      []object
	events       []object
	checks       []object
	queue        []object // what checked the merge commit
}

func newWorkshop(t *testing.T) *workshop {
	w := &workshop{t: t, dir: filepath.Join(t.TempDir(), "product"), now: start.Add(-48 * time.Hour), made: map[string]object{}, via: map[string]string{},
		roster: map[string][]string{"Ann": {"ann"}, "Bob": {"bob", "bob-alt"}, "Cat": {"cat"}}}
	if out, err := exec.Command("git", "init", "-q", "-b", "main", w.dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	w.git("remote", "add", "origin", "https://github.com/acme/product.git")
	w.commit("founder", "Begin") // before the window
	w.now = start.Add(-20 * time.Hour)
	return w
}

func (w *workshop) git(args ...string) string { w.t.Helper(); return w.as("ann", "ann", args...) }

// as runs git with the names that a commit is to have: nobody checks them.
func (w *workshop) as(author, committer string, args ...string) string {
	w.t.Helper()
	at := fmt.Sprintf("%d +0000", w.now.Unix())
	mail := func(who string) string {
		if who == webCommitter {
			return "noreply@github.com"
		}
		return fmt.Sprint(authorOf(who)["email"])
	}
	c := exec.Command("git", append([]string{"-C", w.dir}, args...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME="+author, "GIT_AUTHOR_EMAIL="+mail(author), "GIT_AUTHOR_DATE="+at,
		"GIT_COMMITTER_NAME="+committer, "GIT_COMMITTER_EMAIL="+mail(committer), "GIT_COMMITTER_DATE="+at)
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func authorOf(login string) object { return author(login) }

// commit makes a commit on the branch that is checked out, without a signature.
func (w *workshop) commit(who, message string) string { return w.commitAs(who, who, message) }

func (w *workshop) commitAs(author, committer, message string) string {
	w.now = w.now.Add(time.Minute)
	name := strings.ReplaceAll(w.now.Format(time.RFC3339), ":", "-")
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(message), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.git("add", "-A")
	w.as(author, committer, "commit", "-q", "-m", message)
	return w.tip()
}

func (w *workshop) tip() string { return w.git("rev-parse", "HEAD") }

// onWeb lets GitHub make a commit for somebody, and sign it.
func (w *workshop) onWeb(who string, args ...string) string {
	w.now = w.now.Add(time.Minute)
	w.as(who, webCommitter, args...)
	return w.sealed(w.tip())
}

func (w *workshop) sealed(sha string) string {
	w.made[sha] = object{"isValid": true, "wasSignedByGitHub": true, "signer": user(webCommitter)}
	return sha
}

// signed makes a commit with the author's own key.
func (w *workshop) signed(who, message string) string {
	sha := w.commit(who, message)
	w.made[sha] = object{"isValid": true, "wasSignedByGitHub": false, "signer": user(who)}
	return sha
}

// branch begins a branch of base.
func (w *workshop) branch(name, base string) { w.git("checkout", "-q", "-b", name, base) }

// open opens a pull request of the branch that is checked out.
func (w *workshop) open(author, base string) *request {
	w.last = &request{number: len(w.prs) + 1, author: author, head: w.git("rev-parse", "--abbrev-ref", "HEAD"), base: base, checks: []object{}}
	return w.last
}

func (w *workshop) clock() string { return w.now.Format("15:04:05") }

// approve approves what the head is now.
func (r *request) approve(w *workshop, who string) *request { return r.review(w, who, "APPROVED") }

func (r *request) review(w *workshop, who, state string) *request {
	w.now = w.now.Add(time.Minute)
	v := theReview(fmt.Sprint("V", r.number, len(r.reviews)), who, state, w.git("rev-parse", r.head), "")
	v["submittedAt"] = w.now.Format(time.RFC3339)
	r.reviews = append(r.reviews, v)
	return r
}

// check lets a check end.
func (r *request) check(w *workshop, name, conclusion string) *request {
	w.now = w.now.Add(time.Minute)
	r.checks = append(r.checks, object{"__typename": "CheckRun", "name": name, "conclusion": conclusion, "completedAt": w.now.Format(time.RFC3339)})
	return r
}

// merge merges by squash, rebase, merge, or push: somebody moves the base to the head.
func (r *request) merge(w *workshop, method string) string {
	w.now = w.now.Add(time.Minute)
	base, head := w.git("rev-parse", r.base), w.git("rev-parse", r.head)
	commits := strings.Fields(w.git("rev-list", "--reverse", base+".."+head))
	w.git("checkout", "-q", r.base)
	id := fmt.Sprint("PR_", r.number)
	landed := func(sha string) {
		if r.base == "main" {
			w.via[sha] = id
		}
	}
	switch method {
	case "merge":
		landed(w.onWeb("bob", "merge", "-q", "--no-ff", "-m", "Merge pull request", r.head))
	case "squash":
		w.git("merge", "-q", "--squash", r.head)
		landed(w.onWeb(r.author, "commit", "-q", "--allow-empty", "-m", fmt.Sprintf("Squashed (#%d)", r.number)))
	case "rebase":
		for _, c := range commits {
			landed(w.onWeb(r.author, "cherry-pick", "--allow-empty", c))
		}
	case "push":
		w.git("merge", "-q", "--ff-only", r.head)
		for _, c := range commits {
			landed(c)
		}
	}
	w.prs = append([]object{w.pull(r, id, commits, head)}, w.prs...)
	return w.tip()
}

// pull is a merged pull request as GitHub tells it.
func (w *workshop) pull(r *request, id string, commits []string, head string) object {
	at := w.now.Format(time.RFC3339)
	p := thePull(r.number, at, at)
	p["id"], p["author"], p["baseRefName"], p["headRefName"], p["headRefOid"], p["title"] = id, user(r.author), r.base, r.head, head, "ENG-1 a change"
	var nodes []object
	for _, c := range commits {
		nodes = append(nodes, w.node(c))
	}
	p["commits"], p["reviews"], p["timelineItems"] = graphql.Listed(nodes), graphql.Listed(r.reviews), graphql.Listed(r.events)
	p["checks"] = r.checks
	var labels []object
	for _, l := range r.labels {
		labels = append(labels, object{"name": l})
	}
	p["labels"] = graphql.Listed(labels)
	merge := w.tip()
	m := object{"oid": merge, "statusCheckRollup": nil, "parents": w.parents(merge, true), "history": w.history(merge)}
	if len(r.queue) > 0 {
		m["statusCheckRollup"] = object{"contexts": graphql.Listed(r.queue)}
		p["timelineItems"] = graphql.Listed([]object{{"__typename": "AddedToMergeQueueEvent", "createdAt": at}})
	}
	p["mergeCommit"] = m
	return p
}

// node is a commit as GitHub tells it.
func (w *workshop) node(sha string) object {
	of := func(format string) object {
		mail := w.git("show", "-s", "--format="+format, sha)
		login, _, _ := strings.Cut(mail, "@")
		if mail == "noreply@github.com" {
			return object{"email": mail, "user": user(webCommitter)}
		}
		if strings.Contains(mail, "users.noreply") || strings.HasPrefix(mail, "dev@") {
			return object{"email": mail, "user": nil}
		}
		return object{"email": mail, "user": user(login)}
	}
	authors := []object{of("%ae")}
	for _, mail := range strings.Fields(w.git("show", "-s", "--format=%(trailers:key=Co-authored-by,valueonly)", sha)) {
		if login, _, ok := strings.Cut(strings.Trim(mail, "<>"), "@example.com"); ok {
			authors = append(authors, author(login))
		} else if strings.HasPrefix(mail, "<") {
			authors = append(authors, object{"email": strings.Trim(mail, "<>"), "user": nil})
		}
	}
	var signature any
	web := false
	if s, ok := w.made[sha]; ok {
		signature, web = s, s["wasSignedByGitHub"] == true
	}
	return object{"commit": object{"oid": sha, "committedViaWeb": web, "committer": of("%ce"), "signature": signature, "authors": graphql.Listed(authors), "parents": w.parents(sha, false)}}
}

func (w *workshop) parents(sha string, associated bool) graphql.Connection {
	var all []object
	for _, p := range strings.Fields(w.git("show", "-s", "--format=%P", sha)) {
		o := object{"oid": p}
		if associated {
			o["associatedPullRequests"] = w.associated(p)
		}
		all = append(all, o)
	}
	return graphql.Listed(all)
}

func (w *workshop) associated(sha string) graphql.Connection {
	if id := w.via[sha]; id != "" {
		return graphql.Listed([]object{{"id": id}})
	}
	return graphql.Listed(nil)
}

func (w *workshop) history(sha string) graphql.Connection {
	var all []object
	for _, c := range strings.Fields(w.git("rev-list", sha)) {
		all = append(all, object{"oid": c, "associatedPullRequests": w.associated(c)})
	}
	return graphql.Listed(all)
}

// verdicts reads the host and a clone, and returns what each test says of the period.
func (w *workshop) verdicts() map[string]result.Verdict {
	w.t.Helper()
	m := &memory{blobs: map[evidence.Hash][]byte{}}
	window := evidence.Window{From: start.Add(-24 * time.Hour), To: start}
	add := func(source string, kind evidence.Kind, scope evidence.Scope, s transport.Snapshot) {
		w.t.Helper()
		if s.Err != nil {
			w.t.Fatal(s.Err)
		}
		m.add(w.t, kind, start, s)
		m.runs[len(m.runs)-1].Slot.Stream = evidence.Stream{Source: source, Kind: kind, Scope: scope}
	}
	src := openWith(w.t, inOne(), product10(w.t, w.prs...), w.cfg)
	for _, k := range []evidence.Kind{kindRepository, kindPullRequest} {
		in := evidence.Window{}
		if k == kindPullRequest {
			in = window
		}
		add("github", k, "acme", src.Visit(w.t.Context(), "acme").Capture(w.t.Context(), k, in))
	}
	w.readClone(add, window)
	for _, r := range m.runs { // all of it is read at the end, and once more with nothing new
		r.Certificate.Ended = start
	}
	m.addRosterOf(w.t, start, w.roster)
	m.addState(w.t, evidence.Stream{Source: "github", Kind: kindBranch, Scope: "acme"}, start, evidence.Record{Kind: kindBranch, ID: "10:main", Scope: "acme/product",
		Attributes: map[string]any{"repository": "acme/product", "branch": "main", "required_status_checks": []any{}}})
	cat, err := catalogue.Default()
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := gap.Evaluate(w.t.Context(), cat, m, result.Period{From: start.Add(-24 * time.Hour), To: start}, start)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]result.Verdict{}
	for _, t := range res.Tests {
		if t.Streams > 0 {
			out[t.Test] = t.Period
		}
	}
	return out
}

// readClone reads the repository itself, as a clone beside the host.
func (w *workshop) readClone(add func(string, evidence.Kind, evidence.Scope, transport.Snapshot), window evidence.Window) {
	w.t.Helper()
	w.git("checkout", "-q", "main")
	cfg := git.Spec().NewConfig().(*git.Config)
	path := filepath.Join(w.dir, ".git")
	cfg.Repositories = []string{path}
	src, err := transport.Open(git.Spec(), cfg, transport.Options{Now: func() time.Time { return start }}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	root := src.Collector().RootScope()
	add("git", "git.repository", root, src.Visit(context.Background(), root).Capture(context.Background(), "git.repository", evidence.Window{}))
	add("git", "git.commit", evidence.Scope(path), src.Visit(context.Background(), evidence.Scope(path)).Capture(context.Background(), "git.commit", window))
}
