package main

import (
	"github.com/spf13/cobra"

	"rollcall/cmd/internal/key"
)

func (a *app) keygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make the secret key of a new cluster",
		Long: `Draw a new key and write it to a file that only its owner can read. Every node of a
cluster needs the same file. A file that exists is never overwritten.`,
		Example:           "  rollcall keygen /etc/rollcall/cluster.key",
		Args:              exactly(1),
		ValidArgsFunction: inTurn(files),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := key.Create(args[0]); err != nil {
				return err
			}
			a.note("wrote %s, mode 0400; copy it to every node of the cluster, and nowhere else", args[0])
			return nil
		},
	}
}
