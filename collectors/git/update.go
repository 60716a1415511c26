package git

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// markOf is where a reading ends: the branch and the commit it names.
func markOf(b branch) string { return b.sha + " " + b.name }

func parseMark(mark string) (name, sha string, ok bool) {
	sha, name, ok = strings.Cut(mark, " ")
	return name, sha, ok && objectName().MatchString(sha)
}

// gone reports that the repository does not hold an object that was asked for.
func gone(err error) bool {
	var r *refusal
	return errors.As(err, &r) && (strings.Contains(r.text, "bad object") || strings.Contains(r.text, "bad revision") || strings.Contains(r.text, "Not a valid commit name"))
}

// maxRemoved bounds the list of commits that a move left behind; their number
// is always said.
const maxRemoved = 100

// collectUpdates compares what the protected branch names with the mark of the
// last reading. The first reading has nothing to compare with.
func (s *session) collectUpdates(ctx context.Context, w evidence.Window, out *collectors.Output) error {
	r, b, err := s.protectedHistory(ctx, w, out)
	if err != nil || b.sha == "" {
		return err
	}
	name, old, ok := parseMark(w.After)
	if ok && (old != b.sha || name != b.name) {
		a := collectors.Attributes{"repository": r.path, "from": old, "to": b.sha, "branch": b.name, "from_branch": name}
		if err := s.addMove(ctx, a, old, b.sha); err != nil {
			return err
		}
		// A branch may go back and forth: the time of the last reading tells its moves apart.
		id := name + "@" + old + ".." + b.name + "@" + b.sha + " after " + w.From.UTC().Format(time.RFC3339)
		if err := out.Emit(evidence.Record{ID: id, Name: r.name() + " " + old[:12] + ".." + b.sha[:12], Attributes: a}); err != nil {
			return err
		}
	}
	out.Page()
	out.Scope(evidence.Scope(s.path), nil)
	out.Mark(markOf(b))
	return nil
}

// addMove says how the branch came from old to tip. Of an old commit that is no
// longer there, all that is known is that it is not an ancestor.
func (s *session) addMove(ctx context.Context, a collectors.Attributes, old, tip string) error {
	added, there, err := s.listAfter(ctx, tip, old)
	if err != nil {
		return err
	}
	a["from_present"] = there
	if !there {
		a["fast_forward"] = false
		return nil
	}
	if a["fast_forward"], err = s.isAncestor(ctx, old, tip); err != nil {
		return err
	}
	removed, there, err := s.listAfter(ctx, old, tip)
	if err != nil || !there {
		return err
	}
	a["added"], a["removed"] = int64(len(added)), int64(len(removed))
	var shas []string
	for _, c := range removed[:min(len(removed), maxRemoved)] {
		shas = append(shas, c.sha)
	}
	a["removed_commits"] = texts(shas)
	return nil
}

// isAncestor asks whether tip reaches old: 0 is yes, 1 is no, all else an error.
func (s *session) isAncestor(ctx context.Context, old, tip string) (bool, error) {
	_, err := s.git(ctx, s.path, append(declared(callAncestor), old, tip)...)
	var r *refusal
	if errors.As(err, &r) && r.exit == 1 {
		return false, nil
	}
	return err == nil, err
}
