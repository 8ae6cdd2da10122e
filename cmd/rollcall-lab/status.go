package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/view/publish"
)

// nodeStatus is what the lab knows of a node, and what its daemon says.
type nodeStatus struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	MAC       string `json:"mac"`
	Namespace string `json:"namespace"`
	Daemon    string `json:"daemon"` // running | stopped | ended | off
	Link      string `json:"link"`   // open, or what is wrong with it
	PID       int    `json:"pid"`    // 0: none
	Socket    string `json:"socket"`
	PinDir    string `json:"pin_dir"`
	Config    string `json:"config"`
	Log       string `json:"log"`
	Role      string `json:"role,omitempty"`  // the rest as the daemon says, if it answers
	Leads     []int  `json:"leads,omitempty"` // levels
	Attach    string `json:"attach,omitempty"`
	Instance  uint32 `json:"instance"`
	Epoch     uint64 `json:"epoch"`
	Valid     bool   `json:"valid"`
}

// answerWithin bounds the wait for daemons, some of which may be stopped.
const answerWithin = time.Second

func statusCommand() *cobra.Command {
	var lab, output string
	c := &cobra.Command{
		Use:   "status",
		Short: "List the nodes of a cluster",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("--output %q: table or json", output)
			}
			k, err := cluster.Find(lab)
			if err != nil {
				return err
			}
			defer k.Close()
			list, err := status(c.Context(), k)
			if err != nil {
				return err
			}
			if output == "json" {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(list)
			}
			return statusTable(c.OutOrStdout(), list)
		},
	}
	nameFlag(c.Flags(), &lab, "lab")
	c.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

func status(ctx context.Context, c *cluster.Cluster) ([]nodeStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	list := make([]nodeStatus, len(c.Nodes()))
	var wg sync.WaitGroup
	for i, n := range c.Nodes() {
		link, err := c.Network().Link(n.Name)
		if err != nil {
			return nil, err
		}
		s := &list[i]
		*s = nodeStatus{
			Name: n.Name, Address: n.IPv4.String(), MAC: n.MAC.String(), Namespace: n.Namespace,
			Daemon: n.Daemon(), Link: link.String(), PID: n.PID(),
			Socket: n.Socket(), PinDir: n.PinDir(), Config: n.Config(), Log: n.Log(),
		}
		wg.Go(func() {
			if d, err := n.Client().Status(ctx); err == nil {
				s.Role, s.Attach, s.Instance, s.Epoch, s.Valid = d.Role, d.Attach, d.Instance, d.Epoch, d.Valid
				s.Leads = leads(d)
			}
		})
	}
	wg.Wait()
	return list, nil
}

// leads are the levels that a node leads.
func leads(d *publish.StatusDocument) (levels []int) {
	if d.Role == "leader" {
		levels = append(levels, 0)
	}
	for _, p := range d.Places {
		if p.Role == "leader" {
			levels = append(levels, int(p.Level))
		}
	}
	return levels
}

func statusTable(out io.Writer, list []nodeStatus) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tADDRESS\tDAEMON\tPID\tLINK\tROLE\tATTACH\tVIEW\tVALID")
	for _, s := range list {
		role, attach, view, valid := "-", "-", "-", "-"
		if s.Role != "" {
			role, attach, valid = s.Role, s.Attach, fmt.Sprint(s.Valid)
			view = fmt.Sprintf("%d.%d", s.Instance, s.Epoch)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Address, s.Daemon, s.PID, s.Link, role, attach, view, valid)
	}
	return w.Flush()
}
