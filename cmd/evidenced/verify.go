package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a bundle offline: integrity, order, omission, signatures",
		Args:  usage(cobra.ExactArgs(1)),
		RunE:  func(_ *cobra.Command, args []string) error { return a.verify(args[0], key) },
	}
	c.Flags().StringVar(&key, "key", "", "the verifier `key` you were given by another way than the bundle")
	return c
}

func (a *app) verify(path, key string) error {
	p := a.progress("verifying")
	res, err := verify.File(path, verify.Options{Key: key, Progress: p.set})
	p.end()
	if err != nil {
		return err
	}
	if err := a.print(res, func(w io.Writer) { _ = res.WriteText(w) }); err != nil {
		return err
	}
	switch res.ExitCode() {
	case exitError:
		return errors.New("the bundle is not sound")
	case exitIncomplete:
		return errIncomplete
	}
	return nil
}
