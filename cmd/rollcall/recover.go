package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/view/publish"
)

// lineMax bounds what is read of an answer that was typed.
const lineMax = 256

func (a *app) recoverCommand() *cobra.Command {
	var confirmed string
	c := &cobra.Command{
		Use:   "recover",
		Short: "Decree that the seats which do not answer are dead, so that the cluster goes on without them",
		Long: `Decree that the cluster goes on with the seats that are left, where most are lost for good and no
quorum of them will answer. Where the others live on elsewhere, cut off, both sides may go on
and disagree: make sure that they are down. The name of the cluster has to be typed.`,
		Example: "  rollcall status\n  rollcall recover",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.recover(c.Context(), confirmed)
		},
	}
	c.Flags().StringVar(&confirmed, "confirm", "", "the cluster's `name`, instead of typing it")
	return c
}

func (a *app) recover(ctx context.Context, confirmed string) error {
	ctx, cancel := a.late(ctx) // who types takes time
	defer cancel()
	s, err := a.client().Status(ctx)
	if err != nil {
		return err
	}
	if confirmed == "" {
		a.note("Node %s: %s", s.Node, describeView(s))
		if s.Awaiting != "" {
			a.note("It waits for %s", s.Awaiting)
		}
		fmt.Fprintf(a.stderr, "Seats that do not answer are declared dead. Type the cluster's name to go on: ")
		if confirmed, err = a.line(); err != nil {
			return err
		}
	}
	if confirmed != s.Cluster {
		return fmt.Errorf("%.80q is not the name of this cluster: nothing was done", confirmed)
	}
	if err := a.client().Do(ctx, publish.Order{Verb: publish.Recover}); err != nil {
		return err
	}
	a.note("ordered; rollcall status shows what this node still waits for")
	return nil
}

// line reads what was typed.
func (a *app) line() (string, error) {
	if a.stdin == nil {
		return "", errors.New("nobody to ask: give --confirm and the cluster's name")
	}
	s, err := bufio.NewReader(io.LimitReader(a.stdin, lineMax)).ReadString('\n')
	if err != nil && s == "" {
		return "", fmt.Errorf("nothing was typed: nothing was done (%w)", err)
	}
	return strings.TrimSpace(s), nil
}
