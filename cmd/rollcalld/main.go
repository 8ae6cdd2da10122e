// Rollcalld is the agent of a node: it attaches the kernel's part, decides with its peers
// who is in the group, and publishes the view.
//
// It exits with 0 after SIGTERM or SIGINT, with 2 when its configuration or command line is
// wrong, and with 1 when something else failed. However it ends, what it attached stays
// and answers for the node; leaving the cluster is an order of its own (rollcall leave),
// and removing what was attached is `rollcall detach`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/version"
)

// The exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "rollcalld: %v\n", err)
		var failed failure
		if errors.As(err, &failed) {
			os.Exit(exitFailed)
		}
		os.Exit(exitUsage)
	}
}

// failure is an error of a daemon whose configuration is right.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func command() *cobra.Command {
	var path string
	var check bool
	c := &cobra.Command{
		Use:   "rollcalld",
		Short: "The agent of a node: serves frames, decides the group's view, publishes it",
		Long: `The agent of a node: has the kernel answer the cluster's frames, decides with its peers who is
in the view, and publishes that. It runs until SIGTERM or SIGINT; the kernel goes on answering
for the node. SIGHUP has it read the key file again.

Exit codes: 0 stopped in order, 1 failed, 2 configuration or command line is wrong.`,
		Example:       "  rollcalld --check\n  rollcalld --config ./rollcall.toml --node cn001",
		Version:       version.String(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.SetVersionTemplate("rollcalld {{.Version}}\n")
	c.Flags().SortFlags = false
	c.Flags().StringVar(&path, "config", config.DefaultPath, "configuration `file`; every key of it but [[group]] is a flag too")
	c.Flags().BoolVar(&check, "check", false, "check the configuration, say what would run, and end")
	values := map[string]*string{}
	for _, k := range config.Keys {
		values[k.Name] = c.Flags().String(flagName(k.Name), k.Default(), k.Usage)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		set := map[string]string{}
		for key, value := range values {
			if c.Flags().Changed(flagName(key)) {
				set[key] = *value
			}
		}
		cfg, err := config.Load(path, set)
		if err != nil {
			return err
		}
		if check {
			p, err := prepare(cfg)
			if err != nil {
				return failure{err}
			}
			fmt.Fprintln(c.OutOrStdout(), p)
			return nil
		}
		log, flush := newLog(os.Stderr, cfg.LogLevel, cfg.Node)
		defer flush.Close()
		p, err := prepareWhenThere(c.Context(), cfg, log)
		if c.Context().Err() != nil { // it was stopped before there was anything to stop
			return nil
		}
		if err != nil {
			return failure{err}
		}
		if err := run(c.Context(), p, log); err != nil {
			return failure{err}
		}
		return nil
	}
	return c
}

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// String says what would run.
func (p *plan) String() string {
	c := p.cfg
	var b strings.Builder
	fmt.Fprintf(&b, "%s: good\n%v\n", c.File, c)
	var at []string
	for _, own := range p.control.Self.Rails {
		at = append(at, own.UDP.String())
	}
	fmt.Fprintf(&b, "frames at %s, agents at %s, API at %s\n", strings.Join(at, ", "), p.control.Self.RPC, c.Socket)
	if c.Founder() {
		fmt.Fprintf(&b, "founder: record of instance %d in %s\n", p.control.Record.Instance, c.StateDir)
	}
	fmt.Fprintf(&b, "founders %v, asks first %v", c.Founders, c.Contacts)
	return b.String()
}
