package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// fileConfig is a configuration that names a file.
type fileConfig struct {
	testConfig
	folder string
}

func (c *fileConfig) Files() map[string]string {
	return map[string]string{"a b.csv": filepath.Join(c.folder, "a b.csv")}
}
func (c *fileConfig) RelativeTo(folder string) { c.folder = folder }

// cabinet is a source that reads one file, which is written first.
func cabinet(t *testing.T, text string, opt Options) *Source {
	t.Helper()
	if opt.Sleep == nil {
		opt.Sleep = func(context.Context, time.Duration) error { return nil }
	}
	cfg := &fileConfig{testConfig{Token: testToken}, t.TempDir()}
	if err := os.WriteFile(filepath.Join(cfg.folder, "a b.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := testSpec
	spec.Calls = []collectors.Call{{Name: collectors.FileCall}}
	d, err := newGateway(spec, cfg, opt, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return &Source{Spec: spec, Config: cfg, gateway: d}
}

func (s *Source) filePath() string { return s.Config.(*fileConfig).Files()["a b.csv"] }

// firstLine keeps the first line of a file.
func firstLine(r io.Reader, w io.Writer) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	_, err = w.Write(line)
	return err
}

func fileOf(s *Source, ctx context.Context, f collectors.FileRead) (collectors.FileReply, []evidence.Exchange, error) {
	rec := &recorder{}
	r, err := s.gateway.readFile(withRecorder(ctx, rec), f)
	return r, rec.exchanges(), err
}

// TestFile: what is kept is all that is seen and stored, and the recording gives it again.
func TestFile(t *testing.T) {
	s := cabinet(t, "name "+testToken+"\nsalary 1\n", Options{})
	f := collectors.FileRead{Name: "a b.csv", Shape: []string{"name"}, Keep: firstLine}
	r, xs, err := fileOf(s, t.Context(), f)
	if err != nil || len(xs) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	x := xs[0]
	if r.Text != "name [redacted]" || x.Body != r.Text || x.Method != "FILE" || x.URL != "file:a%20b.csv" || x.Request != `["name"]` || !x.Answered() || !slices.Equal(x.Redacted, []string{credential}) {
		t.Errorf("reply %+v\nexchange %+v", r, x)
	}
	if want := evidence.HashOf([]byte("name " + testToken + "\nsalary 1\n")).String(); r.SHA256 != want || x.Header[headerDigest] != want || r.Size != int64(len(testToken)+15) {
		t.Errorf("%s of %d bytes, want %s", r.SHA256, r.Size, want)
	}
	if got := endpoints(xs); !slices.Equal(got, []string{"file:a%20b.csv"}) {
		t.Errorf("endpoints %v", got)
	}
	again := cabinet(t, "", Replay(xs))
	played, _, err := fileOf(again, t.Context(), f)
	if err != nil || played.Text != r.Text || played.SHA256 != r.SHA256 || played.Size != r.Size || played.Owner != r.Owner || !played.Modified.Equal(r.Modified) {
		t.Errorf("played back: %+v, %v", played, err)
	}
}

func TestFileRefused(t *testing.T) {
	s := cabinet(t, "x", Options{})
	for _, name := range []string{"/etc/passwd", "", "../a b.csv", s.filePath()} {
		if _, xs, err := fileOf(s, t.Context(), collectors.FileRead{Name: name, Keep: firstLine}); !errors.Is(err, collectors.ErrForbidden) || len(xs) != 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.gateway.readFile(t.Context(), collectors.FileRead{Name: "a b.csv", Keep: firstLine}); !errors.Is(err, collectors.ErrForbidden) {
		t.Errorf("outside of a capture: %v", err)
	}
	s.Spec.Calls = nil
	d, err := newGateway(s.Spec, s.Config, Options{}, s.gateway.log)
	if err != nil {
		t.Fatal(err)
	}
	s.gateway = d
	if _, _, err := fileOf(s, t.Context(), collectors.FileRead{Name: "a b.csv", Keep: firstLine}); !errors.Is(err, collectors.ErrForbidden) {
		t.Errorf("without the declared call: %v", err)
	}
}

// TestFileTroubles: a file that cannot be read whole is none, and the recording says so again.
func TestFileTroubles(t *testing.T) {
	keep := func(do func()) func(io.Reader, io.Writer) error {
		return func(r io.Reader, w io.Writer) error {
			if _, err := io.CopyN(w, r, 1); err != nil {
				return err
			}
			do()
			return nil
		}
	}
	write := func(s *Source, text string) {
		if err := os.WriteFile(s.filePath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		prepare func(*Source) func(io.Reader, io.Writer) error
		want    error
	}{
		"missing": {func(s *Source) func(io.Reader, io.Writer) error { _ = os.Remove(s.filePath()); return firstLine }, collectors.ErrUnreachable},
		"folder": {func(s *Source) func(io.Reader, io.Writer) error {
			_ = os.Remove(s.filePath())
			_ = os.Mkdir(s.filePath(), 0o700)
			return firstLine
		}, collectors.ErrIncomplete},
		"too long": {func(s *Source) func(io.Reader, io.Writer) error {
			write(s, strings.Repeat("x", 1001))
			return firstLine
		}, collectors.ErrIncomplete},
		"grows": {func(s *Source) func(io.Reader, io.Writer) error {
			return keep(func() { write(s, "and now it is longer") })
		}, collectors.ErrIncomplete},
		"is replaced": {func(s *Source) func(io.Reader, io.Writer) error {
			return keep(func() {
				if err := errors.Join(os.WriteFile(s.filePath()+".new", []byte("short"), 0o600), os.Rename(s.filePath()+".new", s.filePath())); err != nil {
					t.Fatal(err)
				}
			})
		}, collectors.ErrIncomplete},
		"is touched": {func(s *Source) func(io.Reader, io.Writer) error {
			return keep(func() { _ = os.Chtimes(s.filePath(), time.Unix(1, 0), time.Unix(1, 0)) })
		}, collectors.ErrIncomplete},
		"makes no sense": {func(*Source) func(io.Reader, io.Writer) error {
			return func(io.Reader, io.Writer) error { return collectors.Incomplete("line 7") }
		}, collectors.ErrIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			s := cabinet(t, "short", Options{MaxBody: 1000})
			_, xs, err := fileOf(s, t.Context(), collectors.FileRead{Name: "a b.csv", Keep: tt.prepare(s)})
			if !errors.Is(err, tt.want) || len(xs) != 1 || xs[0].Answered() || xs[0].Error == "" || xs[0].Body != "" {
				t.Fatalf("%v, %+v", err, xs)
			}
			if _, _, err := fileOf(cabinet(t, "", Replay(xs)), t.Context(), collectors.FileRead{Name: "a b.csv", Keep: firstLine}); !errors.Is(err, tt.want) {
				t.Errorf("played back: %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := fileOf(cabinet(t, "x", Options{}), ctx, collectors.FileRead{Name: "a b.csv", Keep: firstLine}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
