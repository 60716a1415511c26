package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/serve"
)

// servedMark marks the commands that a running daemon runs for the others: those
// that read or write the store that it holds.
const servedMark = "served"

// served makes c a command that is run in the daemon when one holds the store,
// with the same output and the same exit code.
func (a *app) served(c *cobra.Command) *cobra.Command {
	here := c.RunE
	c.Annotations = map[string]string{servedMark: "yes"}
	c.RunE = func(c *cobra.Command, args []string) error {
		if a.host != nil {
			return here(c, args)
		}
		daemon, conf, err := a.daemon(c.Context())
		if err != nil {
			return err
		}
		if daemon == nil {
			return here(c, args)
		}
		return a.ask(c.Context(), daemon, conf)
	}
	return c
}

// daemon finds the one that holds the store of the configuration; nil if there
// is none. A configuration that cannot be read is the command's own to tell.
func (a *app) daemon(ctx context.Context) (*serve.Client, *config.Config, error) {
	c, err := a.load()
	if err != nil {
		return nil, nil, nil
	}
	d, err := serve.Dial(ctx, c.Serve.Socket, c.Store.Path)
	return d, c, err
}

// exitCodeError ends the program with a code; what it has to say was said.
type exitCodeError int

func (e exitCodeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// ask runs the command line in the daemon.
func (a *app) ask(ctx context.Context, d *serve.Client, c *config.Config) error {
	folder, err := os.Getwd()
	if err != nil {
		return err
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return err
	}
	bars := map[string]*progress{}
	defer func() {
		for _, p := range bars {
			p.end()
		}
	}()
	exit, err := d.Run(ctx, serve.Call{Args: a.args, Config: path, Folder: folder, Stdout: a.stdout, Stderr: a.stderr, Progress: func(p serve.Progress) {
		if bars[p.Name] == nil {
			bars[p.Name] = a.progress(p.Name)
		}
		bars[p.Name].set(p.Done, p.Total)
	}})
	if err != nil {
		return err
	}
	if exit != exitOK {
		return exitCodeError(exit)
	}
	return nil
}
