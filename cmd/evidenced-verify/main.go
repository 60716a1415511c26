// Command evidenced-verify checks a bundle, offline. Its whole source is this
// folder and the packages verify and evidence, which use the standard library
// only, so that an auditor can read all of it; and, for timestamps of RFC 3161
// alone, the package anchor/timestamp with a library that parses them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
