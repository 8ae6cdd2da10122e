package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/hog"
)

func hogCommand() *cobra.Command {
	during, cpus := 10*time.Second, runtime.NumCPU()
	c := &cobra.Command{
		Use:   "hog KIND",
		Short: "Starve this machine of processor time for a while",
		Long: fmt.Sprintf(`Starve this machine of processor time for a while, as badly written jobs do: the first
--cpus of its CPUs are kept busy by two threads each (busy), two of nice -20 (nice) or one of
SCHED_FIFO priority %d (fifo), or woken up by timers all the time (timers).`, hog.Priority),
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return hog.Run(args[0], cpus, during) },
	}
	c.ValidArgs = hog.Kinds()
	c.Flags().DurationVar(&during, "for", during, "how long")
	c.Flags().IntVar(&cpus, "cpus", cpus, "how many CPUs")
	return c
}
