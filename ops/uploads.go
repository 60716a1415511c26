package ops

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// Uploads implements Service.
func (o *Operations) Uploads(_ context.Context, req api.UploadsRequest) (*api.Uploads, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return nil, err
	}
	out := &api.Uploads{Uploads: []api.UploadLine{}}
	for _, x := range slices.Backward(acts) {
		if x.Upload != nil && (req.Limit <= 0 || len(out.Uploads) < req.Limit) {
			out.Uploads = append(out.Uploads, api.UploadLine{ID: x.Entry, Recorded: x.At, Upload: *x.Upload})
		}
	}
	return out, nil
}

// AddEvidence implements Service.
func (o *Operations) AddEvidence(ctx context.Context, req api.AddEvidenceRequest, files []api.File) (*api.AddedEvidence, error) {
	c, err := o.backend.Config(false)
	if err != nil {
		return nil, err
	}
	cat, err := LoadCatalogue(c)
	if err != nil {
		return nil, err
	}
	u, err := checkUpload(req.Upload, cat, c, files, o.now().UTC())
	if err != nil {
		return nil, err
	}
	opened, _, err := o.backend.OpenForWrite(c)
	s, err := o.session(c, opened, err)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	actor, err := s.acting(ctx, req.Actor, "--by", u.By, evidence.Person{})
	if err != nil {
		return nil, err
	}
	e, err := AppendUpload(ctx, s, u, files, actor)
	if err != nil {
		return nil, err
	}
	out := &api.AddedEvidence{Entry: e.Index, Recorded: e.Recorded}
	if err := e.DecodeBody(evidence.EntryUpload, &out.Upload); err != nil {
		return nil, err
	}
	out.Counts, err = fulfilled(s, cat, c, e)
	return out, err
}

// checkUpload returns the upload as it is to be written, or what is wrong with it.
func checkUpload(u evidence.Upload, cat *catalogue.Catalogue, c *config.Config, files []api.File, now time.Time) (evidence.Upload, error) {
	u.By, u.Title = strings.TrimSpace(u.By), strings.TrimSpace(u.Title)
	if u.Effective.IsZero() {
		u.Effective = now.Truncate(time.Second)
	}
	if u.Title == "" {
		u.Title = joined(fileNames(files))
	}
	switch {
	case u.By == "":
		return u, api.Errorf(api.Usage, "--by is missing: evidence names who brings it")
	case len(u.Duties)+len(u.Controls) == 0:
		return u, api.Errorf(api.Usage, "name what it is evidence for with --duty or --control")
	case u.Effective.After(now):
		return u, api.Errorf(api.Usage, "--date %s lies in the future (days are UTC): evidence is of what was done", u.Effective.Format(time.RFC3339))
	case u.Expires != nil && !u.Expires.After(u.Effective):
		return u, api.Errorf(api.Usage, "--expires %s is not after the day that it speaks of, %s", u.Expires.Format(time.RFC3339), u.Effective.Format(time.RFC3339))
	}
	if err := checkFiles(files); err != nil {
		return u, err
	}
	if err := checkSubjects(cat, u); err != nil {
		return u, err
	}
	return u, checkOccurrence(cat, c, u, now)
}

func fileNames(files []api.File) (names []string) {
	for _, f := range files {
		names = append(names, f.Name)
	}
	return names
}

// checkFiles refuses names that do not tell files apart.
func checkFiles(files []api.File) error {
	names := fileNames(files)
	if len(files) == 0 {
		return api.Errorf(api.Usage, "evidence has at least one file")
	}
	for i, n := range names {
		if n == "" || strings.ContainsAny(n, "/\\\x00\n\r") || n == "." || n == ".." {
			return api.Errorf(api.Usage, "%q is no name of a file", n)
		}
		if slices.Contains(names[:i], n) {
			return api.Errorf(api.Usage, "two files are called %s: rename one, a name tells them apart", n)
		}
	}
	return nil
}

// checkSubjects checks that the controls and duties exist.
func checkSubjects(cat *catalogue.Catalogue, u evidence.Upload) error {
	for _, id := range u.Controls {
		if _, err := findControl(cat, id); err != nil {
			return err
		}
	}
	for _, id := range u.Duties {
		if _, err := findDuty(cat, id); err != nil {
			return err
		}
	}
	return nil
}

// checkOccurrence checks that each duty has the occurrence that the upload names.
func checkOccurrence(cat *catalogue.Catalogue, c *config.Config, u evidence.Upload, now time.Time) error {
	if u.Occurrence == "" {
		return nil
	}
	if len(u.Duties) == 0 {
		return api.Errorf(api.Usage, "--for names an occurrence of a duty: name the duty with --duty")
	}
	all := gap.NewEngine(cat, periodOf(c)).Result(now).Duties
	for _, id := range u.Duties {
		d, err := findDuty(cat, id)
		if err != nil {
			return err
		}
		if d.Per == "" {
			return api.Errorf(api.Usage, "duty %s is renewed within %d days and has no labels: leave --for out, the day tells", id, d.WithinDays)
		}
		var labels []string
		for _, o := range all {
			if o.Duty == id {
				labels = append(labels, o.Label)
			}
		}
		if !slices.Contains(labels, u.Occurrence) {
			return api.Errorf(api.Usage, "duty %s has no occurrence %q in this period: it has %s", id, u.Occurrence, orNone(labels))
		}
	}
	return nil
}

// fulfilled returns the occurrences of duties that an entry fulfills.
func fulfilled(s Store, cat *catalogue.Catalogue, c *config.Config, e evidence.Entry) ([]result.Occurrence, error) {
	acts, err := evidence.Acts(s.Entries(0))
	if err != nil {
		return nil, err
	}
	out := []result.Occurrence{}
	for _, o := range gap.NewEngine(cat, periodOf(c), gap.WithActs(acts)).Result(e.Recorded).Duties {
		if o.Entry != nil && *o.Entry == e.Index {
			out = append(out, o)
		}
	}
	return out, nil
}
