package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

// added is the command line of `evidence add`.
type added struct {
	upload        evidence.Upload
	date, expires timeFlag
}

func (a *app) evidenceAddCommand() *cobra.Command {
	var b added
	u := &b.upload
	c := &cobra.Command{
		Use:   "add FILE...",
		Short: "Keep files that a person brings as evidence of a duty or a control",
		Long: `Keeps files in the log as evidence of a duty or a control: minutes, a signed
review, a report of a penetration test. --date is the day on which the duty was
done, or from which the document was in force; the log says by itself when it was
brought. Nothing can be taken back; who made a mistake adds the right one.`,
		Example: `  evidenced evidence add minutes.pdf --duty risk.assessment --by ann@acme.example --date 2026-03-02
  evidenced evidence add review.csv --duty uar.performed --for 2026-Q1 --by ann@acme.example`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.evidenceAdd(c.Context(), args, b) },
	}
	c.Flags().StringSliceVar(&u.Duties, "duty", nil, "the `id` of a duty that it shows to be done; may be repeated")
	c.Flags().StringSliceVar(&u.Controls, "control", nil, "the `id` of a control that it is evidence for; may be repeated")
	c.Flags().StringVar(&u.By, "by", "", "who brings it, a `person`")
	c.Flags().StringVar(&u.Title, "title", "", "what it is; default the names of the files")
	c.Flags().Var(&b.date, "date", "the day it speaks of; default now")
	c.Flags().StringVar(&u.Occurrence, "for", "", "the quarter, month or year that it is for, a `label` such as 2026-Q1, where the day does not tell")
	c.Flags().Var(&b.expires, "expires", "from when on it proves nothing any more, where it says so itself")
	c.Flags().StringVar(&u.Note, "note", "", "what else there is to say")
	return c
}

func (a *app) evidenceAdd(ctx context.Context, paths []string, b added) error {
	files, err := filesAt(paths)
	if err != nil {
		return err
	}
	b.upload.Effective = b.date.Time
	if !b.expires.IsZero() {
		b.upload.Expires = &b.expires.Time
	}
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.AddEvidence(ctx, api.AddEvidenceRequest{Write: a.actor(), Upload: b.upload}, files)
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) { addedText(w, out) })
}

// filesAt returns the files at paths, but refuses what could not be kept completely.
func filesAt(paths []string) (out []api.File, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, api.AsUsage(err)
		case !info.Mode().IsRegular():
			return nil, api.Errorf(api.Usage, "%s is no regular file: name the files themselves", path)
		case info.Size() > ops.MaxEvidence:
			return nil, api.Errorf(api.Usage, "%s has %d bytes, more than the %d that are kept of one file: split it, or keep it elsewhere and bring its SHA-256", path, info.Size(), int64(ops.MaxEvidence))
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, api.AsUsage(err)
		}
		_ = f.Close() // it was opened only to see that it can be
		out = append(out, api.File{Name: filepath.Base(path), Open: func() (io.ReadCloser, error) { return os.Open(path) }})
	}
	return out, nil
}

func addedText(w io.Writer, o *api.AddedEvidence) {
	fmt.Fprintf(w, "kept as entry %d of the log: %s, %d files\n", o.Entry, evidence.Printable(o.Upload.Title), len(o.Upload.Files))
	for _, c := range o.Counts {
		fmt.Fprintf(w, "It counts for %s, %s: %s.\n", c.Duty, c.Label, c.State)
	}
	for _, id := range o.Upload.Duties {
		if !counts(o, id) {
			fmt.Fprintf(w, "It counts for no occurrence of %s in this period: what its day or --for says was done already, or lies outside. `evidenced status` shows what is due.\n", id)
		}
	}
}

func (a *app) uploadList(ctx context.Context, limit int) error {
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	out, err := s.Uploads(ctx, api.UploadsRequest{Limit: limit})
	if err != nil {
		return err
	}
	return a.print(out, func(w io.Writer) {
		table(w, "ID\tDATE\tFOR\tTITLE\tFILES\tBY\tBROUGHT\tEXPIRES", func(row func(...any)) {
			for _, l := range out.Uploads {
				row(l.ID, l.Effective.Format(time.DateOnly), strings.TrimSpace(strings.Join(append(slices.Clone(l.Duties), l.Controls...), " ")+" "+l.Occurrence), l.Title, len(l.Files), l.By, when(&l.Recorded), when(l.Expires))
			}
		})
	})
}

// uploadText prints an upload for a person.
func uploadText(w io.Writer, u evidence.Upload) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-12s %s\n", name, evidence.Printable(value))
		}
	}
	line("title", u.Title)
	line("duties", strings.Join(u.Duties, ", "))
	line("controls", strings.Join(u.Controls, ", "))
	line("for", u.Occurrence)
	line("date", u.Effective.Format(time.RFC3339))
	if u.Expires != nil {
		line("expires", u.Expires.Format(time.RFC3339))
	}
	line("by", u.By)
	line("note", u.Note)
	for _, f := range u.Files {
		line("file", fmt.Sprintf("%s, %d bytes, sha256 %s", f.Name, f.Size, f.Hash))
	}
}

// uploadFile writes one file of an upload to a new file, byte for byte.
func (a *app) uploadFile(ctx context.Context, index uint64, name, out string) error {
	if err := requireFlags("file", name, "out", out); err != nil {
		return err
	}
	s, err := a.service(ctx)
	if err != nil {
		return err
	}
	var copied *api.FileCopied
	err = newFile(out, func(w io.Writer) (err error) {
		copied, err = s.EvidenceFile(ctx, api.EvidenceFileRequest{ID: index, Name: name}, w)
		return err
	})
	if err != nil {
		return err
	}
	return a.print(map[string]any{"file": out, "bytes": copied.Bytes, "sha256": copied.SHA256}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s: %d bytes, sha256 %s\n", out, copied.Bytes, copied.SHA256)
	})
}

// counts reports whether an upload fulfills an occurrence of an activity.
func counts(o *api.AddedEvidence, id string) bool {
	for _, c := range o.Counts {
		if c.Duty == id {
			return true
		}
	}
	return false
}
