package transport

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

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// shell makes a program and the source that asks it.
func shell(t *testing.T, script string, opt Options) (*Source, func(args ...string) []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := testSpec
	spec.Environment = []string{"PATH=/usr/bin:/bin", "ONLY=this"}
	spec.Complaints = []string{"oops", "no such thing"}
	cfg := &testConfig{Token: testToken}
	s := &Source{Spec: spec, Config: cfg}
	var err error
	if s.gateway, err = newGateway(spec, cfg, opt, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	s.gateway.programs.calls = []declaredProgram{{"RUN program {a}", []string{path, "{a}"}}, {"RUN program fixed", []string{path, "--fixed", "--at={a}"}}}
	return s, func(args ...string) []string { return append([]string{path}, args...) }
}

// ask runs a program as a collector does.
func ask(s *Source, ctx context.Context, args []string) (collectors.Reply, []evidence.Exchange, error) {
	rec := &recorder{}
	r, err := s.gateway.run(withRecorder(ctx, rec), args...)
	return r, rec.exchanges(), err
}

func TestProgramAnswers(t *testing.T) {
	s, program := shell(t, `echo "$1 $ONLY $HOME $(pwd) https://user:pw@host/a?token=x&page=2 `+"'"+`$(cat)"; echo oops `+"https://me@host/"+` >&2; exit 3`, Options{})
	r, xs, err := ask(s, t.Context(), program("hello"))
	if err != nil || r.Exit != 3 || len(xs) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	want := "hello this  / https://[redacted]@host/a?token=[redacted]&page=2 '\n"
	x := xs[0]
	if r.Out != want || x.Body != want || r.Err != "oops" || x.Error != r.Err || *x.Exit != 3 || x.Status != 0 || !x.Answered() {
		t.Errorf("reply %+v\nout %s\nexchange %+v", r, r.Out, x)
	}
	if !slices.Equal(x.Redacted, []string{credential}) || x.Method != "RUN" || !strings.HasPrefix(x.URL, "exec:") || !strings.HasSuffix(x.Request, `"hello"]`) {
		t.Errorf("exchange %+v", x)
	}
	played, _, err := ask(func() *Source { s, _ := shell(t, "", Replay(xs)); s.gateway.programs = programsOf(program); return s }(), t.Context(), program("hello"))
	if err != nil || played.Exit != 3 || played.Out != want || played.Err != r.Err {
		t.Errorf("played back: %+v, %v", played, err)
	}
}

func programsOf(program func(...string) []string) programs {
	return programs{calls: []declaredProgram{{"RUN program {a}", program("{a}")}}}
}

// TestProgramSecrets: known secrets and declared fields go before anyone sees them.
func TestProgramSecrets(t *testing.T) {
	s, program := shell(t, `echo '{"password":"p","said":"`+strings.ReplaceAll(testToken, `"`, `\"`)+`"}'`, Options{})
	r, xs, err := ask(s, t.Context(), program("x"))
	if want := `{"password":"[redacted]","said":"[redacted]"}` + "\n"; err != nil || r.Out != want || xs[0].Body != want {
		t.Errorf("%s, %v", r.Out, err)
	}
	// A text that only quotes a document has no fields: what seems a value may have no end.
	s, program = shell(t, `echo 'see "password": {'; echo more`, Options{})
	if r, _, _ := ask(s, t.Context(), program("x")); r.Out != "see \"password\": {\nmore\n" {
		t.Errorf("%s", r.Out)
	}
	s, program = shell(t, `printf '\377\376'`, Options{})
	if _, xs, _ := ask(s, t.Context(), program("x")); string(xs[0].Binary) != "\377\376" || xs[0].Body != "" {
		t.Errorf("%+v", xs[0])
	}
}

func TestProgramRefused(t *testing.T) {
	s, program := shell(t, `echo ran`, Options{})
	for _, args := range [][]string{{"sh", "-c", "x"}, program(), program("a", "b"), program("--option"), program(""), program("a\x00b"), program("--fixed", "--at="), program("--fixed", "--to=x")} {
		if _, xs, err := ask(s, t.Context(), args); !errors.Is(err, collectors.ErrForbidden) || len(xs) != 0 {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := s.gateway.run(t.Context(), program("a")...); !errors.Is(err, collectors.ErrForbidden) {
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
		opt    Options
		want   error
	}{
		"too long":    {`while :; do echo yes; done`, Options{MaxBody: 1000}, collectors.ErrIncomplete},
		"too slow":    {`exec tail -f /dev/null`, Options{AttemptTimeout: 50 * time.Millisecond}, collectors.ErrUnreachable},
		"killed":      {`kill -9 $$`, Options{}, collectors.ErrUnreachable},
		"complaining": {`while :; do echo yes >&2; done`, Options{AttemptTimeout: 50 * time.Millisecond}, collectors.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			s, program := shell(t, tt.script, tt.opt)
			_, xs, err := ask(s, t.Context(), program("x"))
			if !errors.Is(err, tt.want) || len(xs) != 1 || xs[0].Exit != nil || xs[0].Answered() || xs[0].Error == "" {
				t.Fatalf("%v, %+v", err, xs)
			}
			again, _ := shell(t, "", Replay(xs))
			again.gateway.programs = programsOf(program)
			if _, _, err := ask(again, t.Context(), program("x")); !errors.Is(err, tt.want) {
				t.Errorf("played back: %v", err)
			}
		})
	}
	s, _ := shell(t, "", Options{})
	s.gateway.programs.calls = []declaredProgram{{"RUN nothing", []string{"no-such-program-anywhere"}}}
	if _, _, err := ask(s, t.Context(), []string{"no-such-program-anywhere"}); !errors.Is(err, collectors.ErrUnreachable) {
		t.Errorf("a program that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, program := shell(t, "", Options{})
	if _, _, err := ask(s, ctx, program("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
