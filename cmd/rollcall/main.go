// Command rollcall shows what a node's daemon knows of its cluster, and gives it orders.
// Nouns read, verbs change. What was asked for goes to standard output, everything else to
// standard error.
//
// Exit codes: 0 ok, 1 error, 2 no valid view, 3 daemon unreachable, 4 timeout.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := environment{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	os.Exit(run(ctx, env, os.Args[1:]))
}
