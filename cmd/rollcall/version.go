package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/version"
	"rollcall/control"
	"rollcall/view/publish"
)

// versions is what `rollcall version -o json` shows.
type versions struct {
	Command publish.VersionDocument  `json:"command"`
	Daemon  *publish.VersionDocument `json:"daemon"` // null: unreachable
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the versions of this command and of the daemon",
		Long:    "Show the versions of this command and of the daemon. It is no error here when the daemon\ncannot be reached.",
		Example: "  rollcall version\n  rollcall version -o json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.noNodeset(c); err != nil {
				return err
			}
			ctx, cancel := a.soon(c.Context())
			defer cancel()
			v := versions{Command: publish.VersionDocument{
				Version: version.String(), Go: runtime.Version(), Schema: publish.Schema,
				Wire: [2]int{control.WireVersion, control.WireVersion},
			}}
			daemon, err := a.client().Version(ctx)
			if err != nil && !errors.Is(err, publish.ErrUnreachable) {
				return err
			}
			v.Daemon = daemon
			if a.output == outputJSON {
				return a.json(v)
			}
			lines := [][2]string{{"rollcall", describeVersion(&v.Command)}, {"rollcalld", "unreachable at " + a.socket}}
			if daemon != nil {
				lines[1][1] = describeVersion(daemon)
			}
			return a.pairs(lines)
		},
	}
}

func describeVersion(v *publish.VersionDocument) string {
	s := fmt.Sprintf("%s, wire %d-%d, %s", v.Version, v.Wire[0], v.Wire[1], v.Go)
	if v.Kernel != "" {
		s += ", Linux " + v.Kernel
	}
	return s
}
