package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view"
	"rollcall/view/publish"
)

// pins says where pinned maps are.
type pins struct {
	dir     string
	cluster string
}

func (p *pins) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.dir, "pin-dir", "", "the daemon's `pin_dir` (default: what "+config.DefaultPath+" says)")
	c.Flags().StringVar(&p.cluster, "cluster", "", "`name` of the cluster, where several are pinned")
}

// find fills in what the user left out.
func (p *pins) find() error {
	if p.dir == "" {
		p.dir = configuredPinDir()
	}
	if p.cluster != "" {
		return nil
	}
	clusters, err := dataplane.Clusters(p.dir)
	if err != nil {
		return err
	}
	switch len(clusters) {
	case 0:
		return fmt.Errorf("nothing is pinned under %s: no daemon served frames in the kernel here", p.dir)
	case 1:
		p.cluster = clusters[0]
		return nil
	}
	return fmt.Errorf("several clusters are pinned under %s: give --cluster, one of %s", p.dir, strings.Join(clusters, ", "))
}

// configuredPinDir is what this host's configuration says, or the default where there is
// none that can be read.
func configuredPinDir() string {
	if _, err := os.Stat(config.DefaultPath); err == nil {
		if c, err := config.Load(config.DefaultPath, nil); err == nil {
			return c.PinDir
		}
	}
	return dataplane.DefaultPinDir
}

func (a *app) kernelView(p *pins, of *selection) error {
	if err := p.find(); err != nil {
		return err
	}
	k, err := dataplane.Inspect(p.dir, p.cluster)
	if err != nil {
		return err
	}
	d, warning := kernelDocument(k)
	a.note("read from %s/%s; the daemon last wrote there %s", p.dir, p.cluster, agentAge(k))
	if warning != "" {
		a.note("%s", warning)
	}
	return a.showView(d, of)
}

// kernelDocument describes what the pinned maps say. The warning says why it should not be
// believed as it stands.
func kernelDocument(k *dataplane.Pinned) (d *publish.Document, warning string) {
	r := &k.Register
	v := k.View()
	var others []publish.Member
	for slot := range k.Members {
		m := &k.Members[slot]
		if s := uint16(slot); m.Expected != 0 && !r.Committed.Members.Has(s) {
			others = append(others, publish.Member{Name: k.Name(s), Group: r.Group, Slot: s, State: view.State(m.State)})
		}
	}
	doc := publish.NewDocument(v, func(m view.Identity) view.State { return view.State(k.Members[m.Slot].State) }, others)
	doc.Cluster = k.Cluster
	if r.Valid(k.At) {
		doc.Valid = true
		doc.LeaseMS = min(r.LeaseUntil, r.UpperUntil).Since(k.At).Milliseconds()
	}
	if v != nil && r.Committed.Digest != 0 && v.Hash() != r.Committed.Digest {
		warning = "the names in the maps are not those of this view yet: its digest is " + publish.Hex(r.Committed.Digest)
	}
	return &doc, warning
}

func agentAge(k *dataplane.Pinned) string {
	ms := k.Register.AgentAgeMS(k.At)
	if ms == control.NoAgent {
		return "never"
	}
	return (time.Duration(ms) * time.Millisecond).String() + " ago"
}
