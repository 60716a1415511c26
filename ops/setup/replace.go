package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

// ReplaceFile puts file in the place of the one that a source reads, if the
// source reads it completely; otherwise nothing changes. Whoever calls it
// collects the source then.
func ReplaceFile(ctx context.Context, path, source, file string, log *slog.Logger) error {
	c, err := ops.Load(path, true)
	if err != nil {
		return err
	}
	if err := ops.CheckSources(c, []string{source}); err != nil {
		return err
	}
	src, as, target, err := fileOf(c, source, file)
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
	if err := readsCompletely(ctx, src, files, as, log); err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	if err := os.Rename(staged, target); err != nil {
		return fmt.Errorf("upload %s: %w", file, err)
	}
	return nil
}

// fileOf gives a source that reads files, and the one that file takes the place
// of, by its name and its path: the only one, or the one of the same base name.
func fileOf(c *config.Config, name, file string) (src config.Source, as, path string, err error) {
	i := slices.IndexFunc(c.Sources, func(s config.Source) bool { return s.Spec.Name == name })
	if i < 0 {
		return src, "", "", api.Errorf(api.Usage, "the source %s is not configured", name)
	}
	f, ok := c.Sources[i].Config.(collectors.Files)
	if !ok {
		return src, "", "", api.Errorf(api.Usage, "the source %s reads no file that could be put in its place", name)
	}
	files := f.Files()
	all := slices.Sorted(maps.Keys(files))
	for _, as := range all {
		if len(all) == 1 || filepath.Base(as) == filepath.Base(file) {
			return c.Sources[i], as, files[as], nil
		}
	}
	return src, "", "", api.Errorf(api.Usage, "the source %s reads %s: give the new file the name of the one that it replaces", name, strings.Join(all, " and "))
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

// readsCompletely reads everything that the source makes of the file named as, and keeps nothing.
func readsCompletely(ctx context.Context, s config.Source, files map[string]string, as string, log *slog.Logger) error {
	src, err := transport.Open(s.Spec, uploaded{s.Config, files}, transport.Options{}, log)
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
