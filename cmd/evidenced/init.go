package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

func (a *app) initCommand() *cobra.Command {
	var organization string
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented configuration from what is found here, and make a signing key",
		Args:  usage(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return a.init(organization) },
	}
	c.Flags().StringVar(&organization, "organization", "Acme Inc", "the `name` of the company")
	return c
}

// found is one credential that init saw. Only its place is told, never its value.
type found struct {
	Source string `json:"source"`
	Where  string `json:"where"`
}

// look says which credentials are here, without reading them.
func look(env func(string) string, exists func(string) bool) (out []found) {
	home := env("HOME")
	switch {
	case env("AWS_ACCESS_KEY_ID") != "":
		out = append(out, found{"aws", "AWS_ACCESS_KEY_ID in the environment"})
	case env("AWS_PROFILE") != "":
		out = append(out, found{"aws", "AWS_PROFILE in the environment"})
	case env("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		out = append(out, found{"aws", "AWS_WEB_IDENTITY_TOKEN_FILE in the environment"})
	case exists(filepath.Join(home, ".aws", "config")), exists(filepath.Join(home, ".aws", "credentials")):
		out = append(out, found{"aws", "a profile in ~/.aws"})
	}
	if env("GITHUB_TOKEN") != "" {
		out = append(out, found{"github", "GITHUB_TOKEN in the environment"})
	}
	return out
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func (a *app) init(organization string) error {
	if exists(a.config) {
		return usageError{fmt.Errorf("%s is there already; init does not overwrite it", a.config)}
	}
	got := look(os.Getenv, exists)
	use := func(name string) bool {
		for _, f := range got {
			if f.Source == name {
				return true
			}
		}
		return len(got) == 0 && (name == "aws" || name == "github") // nothing found: two to begin with
	}
	text := config.Example(organization, a.now().UTC(), all.Specs(), use)
	if err := writeNew(a.config, text); err != nil {
		return err
	}
	keyPath := filepath.Join(filepath.Dir(a.config), "evidence.key")
	made, err := makeKey(keyPath, organization)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"config": a.config, "key": keyPath, "key_made": made, "found": got}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s\n", a.config)
		if made {
			fmt.Fprintf(w, "made the signing key %s: keep a copy apart from the store, and tell your auditor its second line\n", keyPath)
		}
		for _, f := range got {
			fmt.Fprintf(w, "found %s: %s\n", f.Source, f.Where)
		}
		fmt.Fprintln(w, "next: edit it, then `evidenced doctor`, then `evidenced collect now`")
	})
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a new file: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a new file: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

func makeKey(path, organization string) (made bool, err error) {
	if exists(path) {
		return false, nil
	}
	k, err := store.NewKey(logName(organization), nil)
	if err != nil {
		return false, err
	}
	return true, k.WriteFile(path)
}
