package main

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/evidenced/evidenced/simulator"
	"github.com/evidenced/evidenced/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"evidenced": main})
}

// TestScripts runs the command line as a person would. $SIM is the address of
// a simulated company that began on $START, 40 days before $TODAY, and has its
// clock stopped at the test's start; each script has one for itself.
func TestScripts(t *testing.T) {
	commands := storeCommands()
	maps.Copy(commands, serveCommands())
	maps.Copy(commands, periodCommands())
	maps.Copy(commands, map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "flip": flip, "hold": hold})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                commands,
		Setup:               simulate,
	})
}

func simulate(env *testscript.Env) error {
	now := time.Now().UTC()
	start := now.Truncate(24*time.Hour).AddDate(0, 0, -40)
	c := simulator.New(simulator.Options{Seed: 5, Start: start, Days: 60, Plant: true})
	c.SetNow(now)
	server := httptest.NewServer(c.Handler())
	env.Defer(server.Close)
	env.Setenv("SIM", server.URL)
	keys := httptest.NewServer(http.HandlerFunc(keyService))
	env.Defer(keys.Close)
	env.Setenv("KMS", keys.URL)
	env.Setenv("SIM_ORG", c.Organization())
	env.Setenv("SIM_TOKEN", c.Token())
	for k, v := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIASIMULATED", "AWS_SECRET_ACCESS_KEY": "planted-secret-key", "AWS_EC2_METADATA_DISABLED": "true"} {
		env.Setenv(k, v)
	}
	env.Setenv("TODAY", now.Format(time.DateOnly))
	env.Setenv("START", start.Format(time.DateOnly))
	return nil
}

// exits runs a command and demands its exit code: exits CODE program arg...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [arg...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// flip changes one bit in the middle of a file.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

// hold opens a store until the script ends, as another process would.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	key, err := store.ReadKey(ts.MkAbs(args[1]))
	ts.Check(err)
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{Key: key})
	ts.Check(err)
	ts.Defer(func() { _ = s.Close() })
}
