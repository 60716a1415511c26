package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/evidenced/evidenced/serve"
	"github.com/evidenced/evidenced/store"
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

func (o serveOptions) check() error {
	if o.profile && o.anywhere {
		return usageError{errors.New("--pprof is for a loopback address: not with --anywhere")}
	}
	return nil
}

// serve runs the daemon until ctx ends.
func (a *app) serve(ctx context.Context, o serveOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	a.collects = true
	c, err := a.load()
	if err != nil {
		return err
	}
	if o.listen != "" {
		c.Serve.Listen = o.listen
	}
	d := &daemon{path: a.config, options: o, now: a.now, log: a.serviceLog(o), manager: serve.Notified(os.Getenv),
		metrics: serve.NewMetrics(version()), opened: make(chan struct{}), news: make(chan struct{}, 1), begun: a.now().UTC(), troubles: map[string]string{}, hungUp: make(chan os.Signal, 1)}
	signal.Notify(d.hungUp, syscall.SIGHUP)
	s, key, err := a.signing(c, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d.store, d.key = s, key
	local, public, err := d.listen(c.Serve.Socket, c.Serve.Listen, c.Serve.Hosts)
	if err != nil {
		return err
	}
	stop := d.answer(local, public)
	defer stop()
	return d.live(ctx, c)
}

// serviceLog writes lines for a person at a terminal, and JSON for anybody else.
func (a *app) serviceLog(o serveOptions) *slog.Logger {
	opt := &slog.HandlerOptions{Level: slog.LevelInfo}
	if o.verbose {
		opt.Level = slog.LevelDebug
	}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(a.stderr, opt))
	}
	return slog.New(slog.NewJSONHandler(a.stderr, opt))
}

// server is one that listens; its server is nil where nobody is listened to.
type server struct {
	*http.Server
	at net.Listener
}

// listen takes the socket and the address.
func (d *daemon) listen(socket, address string, hosts []string) (local, public server, err error) {
	if local.at, err = serve.Listen(socket); err != nil {
		return local, public, err
	}
	local.Server = serve.Server((&serve.Local{Run: d.run, Reload: d.reload, Health: d.health}).Handler())
	if address == "off" {
		return local, public, nil
	}
	if public.at, err = serve.ListenPublic(address, d.options.anywhere); err != nil {
		return local, public, errors.Join(usageError{err}, local.at.Close())
	}
	public.Server = serve.Server((&serve.Public{Health: d.health, Status: d.status, Metrics: d.metrics.Handler(d.gauge), Hosts: hosts, Profile: d.options.profile}).Handler())
	d.log.Info("listening", "socket", socket, "http", public.at.Addr().String())
	return local, public, nil
}

// answer serves both; the function that it returns ends that.
func (d *daemon) answer(servers ...server) (stop func()) {
	for _, s := range servers {
		if s.Server == nil {
			continue
		}
		go func() {
			if err := s.Serve(s.at); !errors.Is(err, http.ErrServerClosed) {
				d.log.Error("no longer listening", "address", s.at.Addr().String(), "error", err.Error())
			}
		}()
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, s := range servers {
			if s.Server != nil && s.Shutdown(ctx) != nil {
				_ = s.Server.Close() // who still asks is not answered any more
			}
		}
	}
}

// status answers with the document of `evidenced status --json`.
func (d *daemon) status(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	said := &capped{}
	if exit := d.run(r.Context(), serve.Call{Args: []string{"--json", "status"}, Stdout: w, Stderr: said, Progress: func(serve.Progress) {}}); exit != exitOK {
		w.WriteHeader(http.StatusServiceUnavailable)
		d.log.Warn("status", "error", said.String())
	}
}

// capped keeps the beginning of what is written to it.
type capped struct{ text []byte }

func (c *capped) Write(b []byte) (int, error) {
	if room := 4096 - len(c.text); room > 0 {
		c.text = append(c.text, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

func (c *capped) String() string { return string(c.text) }
