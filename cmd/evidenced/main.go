package main

//go:generate go test -run TestGenerated -update .

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	limitMemory(os.DirFS("/"), os.Getenv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
