package main

import (
	"context"
	"fmt"
	"io"

	"github.com/evidenced/evidenced/evidence"
)

// attachment is a file of an upload, still to be read.
type attachment struct {
	name string
	open func() (io.ReadCloser, error)
}

// bring appends evidence that a person brought, with its files.
func bring(ctx context.Context, log evidence.Log, u evidence.Upload, files []attachment) (e evidence.Entry, err error) {
	if err := u.Validate(); err != nil {
		return e, usageError{err}
	}
	err = log.Append(ctx, func(w evidence.Writer) error {
		e, err = writeUpload(w, u, files)
		return err
	})
	return e, err
}

// writeUpload writes an upload and its files.
func writeUpload(w evidence.Writer, u evidence.Upload, files []attachment) (e evidence.Entry, err error) {
	u.Files = []evidence.UploadFile{}
	var refs []evidence.Ref
	for _, f := range files {
		ref, err := attach(w, f)
		if err != nil {
			return e, err
		}
		refs = append(refs, ref)
		u.Files = append(u.Files, evidence.UploadFile{Name: f.name, Hash: ref.Hash, Size: ref.Size})
	}
	if e, err = evidence.WithBody(evidence.EntryUpload, u); err != nil {
		return e, err
	}
	e.Blobs = refs
	return w.Entry(e)
}

func attach(w evidence.Writer, f attachment) (ref evidence.Ref, err error) {
	r, err := f.open()
	if err != nil {
		return ref, fmt.Errorf("read the evidence: %w", err)
	}
	defer r.Close()
	if ref, err = w.Blob(evidence.Series{Content: evidence.ContentFile}, r, 0); err != nil {
		return ref, fmt.Errorf("keep %s: %w", f.name, err)
	}
	return ref, nil
}
