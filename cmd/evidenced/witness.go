package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/anchor/witness"
	"github.com/evidenced/evidenced/api"
)

func (a *app) witnessCommand() *cobra.Command {
	var listen, state, key, name string
	var logs []string
	c := &cobra.Command{
		Use:   "witness --log KEY",
		Short: "Be a witness for logs of others, as an auditor can",
		Long: `Serves the C2SP tlog-witness protocol: signs a checkpoint of a log only if it
continues the one that was signed before, so that the log cannot be rewritten
unseen. Run it on a host of the auditor's, give the organisation the key that it
prints, and keep its folder: what was signed is in it.

TLS is the business of a proxy in front of it.`,
		Example: "  evidenced witness --listen 0.0.0.0:8080 --state /var/lib/witness --name auditor.example --log \"$KEY\"",
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(logs) == 0 {
				return api.Errorf(api.Usage, "witness needs --log KEY, the verifier key of a log (`evidenced key show`); more than one is fine")
			}
			return a.witness(c.Context(), listen, state, key, name, logs)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`address` to listen on")
	c.Flags().StringVar(&state, "state", "witness", "`folder` that keeps what was signed")
	c.Flags().StringVar(&key, "key", "witness.key", "`file` with the signing key; it is made if there is none")
	c.Flags().StringVar(&name, "name", "witness", "`name` of a key that is made")
	c.Flags().StringArrayVar(&logs, "log", nil, "verifier `key` of a log")
	return c
}

// witness serves until ctx ends.
func (a *app) witness(ctx context.Context, listen, state, key, name string, logs []string) error {
	signer, vkey, err := witness.Key(key, name)
	if err != nil {
		return err
	}
	s, err := witness.New(signer, state, logs, nil)
	if err != nil {
		return api.AsUsage(err)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	if err := a.print(map[string]string{"address": l.Addr().String(), "key": vkey}, func(w io.Writer) {
		fmt.Fprintf(w, "listening on http://%s\nkey %s\n", l.Addr(), vkey)
	}); err != nil {
		return errors.Join(err, l.Close())
	}
	srv := &http.Server{Handler: s, ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(end)
	})
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("witness: %w", err)
	}
	return <-stopped
}
