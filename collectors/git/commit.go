package git

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// page is how many commits are read at a time.
const page = 1000

// listed is one commit of a list, before it is read.
type listed struct {
	sha string
	at  time.Time // the committer's
}

// collectCommits reads the commits that reached the protected branch since the
// mark of the last reading.
func (s *session) collectCommits(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	r, b, err := s.protectedHistory(ctx, w, out)
	if err != nil || b.sha == "" {
		return err
	}
	fresh, err := s.fresh(ctx, out, b.sha, w)
	if err != nil {
		return err
	}
	out.Total(len(fresh))
	for at := 0; at < len(fresh); at += page {
		if err := s.collectPage(ctx, out, r, b, w, fresh[at:min(at+page, len(fresh))]); err != nil {
			return err
		}
	}
	out.Scope(evidence.Scope(s.path), nil)
	out.Mark(markOf(b))
	return nil
}

// protectedHistory returns the repository and its protected branch, which is empty as long as
// nothing was committed. A shallow clone has no first parents to go by.
func (s *session) protectedHistory(ctx context.Context, w evidence.Window, out *collectors.Output) (repository, branch, error) {
	r, err := s.repository(ctx, s.path)
	if err != nil {
		return r, branch{}, err
	}
	if r.shallow {
		return r, branch{}, collectors.Incomplete("%s is a shallow clone: its history is cut (git fetch --unshallow)", s.path)
	}
	b, there, err := s.protected(r)
	switch {
	case err != nil || there:
		return r, b, err
	case w.After != "":
		return r, b, collectors.Incomplete("%s has no branch any more: it had %s", s.path, w.After)
	}
	out.Scope(evidence.Scope(s.path), nil)
	return r, b, nil
}

// fresh lists the commits that are new, newest first: those that the marked
// commit does not reach, or, where nothing is marked or the marked commit is
// gone, those down to the oldest that is dated within the window.
func (s *session) fresh(ctx context.Context, out *collectors.Output, tip string, w evidence.Window) ([]listed, error) {
	if _, old, ok := parseMark(w.After); ok {
		after, there, err := s.listAfter(ctx, tip, old)
		if err != nil || there {
			return after, err
		}
	}
	out.Filter("commits", "first reading: down to the oldest that is dated within the window")
	all, err := s.list(ctx, append(declared(callList), tip))
	n := 0
	for i, c := range all {
		if !c.at.Before(w.From) {
			n = i + 1
		}
	}
	return all[:n], err
}

// listAfter lists what tip reaches along first parents and old does not. The
// answer is false if the repository no longer holds old.
func (s *session) listAfter(ctx context.Context, tip, old string) ([]listed, bool, error) {
	all, err := s.list(ctx, append(declared(callListAfter), tip, "^"+old))
	if gone(err) {
		return nil, false, nil
	}
	return all, err == nil, err
}

func (s *session) list(ctx context.Context, args []string) ([]listed, error) {
	text, err := s.git(ctx, s.path, args...)
	if err != nil {
		return nil, err
	}
	all := make([]listed, 0, strings.Count(text, "\n"))
	for l := range strings.Lines(text) {
		at, sha, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		sec, err := strconv.ParseInt(at, 10, 64)
		if err != nil || !objectName().MatchString(sha) {
			return nil, collectors.Incomplete("%s: a commit is listed as %.100q", s.path, l)
		}
		all = append(all, listed{sha, time.Unix(sec, 0)})
	}
	return all, nil
}

// collectPage reads the commits of one page and holds them to the list.
func (s *session) collectPage(ctx context.Context, out *collectors.Output, r repository, b branch, w evidence.Window, want []listed) error {
	text, err := s.git(ctx, s.path, append(declared(callCommits), "--max-count="+strconv.Itoa(len(want)), want[0].sha)...)
	if err != nil {
		return err
	}
	out.Page()
	objects := strings.SplitN(text, "\x00", len(want)+1)
	if len(objects) <= len(want) || objects[len(want)] != "" {
		return collectors.Incomplete("%s: %d commits are listed, %d were read", s.path, len(want), len(objects)-1)
	}
	for i, c := range want {
		o := parseObject(objects[i])
		if o.sha != c.sha {
			return collectors.Incomplete("%s: commit %s is listed, %.64q was read", s.path, c.sha, o.sha)
		}
		if err := out.Emit(s.commitRecord(r, b, o, w)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) commitRecord(r repository, b branch, o object, w evidence.Window) evidence.Record {
	a := collectors.Attributes{"repository": r.path, "branch": b.name, "sha": o.sha, "merge": len(o.parents) > 1, "signed": o.signature != ""}
	a["parents"] = texts(o.parents)
	if len(o.parents) > 0 {
		a["predecessor"] = o.parents[0]
	}
	o.author.add(a, "author", "authored_at")
	o.committer.add(a, "committer", "committed_at")
	a["co_authors"] = o.coAuthors()
	a.Text("origin", &r.origin)
	subject, signature := o.subject(), o.signatureType()
	a.Text("subject", &subject)
	a.Text("signature_type", &signature)
	if n := o.pullRequest(); n > 0 {
		a["pull_request"] = n
	}
	a["reverts"] = texts(o.reverts())
	a.Set("tickets", s.tickets.FindAllString(o.message, -1))
	at := within(w, o.committer.at)
	return evidence.Record{ID: o.sha, Name: r.name() + "@" + o.sha[:12], Effective: &at, Attributes: a}
}

func (p person) add(a collectors.Attributes, who, when string) {
	a.Text(who+"_name", &p.name)
	a.Text(who+"_email", &p.email)
	a.Time(when, &p.at)
}

func texts(list []string) []any {
	out := []any{}
	for _, t := range list {
		out = append(out, t)
	}
	return out
}

// within returns the instant of the window that is nearest to what a commit
// claims. It reached the branch after the last reading, whatever it claims.
func within(w evidence.Window, at time.Time) time.Time {
	last := w.To.Add(-time.Second)
	switch {
	case at.Before(w.From), last.Before(w.From):
		return w.From.UTC()
	case at.After(last):
		return last.UTC()
	}
	return at
}
