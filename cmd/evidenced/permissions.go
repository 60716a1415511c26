package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors"
)

func (a *app) permissionsCommand() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use:   "permissions SOURCE",
		Short: "Print the least-privilege policy that a source needs, from its declared calls",
		Example: "  evidenced permissions aws > policy.json\n" +
			"  evidenced permissions aws --as terraform > evidenced.tf\n" +
			"  evidenced permissions github",
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return a.permissions(args[0], as) },
	}
	c.Flags().StringVar(&as, "as", "", "print what puts it into place: terraform, cloudformation")
	return c
}

func (a *app) permissions(name, as string) error {
	specs, err := a.specs()
	if err != nil {
		return err
	}
	spec, err := specOf(name, specs)
	if err != nil {
		return err
	}
	render := spec.Policy
	if as != "" {
		known := slices.Sorted(maps.Keys(spec.Templates))
		if render = spec.Templates[as]; render == nil {
			return usageError{fmt.Errorf("%s has no form %q; known are: %s", name, as, orDash(strings.Join(known, ", ")))}
		}
	}
	policy, err := render(spec.Calls)
	if err != nil {
		return fmt.Errorf("permissions of %s: %w", name, err)
	}
	_, err = fmt.Fprintln(a.stdout, strings.TrimSpace(string(policy)))
	return err
}

func specOf(name string, specs []collectors.Spec) (collectors.Spec, error) {
	var names []string
	for _, s := range specs {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return collectors.Spec{}, usageError{fmt.Errorf("unknown source %q; known are %s", name, strings.Join(names, ", "))}
}
