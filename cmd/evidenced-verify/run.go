package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"github.com/evidenced/evidenced/anchor/timestamp"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/verify"
)

// run checks one bundle. It returns 1 for one that is not sound or cannot be
// read, 2 for a mistake on the command line, and 3 for a sound one: this program
// derives no verdicts and pages again, and so never says that all is checked.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("evidenced-verify", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: evidenced-verify [--json] [--key KEY] [--witness KEY] [--timestamp-ca FILE] [--checkpoints FOLDER] BUNDLE.zip")
		f.PrintDefaults()
	}
	asJSON := f.Bool("json", false, "print one JSON document")
	var o verify.Options
	f.StringVar(&o.Key, "key", "", "the verifier `key` you were given by another way than the bundle")
	f.Func("witness", "the `key` of a witness whose cosignatures are to be checked; more than one is fine", func(k string) error {
		o.Witnesses = append(o.Witnesses, k)
		return nil
	})
	ca := f.String("timestamp-ca", "", "PEM `file` of the certificates that timestamps must lead to; without it they are not checked")
	folder := f.String("checkpoints", "", "`folder` of checkpoints that were kept elsewhere; each must be of the log")
	if err := f.Parse(args); err != nil || f.NArg() != 1 {
		if err == nil {
			f.Usage()
		}
		return 2
	}
	var err error
	if o.Timestamp, err = timestamp.FromFile(*ca); err == nil {
		o.Seen, err = verify.SeenIn(*folder)
	}
	if err != nil {
		fmt.Fprintln(stderr, "evidenced-verify:", evidence.Printable(err.Error()))
		return 2
	}
	if err := o.Validate(); err != nil {
		fmt.Fprintln(stderr, "evidenced-verify:", evidence.Printable(err.Error()))
		return 2
	}
	res, err := verify.File(ctx, f.Arg(0), o)
	if err != nil {
		fmt.Fprintln(stderr, "evidenced-verify:", evidence.Printable(err.Error()))
		return 1
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(res)
	} else {
		err = res.WriteText(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "evidenced-verify:", evidence.Printable(err.Error()))
		return 1
	}
	return exitCode(res)
}

// exitCode is 3 for a sound bundle, of which verdicts, tables and pages were not derived.
func exitCode(res verify.Result) int {
	if code := res.ExitCode(); code != 0 {
		return code
	}
	return 3
}
