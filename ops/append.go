package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

// maxTries is how often a decision is made anew because the log has grown meanwhile.
const maxTries = 20

// appendDecided lets decide read the log and say what to append; nil is
// nothing. It is appended only if the log has not grown since, so that whoever
// else appends, here or on another host, cannot make the decision wrong;
// otherwise decide is asked again.
func appendDecided(ctx context.Context, s Store, decide func() (func(evidence.Writer) error, error)) error {
	for range maxTries {
		size, err := s.Size()
		if err != nil {
			return err
		}
		add, err := decide()
		if err != nil || add == nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err = s.AppendIf(ctx, size, add); !errors.Is(err, evidence.ErrMoved) {
			return err
		}
	}
	return api.Errorf(api.Conflict, "the log grows faster than this can be decided: try again")
}

// entryOf returns an entry with a body, which must be valid, and the actor.
func entryOf(t evidence.EntryType, body any, actor api.Actor) (e evidence.Entry, err error) {
	if v, ok := body.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return e, api.AsUsage(err)
		}
	}
	if e, err = evidence.WithBody(t, body); err != nil {
		return e, err
	}
	if actor != (api.Actor{}) {
		e.Actor = &actor
	}
	return e, nil
}

// writeEntry returns what appends one entry, and sets e to it as it was written.
func writeEntry(e *evidence.Entry, blobs ...string) func(evidence.Writer) error {
	of := *e
	return func(w evidence.Writer) (err error) {
		of := of
		for _, b := range blobs {
			ref, err := w.Blob(evidence.Series{Content: evidence.ContentFile}, strings.NewReader(b), 0)
			if err != nil {
				return err
			}
			of.Blobs = append(of.Blobs, ref)
		}
		*e, err = w.Entry(of)
		if err != nil {
			return fmt.Errorf("write it to the log: %w", err)
		}
		return nil
	}
}

// AppendUpload appends evidence that a person uploaded, with its files.
func AppendUpload(ctx context.Context, log evidence.Log, u evidence.Upload, files []api.File, actor api.Actor) (e evidence.Entry, err error) {
	if err := u.Validate(); err != nil {
		return e, api.AsUsage(err)
	}
	err = log.Append(ctx, func(w evidence.Writer) error {
		e, err = writeUpload(w, u, files, actor)
		return err
	})
	return e, err
}

// writeUpload writes an upload and its files.
func writeUpload(w evidence.Writer, u evidence.Upload, files []api.File, actor api.Actor) (e evidence.Entry, err error) {
	u.Files = []evidence.UploadFile{}
	var refs []evidence.Ref
	for _, f := range files {
		ref, err := writeFile(w, f)
		if err != nil {
			return e, err
		}
		refs = append(refs, ref)
		u.Files = append(u.Files, evidence.UploadFile{Name: f.Name, Hash: ref.Hash, Size: ref.Size})
	}
	if e, err = entryOf(evidence.EntryUpload, u, actor); err != nil {
		return e, err
	}
	e.Blobs = refs
	return w.Entry(e)
}

func writeFile(w evidence.Writer, f api.File) (ref evidence.Ref, err error) {
	r, err := f.Open()
	if err != nil {
		return ref, fmt.Errorf("read the evidence: %w", err)
	}
	defer r.Close()
	if ref, err = w.Blob(evidence.Series{Content: evidence.ContentFile}, bounded(r, f.Name), 0); err != nil {
		return ref, fmt.Errorf("keep %s: %w", f.Name, err)
	}
	return ref, nil
}

// MaxEvidence bounds one uploaded file, in bytes.
const MaxEvidence = 256 << 20

// bounded returns r, whose reading ends with an error where it is too long.
func bounded(r io.Reader, name string) io.Reader { return &boundedReader{r, name, MaxEvidence} }

type boundedReader struct {
	r    io.Reader
	name string
	left int64
}

// Read implements io.Reader.
func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, api.Errorf(api.Usage, "%s has more than %d bytes: split it, or keep it elsewhere and upload its SHA-256", b.name, int64(MaxEvidence))
	}
	return n, err
}

func joined(names []string) string { return strings.Join(names, ", ") }

// orNone joins names; "none" where there are none.
func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return joined(names)
}

// decodeMembers reads the members of the body of an entry that v has.
func decodeMembers(body []byte, v any) error { return json.Unmarshal(body, v) }
