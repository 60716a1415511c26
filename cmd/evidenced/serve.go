package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/daemon"
)

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Collect on schedule, until stopped",
		Long: `Collects every source on its schedule, writes down what it missed, and tells how it
is over HTTP (/healthz, /readyz, /metrics, /status). While it runs, the other
commands talk to it over a socket beside the store.

SIGHUP reads the configuration anew, and so does a change of it or of a file that
it names; a bad one is refused and the old one goes on. SIGTERM ends what is being
read, or writes down that it was stopped.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), o) },
	}
	c.Flags().StringVar(&o.listen, "listen", "", "`address` of the HTTP pages, or off; default serve.listen of the configuration")
	c.Flags().BoolVar(&o.anywhere, "anywhere", false, "allow an address that other hosts reach")
	c.Flags().BoolVar(&o.profile, "pprof", false, "serve /debug/pprof/ as well; on a loopback address only")
	c.Flags().BoolVar(&o.verbose, "verbose", false, "log every request")
	return c
}

type serveOptions struct {
	listen                     string
	anywhere, profile, verbose bool
}

// serve runs the daemon until ctx ends.
func (a *app) serve(ctx context.Context, o serveOptions) error {
	if o.profile && o.anywhere {
		return api.Errorf(api.Usage, "--pprof is for a loopback address: not with --anywhere")
	}
	return daemon.Run(ctx, daemon.Options{Path: a.config, Listen: o.listen, Anywhere: o.anywhere, Profile: o.profile, Now: a.now, Log: a.serviceLog(o.verbose), Say: a.say, Getenv: os.Getenv})
}

// serviceLog writes lines for a person at a terminal, and JSON for anybody else.
func (a *app) serviceLog(verbose bool) *slog.Logger {
	opt := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		opt.Level = slog.LevelDebug
	}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(a.stderr, opt))
	}
	return slog.New(slog.NewJSONHandler(a.stderr, opt))
}
