package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:                   "completion bash|zsh|fish",
		Short:                 "Write the completion script of a shell",
		Long:                  "Write a script that completes rollcall's commands and flags in the named shell.",
		Example:               "  rollcall completion bash > /etc/bash_completion.d/rollcall",
		Args:                  exactly(1),
		ValidArgsFunction:     inTurn(oneOf("bash", "zsh", "fish")),
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(a.stdout)
			case "fish":
				return c.Root().GenFishCompletion(a.stdout, true)
			}
			return fmt.Errorf("shell %q: give bash, zsh or fish", args[0])
		},
	}
}
