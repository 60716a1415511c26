package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
)

func (a *app) uploadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "upload SOURCE FILE",
		Short: "Put a file in the place of the one that a source reads, and collect it",
		Long: `Reads FILE as the source SOURCE would, such as a new export of the HR system for the roster. If it is whole, it takes
the place of the file that the configuration names, at once and as a whole, and is collected with a certificate of
its own. If it is not, the mistakes are told with line and column, and nothing changes. Of a source that reads several
files, as the registers are, it takes the place of the one of the same name.`,
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
	src, as, target, err := fileOf(c, name, file)
	if err != nil {
		return err
	}
	staged, err := stage(file, target)
	if err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	defer func() { _ = os.Remove(staged) }()       // it is gone where it took its place
	files := src.Config.(collectors.Files).Files() // fileOf found that it has them
	files[as] = staged
	if err := a.whole(ctx, src, files, as); err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	if err := os.Rename(staged, target); err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	return a.collectNow(ctx, []string{name})
}

// fileOf gives a source that reads files, and the one that file takes the place
// of, by its name and its path: the only one, or the one of the same base name.
func fileOf(c *config.Config, name, file string) (src config.Source, as, path string, err error) {
	i := slices.IndexFunc(c.Sources, func(s config.Source) bool { return s.Spec.Name == name })
	if i < 0 {
		return src, "", "", usageError{fmt.Errorf("the source %s is not configured", name)}
	}
	f, ok := c.Sources[i].Config.(collectors.Files)
	if !ok {
		return src, "", "", usageError{fmt.Errorf("the source %s reads no file that could be put in its place", name)}
	}
	files := f.Files()
	all := slices.Sorted(maps.Keys(files))
	for _, as := range all {
		if len(all) == 1 || filepath.Base(as) == filepath.Base(file) {
			return c.Sources[i], as, files[as], nil
		}
	}
	return src, "", "", usageError{fmt.Errorf("the source %s reads %s: give the new file the name of the one that it replaces", name, strings.Join(all, " and "))}
}

// maxUpload bounds a file, in bytes: a door reads no longer one.
const maxUpload = 64 << 20

// stage copies a file beside its target, so that it can take its place as a whole.
// The copy has the time of the file: whether that is still being written shows by it.
func stage(file, target string) (path string, err error) {
	before, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	out, err := os.CreateTemp(filepath.Dir(target), ".upload-*")
	if err != nil {
		return "", err
	}
	err = copyFrom(file, before, out)
	if old, statErr := os.Stat(target); err == nil && statErr == nil {
		err = out.Chmod(old.Mode().Perm())
	}
	if err = errors.Join(err, out.Sync(), out.Close(), os.Chtimes(out.Name(), time.Time{}, before.ModTime())); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}

// copyFrom copies a file that stays as it was before.
func copyFrom(file string, before os.FileInfo, out io.Writer) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was read; nothing is lost
	n, err := io.Copy(out, io.LimitReader(in, maxUpload+1))
	if err == nil && n > maxUpload {
		err = fmt.Errorf("it has more than %d bytes", maxUpload)
	}
	if now, statErr := os.Stat(file); err == nil && (statErr != nil || now.Size() != n || !now.ModTime().Equal(before.ModTime())) {
		err = errors.New("it changed while it was copied: try again once it is whole")
	}
	return err
}

// uploaded is a configuration whose files lie elsewhere.
type uploaded struct {
	collectors.Config
	files map[string]string
}

// Files implements collectors.Files.
func (u uploaded) Files() map[string]string { return u.files }

// RelativeTo implements collectors.Files: the paths are whole.
func (u uploaded) RelativeTo(string) {}

// EnabledKinds implements collectors.Partial.
func (u uploaded) EnabledKinds() []evidence.Kind {
	if p, ok := u.Config.(collectors.Partial); ok {
		return p.EnabledKinds()
	}
	return nil
}

// whole reads everything that the source makes of the file named as, and keeps nothing.
func (a *app) whole(ctx context.Context, s config.Source, files map[string]string, as string) error {
	src, err := transport.Open(s.Spec, uploaded{s.Config, files}, transport.Options{}, a.logger())
	if err != nil {
		return err
	}
	visit := src.Visit(ctx, src.Collector().RootScope())
	for _, k := range src.Spec.Kinds {
		snap := visit.Capture(ctx, k.Kind, evidence.Window{})
		ofFile := slices.ContainsFunc(snap.Exchanges, func(x evidence.Exchange) bool { return transport.IsFileExchange(x, as) })
		if snap.Err != nil && (ofFile || len(snap.Exchanges) == 0) { // what another file lacks does not keep this one out
			return snap.Err
		}
	}
	return nil
}
