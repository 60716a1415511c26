package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/ops/custody"
	"github.com/evidenced/evidenced/serve"
)

// Exit codes, as the command line promises them.
const (
	exitOK         = 0
	exitError      = 1
	exitUsage      = 2
	exitIncomplete = 3
)

// defaultConfig is the configuration where none is named.
const defaultConfig = "evidenced.yaml"

// errIncomplete ends a command that did its work, but has something open or
// missing to report; it has been printed already.
var errIncomplete = errors.New("done, but incomplete or with open gaps")

// app is what the commands share.
type app struct {
	stdout, stderr io.Writer
	config         string
	json           bool
	asOf           timeFlag
	now            func() time.Time
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return (&app{stdout: stdout, stderr: stderr, now: time.Now}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	var text bytes.Buffer // help, version, completion: what is no result
	root.SetOut(&text)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if a.json && err == nil && text.Len() > 0 {
		err = api.Errorf(api.Usage, "--json needs a command that has a result; see `evidenced --help`")
	}
	if err == nil {
		_, err = text.WriteTo(a.stdout)
	}
	if err != nil && !errors.Is(err, errIncomplete) {
		fmt.Fprintln(a.stderr, "evidenced:", printableError(err))
	}
	return exitCode(err)
}

// printableError returns an error fit for a terminal: it may quote what a source
// said. Its lines stay apart; those after the first are set in, so that none
// passes for a message of its own.
func printableError(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		lines[i] = evidence.Printable(l)
	}
	return strings.Join(lines, "\n  ")
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	case api.CodeOf(err) == api.Usage:
		return exitUsage
	}
	return exitError
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "evidenced",
		Short: "Collects SOC 2 evidence, finds gaps over the period, hands the auditor a bundle",
		Long: `evidenced collects SOC 2 evidence from cloud, identity and code-hosting APIs,
finds gaps over the observation period, and hands the auditor a bundle that can
be verified offline.

Exit codes: 0 ok, 1 error, 2 usage or configuration, 3 done but incomplete or with open gaps.`,
		Version:       ops.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return api.Errorf(api.Usage, "%w; see `%s --help`", err, c.CommandPath())
	})
	root.PersistentFlags().StringVar(&a.config, "config", defaultConfig, "configuration `file`")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON document on standard output, and nothing else there")
	root.AddCommand(a.initCommand(), a.doctorCommand(), a.permissionsCommand(), a.collectCommand(), a.uploadCommand(), a.serveCommand(), a.statusCommand(),
		a.gapsCommand(), a.changesCommand(), a.evidenceCommand(), a.reviewCommand(), a.readinessCommand(), a.sampleCommand(), a.corroborateCommand(), a.exportCommand(), a.verifyCommand(), a.bridgeCommand(), a.catalogueCommand(), a.storeCommand(), a.keyCommand(), a.witnessCommand(), a.demoCommand())
	return root
}

// usage makes the mistakes that check finds usage errors.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return api.Errorf(api.Usage, "%w; see `%s --help`", err, c.CommandPath())
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: usage(cobra.NoArgs), RunE: func(c *cobra.Command, _ []string) error {
		return api.Errorf(api.Usage, "%s needs a subcommand; see `%s --help`", c.Name(), c.CommandPath())
	}}
	c.AddCommand(subs...)
	return c
}

// service returns the operations: those of the daemon that holds the store of
// the configuration, if one does, and otherwise those of this process.
func (a *app) service(ctx context.Context) (ops.Service, error) {
	if c, err := ops.Load(a.config, false); err == nil { // one that cannot be read is for the operation to tell
		path, err := filepath.Abs(c.Path)
		if err != nil {
			return nil, err
		}
		daemon, err := serve.Dial(ctx, c.Serve.Socket, c.Store.Path, path)
		if daemon != nil || err != nil {
			return daemon, err
		}
	}
	return ops.On(&ops.Process{Path: a.config, Now: a.now, Say: a.say, Log: a.logger()}, a.now), nil
}

// keeper returns what takes care of the store of the configuration.
func (a *app) keeper(progress api.ProgressFunc) (*custody.Keeper, error) {
	c, err := ops.Load(a.config, false)
	if err != nil {
		return nil, err
	}
	return &custody.Keeper{Config: c, Now: a.now, Say: a.say, Busy: a.busy, Progress: progress}, nil
}

// actor is the user of the operating system who runs the command.
func (a *app) actor() api.Write {
	name := "uid " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return api.Write{Actor: api.Actor{User: name, Established: evidence.ByOperatingSystem}}
}

// say tells a person something beside the result.
func (a *app) say(text string) { fmt.Fprintln(a.stderr, "evidenced:", evidence.Printable(text)) }

// logger writes warnings for a person to standard error.
func (a *app) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// print writes v as the one JSON document, or calls text for a person.
func (a *app) print(v any, text func(w io.Writer)) error {
	if !a.json {
		text(a.stdout)
		return nil
	}
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}

// newFile writes a file that is not there yet; one that could not be written
// completely is taken away again.
func newFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return api.Errorf(api.Usage, "%s is there already: name a new file", name)
	}
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// requireFlags demands flags that a command cannot do without: name, value, name, value.
func requireFlags(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			return api.Errorf(api.Usage, "--%s is missing", pairs[i])
		}
	}
	return nil
}

// timeFlag is a flag that takes a date or an RFC 3339 time.
type timeFlag struct{ time.Time }

func (f *timeFlag) String() string {
	if f.IsZero() {
		return ""
	}
	return f.Format(time.RFC3339)
}

func (f *timeFlag) Type() string { return "time" }

func (f *timeFlag) Set(s string) (err error) {
	if f.Time, err = time.Parse(time.RFC3339, s); err != nil {
		f.Time, err = time.Parse(time.DateOnly, s)
	}
	if f.Time = f.UTC(); err == nil && f.Year() >= 1970 {
		return nil
	}
	return fmt.Errorf("want a date such as 2026-07-01, or a time such as 2026-07-01T06:00:00Z")
}

// asOfFlag adds --as-of to c.
func (a *app) asOfFlag(c *cobra.Command) *cobra.Command {
	c.Flags().Var(&a.asOf, "as-of", "judge the evidence as it stood at this time; default now")
	return c
}
