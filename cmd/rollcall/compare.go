package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff FROM TO",
		Short: "Show what changed between two epochs",
		Long: `Show who joined, who was removed and who restarted between two epochs of this instance. A node
keeps the last 64 views that it installed. -o nodeset lists all nodes concerned.`,
		Example: "  rollcall diff 40 44",
		Args:    exactly(2),
		RunE: func(c *cobra.Command, args []string) error {
			var epochs [2]uint64
			for i, arg := range args {
				n, err := strconv.ParseUint(arg, 10, 64)
				if err != nil || n == 0 {
					return fmt.Errorf("epoch %q: give a number from 1; rollcall view shows the newest", arg)
				}
				epochs[i] = n
			}
			ctx, cancel := a.soon(c.Context())
			defer cancel()
			d, err := a.client().Diff(ctx, epochs[0], epochs[1])
			if err != nil {
				return err
			}
			return a.diff(d)
		},
	}
}

func (a *app) diff(d *publish.DiffDocument) error {
	switch a.output {
	case outputJSON:
		return a.json(d)
	case outputNodeset:
		all := append(append(append([]string(nil), d.Joined...), d.Removed...), d.Restarted...)
		_, err := fmt.Fprintln(a.stdout, hostlist.Fold(all))
		return err
	}
	var rows [][]string
	for _, change := range []struct {
		what  string
		names []string
	}{{"joined", d.Joined}, {"removed", d.Removed}, {"restarted", d.Restarted}} {
		if len(change.names) > 0 {
			rows = append(rows, []string{change.what, strconv.Itoa(len(change.names)), hostlist.Fold(change.names)})
		}
	}
	if len(rows) == 0 {
		a.note("epochs %d and %d have the same members", d.From, d.To)
		return nil
	}
	return a.rows([]string{"CHANGE", "NNODES", "NODELIST"}, rows)
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Ask all daemons which view they hold, and compare",
		Long: `Ask the daemons of all nodes in the view which view they hold, along the tree of groups. Nodes may
be an epoch apart for a moment; no two may hold different content for the same epoch: then the
exit code is 1. Nodes whose daemon does not answer are listed; their kernels may answer all the
same. A group whose leader's daemon is silent is asked through members that have seats, or that
can be called by their names.`,
		Example: "  rollcall verify\n  rollcall verify -o json | jq .agree",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := a.soon(c.Context())
			defer cancel()
			d, err := a.client().Verify(ctx)
			if err != nil {
				return err
			}
			if err := a.verdicts(d); err != nil {
				return err
			}
			if d.Asked > 1 && d.Asked-len(d.Silent) <= 1 {
				return errors.New("no other node's daemon answered: nothing was compared")
			}
			if !d.Agree {
				return fmt.Errorf("nodes hold different content for the same epoch: this must not be; keep their logs and report it")
			}
			return nil
		},
	}
}

func (a *app) verdicts(d *publish.VerifyDocument) error {
	switch a.output {
	case outputJSON:
		return a.json(d)
	case outputNodeset:
		_, err := fmt.Fprintln(a.stdout, hostlist.Fold(d.Silent))
		return err
	}
	var rows [][]string
	for _, v := range d.Views {
		valid := "valid"
		if !v.Valid {
			valid = "not valid"
		}
		rows = append(rows, []string{
			strconv.Itoa(int(v.Instance)), strconv.FormatUint(v.Epoch, 10), v.Hash, valid, strconv.Itoa(len(v.Nodes)), hostlist.Fold(v.Nodes),
		})
	}
	if len(d.Silent) > 0 {
		rows = append(rows, []string{"-", "-", "-", "silent", strconv.Itoa(len(d.Silent)), hostlist.Fold(d.Silent)})
	}
	return a.rows([]string{"INSTANCE", "EPOCH", "HASH", "LEASE", "NNODES", "NODELIST"}, rows)
}
