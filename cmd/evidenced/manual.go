package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

// maxEvidence bounds one file that a person brings, in bytes.
const maxEvidence = 256 << 20

// brought is the command line of `evidence add`.
type brought struct {
	upload        evidence.Upload
	date, expires timeFlag
}

func (a *app) evidenceAddCommand() *cobra.Command {
	var b brought
	u := &b.upload
	c := a.served(&cobra.Command{
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
	})
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

// added is what `evidence add --json` prints.
type added struct {
	Entry    uint64          `json:"entry"`
	Recorded time.Time       `json:"recorded"`
	Upload   evidence.Upload `json:"upload"`
	// Counts are the occurrences of duties that it fulfils.
	Counts []result.Occurrence `json:"counts"`
}

func (a *app) evidenceAdd(ctx context.Context, files []string, b brought) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	cat, err := loadCatalogue(c)
	if err != nil {
		return err
	}
	attachments, err := a.attachments(files)
	if err != nil {
		return err
	}
	u, err := b.checked(cat, c, attachments, a.now().UTC())
	if err != nil {
		return err
	}
	s, err := a.writing(c, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	e, err := bring(ctx, s, u, attachments)
	if err != nil {
		return err
	}
	out := added{Entry: e.Index, Recorded: e.Recorded}
	if err := e.DecodeBody(evidence.EntryUpload, &out.Upload); err != nil {
		return err
	}
	if out.Counts, err = counts(cat, c, s, e); err != nil {
		return err
	}
	return a.print(out, out.text)
}

// checked gives the upload, or says what is wrong with it before anything is written.
func (b brought) checked(cat *catalogue.Catalogue, c *config.Config, files []attachment, now time.Time) (evidence.Upload, error) {
	u := b.upload
	u.By, u.Title = strings.TrimSpace(u.By), strings.TrimSpace(u.Title)
	if u.Effective = b.date.Time; u.Effective.IsZero() {
		u.Effective = now.Truncate(time.Second)
	}
	if !b.expires.IsZero() {
		u.Expires = &b.expires.Time
	}
	if u.Title == "" {
		var names []string
		for _, f := range files {
			names = append(names, f.name)
		}
		u.Title = strings.Join(names, ", ")
	}
	switch {
	case u.By == "":
		return u, usageError{errors.New("--by is missing: evidence names who brings it")}
	case len(u.Duties)+len(u.Controls) == 0:
		return u, usageError{errors.New("name what it is evidence for with --duty or --control")}
	case u.Effective.After(now):
		return u, usageError{fmt.Errorf("--date %s lies in the future (days are UTC): evidence is of what was done", b.date.String())}
	case u.Expires != nil && !u.Expires.After(u.Effective):
		return u, usageError{fmt.Errorf("--expires %s is not after the day that it speaks of, %s", b.expires.String(), u.Effective.Format(time.RFC3339))}
	}
	if err := about(cat, u); err != nil {
		return u, err
	}
	return u, labelled(cat, c, u, now)
}

// about checks that duties and controls are there.
func about(cat *catalogue.Catalogue, u evidence.Upload) error {
	for _, id := range u.Controls {
		if _, err := control(cat, id); err != nil {
			return err
		}
	}
	for _, id := range u.Duties {
		if _, err := duty(cat, id); err != nil {
			return err
		}
	}
	return nil
}

// labelled checks that each duty has the occurrence that the upload names.
func labelled(cat *catalogue.Catalogue, c *config.Config, u evidence.Upload, now time.Time) error {
	if u.Occurrence == "" {
		return nil
	}
	if len(u.Duties) == 0 {
		return usageError{errors.New("--for names an occurrence of a duty: name the duty with --duty")}
	}
	all := gap.NewEngine(cat, period(c)).Result(now).Duties
	for _, id := range u.Duties {
		d, err := duty(cat, id)
		if err != nil {
			return err
		}
		if d.Per == "" {
			return usageError{fmt.Errorf("duty %s is renewed within %d days and has no labels: leave --for out, the day tells", id, d.WithinDays)}
		}
		var labels []string
		for _, o := range all {
			if o.Duty == id {
				labels = append(labels, o.Label)
			}
		}
		if !slices.Contains(labels, u.Occurrence) {
			return usageError{fmt.Errorf("duty %s has no occurrence %q in this period: it has %s", id, u.Occurrence, orNone(labels))}
		}
	}
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// attachments opens nothing yet, but refuses what could not be kept whole.
func (a *app) attachments(files []string) (out []attachment, err error) {
	for _, file := range files {
		path := a.path(file)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, usageError{err}
		case !info.Mode().IsRegular():
			return nil, usageError{fmt.Errorf("%s is no regular file: name the files themselves", file)}
		case info.Size() > maxEvidence:
			return nil, usageError{fmt.Errorf("%s has %d bytes, more than the %d that are kept of one file: split it, or keep it elsewhere and bring its SHA-256", file, info.Size(), int64(maxEvidence))}
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		_ = f.Close() // it was opened only to see that it can be
		name := filepath.Base(path)
		if slices.ContainsFunc(out, func(o attachment) bool { return o.name == name }) {
			return nil, usageError{fmt.Errorf("two files are called %s: rename one, a name tells them apart", name)}
		}
		out = append(out, attachment{name, func() (io.ReadCloser, error) { return openBounded(path) }})
	}
	return out, nil
}

// openBounded opens a file whose reading ends with an error where it has grown too long.
func openBounded(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	return &bounded{f, maxEvidence}, err
}

// bounded is a file that is read, up to so many bytes.
type bounded struct {
	file *os.File
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.file.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("%s has grown to more than %d bytes while it was read", b.file.Name(), int64(maxEvidence))
	}
	return n, err
}

// Close implements io.Closer.
func (b *bounded) Close() error { return b.file.Close() }

// counts gives the occurrences of duties that an entry fulfils.
func counts(cat *catalogue.Catalogue, c *config.Config, s *store.Store, e evidence.Entry) ([]result.Occurrence, error) {
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return nil, err
	}
	out := []result.Occurrence{}
	for _, o := range gap.NewEngine(cat, period(c), gap.WithActs(acts)).Result(e.Recorded).Duties {
		if o.Entry != nil && *o.Entry == e.Index {
			out = append(out, o)
		}
	}
	return out, nil
}

func (o added) text(w io.Writer) {
	fmt.Fprintf(w, "kept as entry %d of the log: %s, %d files\n", o.Entry, evidence.Printable(o.Upload.Title), len(o.Upload.Files))
	for _, c := range o.Counts {
		fmt.Fprintf(w, "It counts for %s, %s: %s.\n", c.Duty, c.Label, c.State)
	}
	for _, id := range o.Upload.Duties {
		if !slices.ContainsFunc(o.Counts, func(c result.Occurrence) bool { return c.Duty == id }) {
			fmt.Fprintf(w, "It counts for no occurrence of %s in this period: what its day or --for says was done already, or lies outside. `evidenced status` shows what is due.\n", id)
		}
	}
}

// uploadLine is one upload in `evidence list --manual --json`.
type uploadLine struct {
	ID       uint64    `json:"id"`
	Recorded time.Time `json:"recorded"`
	evidence.Upload
}

func (a *app) manualList(limit int) error {
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return err
	}
	lines := []uploadLine{}
	for _, x := range slices.Backward(acts) {
		if x.Upload != nil && (limit <= 0 || len(lines) < limit) {
			lines = append(lines, uploadLine{x.Entry, x.At, *x.Upload})
		}
	}
	return a.print(map[string]any{"uploads": lines}, func(w io.Writer) {
		table(w, "ID\tDATE\tFOR\tTITLE\tFILES\tBY\tBROUGHT\tEXPIRES", func(row func(...any)) {
			for _, l := range lines {
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
func (a *app) uploadFile(index uint64, name, out string) error {
	if err := given("file", name, "out", out); err != nil {
		return err
	}
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	d, err := detail(s, index, false, false)
	if err != nil {
		return err
	}
	var u evidence.Upload
	if d.Type != evidence.EntryUpload {
		return usageError{fmt.Errorf("entry %d is of type %s and has no files: `evidenced evidence list --manual` lists those that have", index, d.Type)}
	}
	if err := d.DecodeBody(evidence.EntryUpload, &u); err != nil {
		return err
	}
	i := slices.IndexFunc(u.Files, func(f evidence.UploadFile) bool { return f.Name == name })
	if i < 0 {
		var names []string
		for _, f := range u.Files {
			names = append(names, f.Name)
		}
		return usageError{fmt.Errorf("entry %d has no file %q: it has %s", index, name, orNone(names))}
	}
	n, err := a.newFile(out, func(w io.Writer) error { return copyBlob(w, s, u.Files[i].Hash) })
	if err != nil {
		return err
	}
	return a.print(map[string]any{"file": out, "bytes": n, "sha256": u.Files[i].Hash}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s: %d bytes, sha256 %s\n", out, n, u.Files[i].Hash)
	})
}

func copyBlob(w io.Writer, s *store.Store, h evidence.Hash) error {
	r, err := s.Blob(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, r.Close())
}

// newFile writes a file of the caller's that is not there yet; what could not
// be written whole is taken away again.
func (a *app) newFile(name string, write func(io.Writer) error) (size int64, err error) {
	path := a.path(name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return 0, usageError{fmt.Errorf("%s is there already: name a new file", name)}
	}
	if err != nil {
		return 0, err
	}
	err = write(f)
	if err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(path))
	}
	return size, nil
}
