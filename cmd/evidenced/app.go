package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
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

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// app is what the commands share.
type app struct {
	stdout, stderr io.Writer
	config         string
	json           bool
	asOf           timeFlag
	now            func() time.Time
	args           []string // the command line
	host           *host    // set where the command is run in the daemon
	collects       bool     // it needs the credentials of the sources
}

// run runs one command line and gives its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr, now: time.Now, args: args}
	root := a.root()
	root.SetArgs(args)
	var text bytes.Buffer // help, version, completion: what is no result
	root.SetOut(&text)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if a.json && err == nil && text.Len() > 0 {
		err = usageError{errors.New("--json needs a command that has a result; see `evidenced --help`")}
	}
	if err == nil {
		_, err = text.WriteTo(stdout)
	}
	return a.finish(err)
}

// mistakes gives an error fit for a terminal: it may quote what a source said.
// Its lines stay apart; those after the first are set in, so that none passes
// for a message of its own.
func mistakes(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		lines[i] = evidence.Printable(l)
	}
	return strings.Join(lines, "\n  ")
}

func exitCode(err error) int {
	var told exitCodeError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &told):
		return int(told)
	case errors.Is(err, errIncomplete):
		return exitIncomplete
	case errors.As(err, new(usageError)), errors.As(err, new(*config.Error)):
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
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usage(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
	})
	root.PersistentFlags().StringVar(&a.config, "config", defaultConfig, "configuration `file`")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON document on standard output, and nothing else there")
	root.AddCommand(a.initCommand(), a.doctorCommand(), a.permissionsCommand(), a.collectCommand(), a.uploadCommand(), a.serveCommand(), a.statusCommand(),
		a.gapsCommand(), a.evidenceCommand(), a.reviewCommand(), a.readinessCommand(), a.sampleCommand(), a.corroborateCommand(), a.exportCommand(), a.verifyCommand(), a.bridgeCommand(), a.catalogueCommand(), a.storeCommand(), a.keyCommand(), a.witnessCommand(), a.demoCommand())
	return root
}

// usage makes the mistakes that check finds usage errors.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: usage(cobra.NoArgs), RunE: func(c *cobra.Command, _ []string) error {
		return usageError{fmt.Errorf("%s needs a subcommand; see `%s --help`", c.Name(), c.CommandPath())}
	}}
	c.AddCommand(subs...)
	return c
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

// released is the version of a release; the linker sets it.
var released string

// version is the released version, or the commit that was built.
func version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
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

// at is the time that the command speaks of.
func (a *app) at() time.Time {
	if !a.asOf.IsZero() {
		return a.asOf.Time
	}
	return a.now().UTC()
}
