package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/config"
)

// The verdicts of a check.
const (
	verdictOK   = "ok"
	verdictNote = "note" // works, but not as well as it could
	verdictFail = "fail"
)

// finding is the result of one check, with what to do about it.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"` // ok | note | fail
	What    string `json:"what"`
	Remedy  string `json:"remedy,omitempty"`
}

func fine(check, what string) finding { return finding{check, verdictOK, what, ""} }

func (a *app) doctorCommand() *cobra.Command {
	path := config.DefaultPath
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether this host can run the daemon well",
		Long: `Check the configuration, the key file, the kernel, privileges, the BPF file system, the
interface and the daemon, and say what to do about whatever is wrong. The exit code is 1 when
the daemon could not run; a note costs speed or comfort only.`,
		Example: "  rollcall doctor\n  rollcall doctor --config ./rollcall.toml -o json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.noNodeset(c); err != nil {
				return err
			}
			conf, found := checkConfig(path)
			found = append(found, checkKernel()...)
			found = append(found, checkCapabilities()...)
			if conf != nil {
				found = append(found, checkHost(conf)...)
			}
			ctx, cancel := a.soon(c.Context())
			defer cancel()
			found = append(found, a.checkDaemon(ctx, c.Flags().Changed("socket"), conf)...)
			return a.showFindings(found)
		},
	}
	c.Flags().StringVar(&path, "config", path, "configuration `file` of the daemon")
	completes(c, "config", files)
	return c
}

func (a *app) showFindings(found []finding) error {
	var failed []string
	var rows [][]string
	for _, f := range found {
		what := f.What
		if f.Remedy != "" {
			what += "; " + f.Remedy
		}
		rows = append(rows, []string{f.Verdict, f.Check, what})
		if f.Verdict == verdictFail {
			failed = append(failed, f.Check)
		}
	}
	var err error
	if a.output == outputJSON {
		err = a.json(found)
	} else {
		err = a.rows([]string{"VERDICT", "CHECK", "WHAT"}, rows)
	}
	if err == nil && len(failed) > 0 {
		return errors.New("not fit to run rollcalld: " + strings.Join(failed, ", "))
	}
	return err
}
