package sheet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// File is a CSV file of which some columns are read.
type File struct {
	// Name is the file as the configuration names it.
	Name string
	// Columns names the column of each field. Without it, those columns are taken
	// that are named as fields are.
	Columns map[string]string
	// IsField reports the names of fields.
	IsField func(name string) bool
	// Missing says what the fields that were found lack, or nothing.
	Missing func(found []string) string
	// Dates is the layout of dates in the words of Go's package time.
	Dates string
}

// ISO is how dates are stored, and how they are read unless said otherwise.
const ISO = time.DateOnly

// Door reads a file, as Env.ReadFile does.
type Door func(context.Context, collectors.FileRead) (collectors.FileReply, error)

// Read reads the file through the door, and states in out which file it was.
func (f File) Read(ctx context.Context, door Door, out *collectors.Output) (*Table, error) {
	reply, err := door(ctx, collectors.FileRead{Name: f.Name, Shape: map[string]any{"columns": f.Columns}, Keep: f.keep})
	if err != nil {
		return nil, err
	}
	out.Page()
	out.Filter("file", fmt.Sprintf("%s, SHA-256 %s, %d bytes of %s", f.Name, reply.SHA256, reply.Size, reply.Modified.UTC().Format(time.RFC3339)))
	t, err := f.table(reply.Text)
	if err != nil {
		return nil, err
	}
	t.Owner = reply.Owner
	out.Filter("columns", t.columnsRead())
	return t, nil
}

// Path returns where the file is: a relative one begins at folder.
func (f File) Path(folder string) string {
	if filepath.IsAbs(f.Name) {
		return f.Name
	}
	return filepath.Join(folder, f.Name)
}

// Check reports what is wrong with the file as it was configured.
func (f File) Check() error {
	switch {
	case f.Name == "":
		return errors.New("file is missing: the path of a CSV file, such as people.csv")
	case strings.ContainsAny(f.Name, "\x00\n") || filepath.Clean(f.Name) != f.Name || f.Name == ".":
		return fmt.Errorf("file %q: want a clean path, such as people.csv", f.Name)
	}
	return nil
}

// CheckDates tries the layout on a day no two parts of which share a number.
func (f File) CheckDates() error {
	day := time.Date(2031, 11, 23, 0, 0, 0, 0, time.UTC)
	if got, err := time.Parse(f.Dates, day.Format(f.Dates)); err != nil || !got.Equal(day) {
		return fmt.Errorf(`dates %q: want the 2nd of January 2006 as the file writes it, such as "02.01.2006" or "1/2/2006"`, f.Dates)
	}
	return nil
}

// Words are what the words of a file mean, by field.
type Words map[string]map[string]string

// Ours returns our word for one of the file.
func (w Words) Ours(field, theirs string) string {
	for t, ours := range w[field] {
		if Plain(t) == Plain(theirs) {
			return ours
		}
	}
	return Plain(theirs)
}

// Check reports a word that stands there twice, or means none of ours.
func (w Words) Check(field string, ours []string) error {
	seen := map[string]bool{}
	for _, v := range sortedKeys(w[field]) {
		if seen[Plain(v)] {
			return fmt.Errorf("values: %s %q stands there twice", field, v)
		}
		seen[Plain(v)] = true
		if !slices.Contains(ours, w[field][v]) {
			return fmt.Errorf("values: %s %q means %q: want one of %s", field, v, w[field][v], strings.Join(ours, ", "))
		}
	}
	return nil
}
