package git

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// tagFormat returns what a tag is, separated by NUL. What an annotated tag names
// begins with "*"; the signature is read as being there or not.
const tagFormat = "%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)%00%(taggername)%00%(taggeremail:trim)%00%(taggerdate:unix)%00%(if)%(contents:signature)%(then)signed%(end)"

const tagFields = 9

func (s *session) collectTags(ctx context.Context, out *collectors.Output) error {
	text, err := s.git(ctx, s.path, declared(callTags)...)
	if err != nil {
		return err
	}
	out.Page()
	out.Scope(evidence.Scope(s.path), nil)
	for l := range strings.Lines(text) {
		f := strings.Split(strings.ToValidUTF8(strings.TrimSuffix(l, "\n"), "\uFFFD"), "\x00")
		if len(f) != tagFields {
			return collectors.Incomplete("%s: a tag is listed as %.100q", s.path, l)
		}
		if err := out.Emit(tagRecord(f)); err != nil {
			return err
		}
	}
	return nil
}

// tagRecord reads the fields of tagFormat. A tag that is no object of its own
// names its target itself, and has no tagger.
func tagRecord(f []string) evidence.Record {
	name := strings.TrimPrefix(f[0], "refs/tags/")
	annotated := f[2] == "tag"
	a := collectors.Attributes{"tag": name, "annotated": annotated, "target": f[1], "target_type": f[2]}
	if annotated {
		a["target"], a["target_type"], a["object"] = f[3], f[4], f[1]
		a["signed"] = f[8] == "signed"
		a.Text("tagger_name", &f[5])
		a.Text("tagger_email", &f[6])
		if sec, err := strconv.ParseInt(f[7], 10, 64); err == nil {
			at := time.Unix(sec, 0)
			a.Time("tagged_at", &at)
		}
	}
	return evidence.Record{ID: f[0], Name: name, Attributes: a}
}
