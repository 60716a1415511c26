package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) uploadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "upload SOURCE FILE",
		Short: "Put a file in the place of the one that a source reads, and collect it",
		Long: `Reads FILE as the source SOURCE would, such as a new export of the HR system for the roster. If it is whole, it takes
the place of the file that the configuration names, at once and as a whole, and is collected with a certificate of
its own. If it is not, the mistakes are told with line and column, and nothing changes.`,
		Example: "  evidenced upload roster ~/Downloads/people.csv",
		Args:    usage(cobra.ExactArgs(2)),
		RunE:    func(c *cobra.Command, args []string) error { return a.upload(c.Context(), args[0], args[1]) },
	}
}

func (a *app) upload(ctx context.Context, name, file string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := known(c, []string{name}); err != nil {
		return err
	}
	src, as, target, err := fileOf(c, name)
	if err != nil {
		return err
	}
	staged, err := stage(file, target)
	if err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	defer func() { _ = os.Remove(staged) }() // it is gone where it took its place
	if err := a.whole(ctx, src, map[string]string{as: staged}); err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	if err := os.Rename(staged, target); err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	return a.collectNow(ctx, []string{name})
}

// fileOf gives a source that reads one file, and that file by its name and its path.
func fileOf(c *config.Config, name string) (src config.Source, as, path string, err error) {
	for _, s := range c.Sources {
		f, ok := s.Config.(collectors.Files)
		if s.Spec.Name != name || !ok || len(f.Files()) != 1 {
			continue
		}
		for as, path = range f.Files() {
			return s, as, path, nil
		}
	}
	return src, "", "", usageError{fmt.Errorf("the source %s reads no file that could be put in its place", name)}
}

// maxUpload bounds a file, in bytes: a door reads no longer one.
const maxUpload = 64 << 20

// stage copies a file beside its target, so that it can take its place as a whole.
func stage(file, target string) (path string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // it was read; nothing is lost
	out, err := os.CreateTemp(filepath.Dir(target), ".upload-*")
	if err != nil {
		return "", err
	}
	n, err := io.Copy(out, io.LimitReader(in, maxUpload+1))
	if err == nil && n > maxUpload {
		err = fmt.Errorf("it has more than %d bytes", maxUpload)
	}
	if old, statErr := os.Stat(target); err == nil && statErr == nil {
		err = out.Chmod(old.Mode().Perm())
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}

// uploaded is a configuration whose files lie elsewhere.
type uploaded struct {
	collectors.Config
	files map[string]string
}

// Files implements collectors.Files.
func (u uploaded) Files() map[string]string { return u.files }

// Beside implements collectors.Files: the paths are whole.
func (u uploaded) Beside(string) {}

// Given implements collectors.Partial.
func (u uploaded) Given() []evidence.Kind {
	if p, ok := u.Config.(collectors.Partial); ok {
		return p.Given()
	}
	return nil
}

// whole reads everything that the source makes of the files, and keeps nothing.
func (a *app) whole(ctx context.Context, s config.Source, files map[string]string) error {
	src, err := collectors.Open(s.Spec, uploaded{s.Config, files}, collectors.DoorOptions{}, a.logger())
	if err != nil {
		return err
	}
	visit := src.Visit(ctx, src.Collector().RootScope())
	var wrong error
	for _, k := range src.Spec.Kinds {
		wrong = errors.Join(wrong, visit.Capture(ctx, k.Kind, evidence.Window{}).Err)
	}
	return wrong
}
