// Command evidenced-verify checks a bundle, offline. Its whole source is this
// file and the packages verify and evidence, which use the standard library
// only, so that an auditor can read all of it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/verify"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run checks one bundle. It gives 0 for a sound one, 1 for one that is not or
// cannot be read, 2 for a mistake on the command line, and 3 for a sound one
// that was made before its period ended.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := flag.NewFlagSet("evidenced-verify", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: evidenced-verify [--json] [--key KEY] BUNDLE.zip")
		f.PrintDefaults()
	}
	asJSON := f.Bool("json", false, "print one JSON document")
	key := f.String("key", "", "the verifier `key` you were given by another way than the bundle")
	if err := f.Parse(args); err != nil || f.NArg() != 1 {
		if err == nil {
			f.Usage()
		}
		return 2
	}
	res, err := verify.File(ctx, f.Arg(0), verify.Options{Key: *key})
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
	return res.ExitCode()
}
