package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/version"
	"rollcall/view/publish"
)

// environment is what a run may touch of the process around it.
type environment struct {
	stdin          io.Reader // nil: there is none
	stdout, stderr io.Writer
	getenv         func(string) string
}

// app is one run: its environment and the flags that all commands share.
type app struct {
	environment
	socket   string
	output   string
	noHeader bool
	timeout  time.Duration
}

// answerTime is how long a daemon may take to answer unless --timeout says otherwise.
const answerTime = 5 * time.Second

// run carries out one command line and returns the exit code.
func run(ctx context.Context, env environment, args []string) int {
	a := &app{environment: env}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(env.stderr, "rollcall: %v\n", err)
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "Show who is in the cluster, and change it",
		Long: `Rollcall shows what this node's daemon knows of its cluster, and gives it orders.

Exit codes: 0 ok, 1 error, 2 no valid view, 3 daemon unreachable, 4 timeout.`,
		Example:           "  rollcall view\n  rollcall view -o nodeset -s alive\n  rollcall wait cn[001-064] alive -t 30s",
		SilenceUsage:      true,
		SilenceErrors:     true,
		Version:           version.String(),
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              exactly(0),
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.check() },
	}
	flags := root.PersistentFlags()
	socket := a.getenv("ROLLCALL_SOCKET")
	if socket == "" {
		socket = publish.DefaultSocket
	}
	flags.StringVar(&a.socket, "socket", socket, "the daemon's `path`; env ROLLCALL_SOCKET")
	flags.StringVarP(&a.output, "output", "o", outputTable, "`format`: "+strings.Join(outputs, " | "))
	flags.BoolVar(&a.noHeader, "no-header", false, "leave out the header of tables")
	flags.DurationVarP(&a.timeout, "timeout", "t", 0, "longest `time` to take (default 5s; no limit for watch and wait)")
	completes(root, "output", oneOf(outputs...))
	completes(root, "socket", files)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"read", "Commands that read:", []*cobra.Command{
			a.viewCommand(), a.watchCommand(), a.statusCommand(), a.nodeCommand(), a.groupCommand(), a.treeCommand(),
			a.diffCommand(), a.verifyCommand(), a.eventsCommand(), a.statsCommand(), a.waitCommand(),
		}},
		{"change", "Commands that change the cluster:", []*cobra.Command{
			a.leaveCommand(), a.joinCommand(), a.readmitCommand(), a.shutdownCommand(), a.foundCommand(), a.recoverCommand(),
		}},
		{"set up", "Commands that set a node up:", []*cobra.Command{
			a.configCommand(), a.keygenCommand(), a.keyCommand(), a.doctorCommand(), a.detachCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.AddCommand(a.versionCommand(), a.completionCommand())
	return root
}

// client asks the daemon.
func (a *app) client() *publish.Client { return publish.NewClient(a.socket) }

// soon bounds a command that has one answer.
func (a *app) soon(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.timeout > 0 {
		return context.WithTimeout(ctx, a.timeout)
	}
	return context.WithTimeout(ctx, answerTime)
}

// late bounds a command that goes on by itself, if it was asked to be bounded.
func (a *app) late(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.timeout > 0 {
		return context.WithTimeout(ctx, a.timeout)
	}
	return context.WithCancel(ctx)
}

// note tells the user something that is not data.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}
