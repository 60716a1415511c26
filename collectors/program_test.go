package collectors

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// shell makes a program and the source that asks it.
func shell(t *testing.T, script string, opt DoorOptions) (*Source, func(args ...string) []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := testSpec
	spec.Environment = []string{"PATH=/usr/bin:/bin", "ONLY=this"}
	cfg := &testConfig{Token: testToken}
	s := &Source{Spec: spec, Config: cfg}
	var err error
	if s.door, err = newDoor(spec, cfg, opt, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	s.door.programs.calls = []declaredProgram{{"RUN program {a}", []string{path, "{a}"}}, {"RUN program fixed", []string{path, "--fixed", "--at={a}"}}}
	return s, func(args ...string) []string { return append([]string{path}, args...) }
}

// ask runs a program as a collector does.
func ask(s *Source, ctx context.Context, args []string) (Reply, []evidence.Exchange, error) {
	rec := &recorder{}
	r, err := s.door.run(withRecorder(ctx, rec), args...)
	return r, rec.exchanges(), err
}

func TestProgramAnswers(t *testing.T) {
	s, program := shell(t, `echo "$1 $ONLY $HOME $(pwd) https://user:pw@host/a?token=x&page=2 `+"'"+`$(cat)"; echo oops `+"https://me@host/"+` >&2; exit 3`, DoorOptions{})
	r, xs, err := ask(s, t.Context(), program("hello"))
	if err != nil || r.Exit != 3 || len(xs) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	want := "hello this  / https://[redacted]@host/a?token=[redacted]&page=2 '\n"
	x := xs[0]
	if r.Out != want || x.Body != want || r.Err != "oops https://[redacted]@host/" || x.Error != r.Err || *x.Exit != 3 || x.Status != 0 || !x.Answered() {
		t.Errorf("reply %+v\nout %s\nexchange %+v", r, r.Out, x)
	}
	if !slices.Equal(x.Redacted, []string{credential}) || x.Method != "RUN" || !strings.HasPrefix(x.URL, "exec:") || !strings.HasSuffix(x.Request, `"hello"]`) {
		t.Errorf("exchange %+v", x)
	}
	played, _, err := ask(func() *Source { s, _ := shell(t, "", Replay(xs)); s.door.programs = programsOf(program); return s }(), t.Context(), program("hello"))
	if err != nil || played.Exit != 3 || played.Out != want || played.Err != r.Err {
		t.Errorf("played back: %+v, %v", played, err)
	}
}

func programsOf(program func(...string) []string) programs {
	return programs{calls: []declaredProgram{{"RUN program {a}", program("{a}")}}}
}

// TestProgramSecrets: known secrets and declared fields go before anyone sees them.
func TestProgramSecrets(t *testing.T) {
	s, program := shell(t, `echo '{"password":"p","said":"`+strings.ReplaceAll(testToken, `"`, `\"`)+`"}'`, DoorOptions{})
	r, xs, err := ask(s, t.Context(), program("x"))
	if want := `{"password":"[redacted]","said":"[redacted]"}` + "\n"; err != nil || r.Out != want || xs[0].Body != want {
		t.Errorf("%s, %v", r.Out, err)
	}
	// A text that only quotes a document has no fields: what seems a value may have no end.
	s, program = shell(t, `echo 'see "password": {'; echo more`, DoorOptions{})
	if r, _, _ := ask(s, t.Context(), program("x")); r.Out != "see \"password\": {\nmore\n" {
		t.Errorf("%s", r.Out)
	}
	s, program = shell(t, `printf '\377\376'`, DoorOptions{})
	if _, xs, _ := ask(s, t.Context(), program("x")); string(xs[0].Binary) != "\377\376" || xs[0].Body != "" {
		t.Errorf("%+v", xs[0])
	}
}

func TestProgramRefused(t *testing.T) {
	s, program := shell(t, `echo ran`, DoorOptions{})
	for _, args := range [][]string{{"sh", "-c", "x"}, program(), program("a", "b"), program("--option"), program(""), program("a\x00b"), program("--fixed", "--at="), program("--fixed", "--to=x")} {
		if _, xs, err := ask(s, t.Context(), args); !errors.Is(err, ErrForbidden) || len(xs) != 0 {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := s.door.run(t.Context(), program("a")...); !errors.Is(err, ErrForbidden) {
		t.Errorf("outside of a capture: %v", err)
	}
	if _, _, err := ask(s, t.Context(), program("--fixed", "--at=x")); err != nil {
		t.Error(err)
	}
}

// TestProgramBounds: what a program says, and how long it takes, ends.
func TestProgramBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		opt    DoorOptions
		want   error
	}{
		"too long":    {`while :; do echo yes; done`, DoorOptions{MaxBody: 1000}, ErrIncomplete},
		"too slow":    {`exec tail -f /dev/null`, DoorOptions{AttemptTimeout: 50 * time.Millisecond}, ErrUnreachable},
		"killed":      {`kill -9 $$`, DoorOptions{}, ErrUnreachable},
		"complaining": {`while :; do echo yes >&2; done`, DoorOptions{AttemptTimeout: 50 * time.Millisecond}, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			s, program := shell(t, tt.script, tt.opt)
			_, xs, err := ask(s, t.Context(), program("x"))
			if !errors.Is(err, tt.want) || len(xs) != 1 || xs[0].Exit != nil || xs[0].Answered() || xs[0].Error == "" {
				t.Fatalf("%v, %+v", err, xs)
			}
			again, _ := shell(t, "", Replay(xs))
			again.door.programs = programsOf(program)
			if _, _, err := ask(again, t.Context(), program("x")); !errors.Is(err, tt.want) {
				t.Errorf("played back: %v", err)
			}
		})
	}
	s, _ := shell(t, "", DoorOptions{})
	s.door.programs.calls = []declaredProgram{{"RUN nothing", []string{"no-such-program-anywhere"}}}
	if _, _, err := ask(s, t.Context(), []string{"no-such-program-anywhere"}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a program that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, program := shell(t, "", DoorOptions{})
	if _, _, err := ask(s, ctx, program("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestProgramReads(t *testing.T) {
	for name, read := range map[string]bool{
		"RUN git version": true, "RUN id -u": true, "RUN git --git-dir={repository} rev-list --header {tip}": true,
		"RUN git --git-dir={repository} config --get remote.origin.url": true,
		"RUN git --git-dir={repository} config x y":                     false, "RUN git --git-dir={repository} push {remote}": false,
		"RUN git {verb}": false, "RUN sh -c {script}": false, "RUN git version --x": false, "RUN git --git-dir={repository} rev-list": false,
	} {
		if got := CheckRead(name) == nil; got != read {
			t.Errorf("%s: a read is %v", name, got)
		}
	}
}
