// Command rollcall-lab runs a cluster of real daemons in network namespaces on one machine,
// lets nodes fail in every way that hosts do, and shows and measures what the others make
// of it. It needs root, touches nothing outside namespaces of its own, and cleans up.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	root := command(os.Stdout)
	root.SetArgs(os.Args[1:])
	err := root.ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollcall-lab:", err)
		os.Exit(1)
	}
}

// command builds the tree of commands, which write to out.
func command(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "rollcall-lab",
		Short:         "Run a cluster on one machine, break it, and measure it",
		Version:       version.String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			c.SetOut(out)
			if os.Geteuid() != 0 {
				return errors.New("needs root: it makes network namespaces and loads BPF programs")
			}
			return nil
		},
	}
	root.SetOut(out)
	root.AddCommand(upCommand(), downCommand(), statusCommand(), switchesCommand(), runCommand(), benchCommand(), hogCommand(), floodCommand(), tortureCommand(), ladderCommand())
	root.AddCommand(faultCommands()...)
	return root
}
