package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

func (a *app) statusCommand() *cobra.Command {
	watch := false
	c := &cobra.Command{
		Use:     "status",
		Short:   "Show how this node and its daemon fare",
		Long:    "Show what this node says of itself: its role, whether its view is valid, how it serves\nframes, and what it waits for.",
		Example: "  rollcall status\n  rollcall status -o json | jq .awaiting",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.noNodeset(c); err != nil {
				return err
			}
			return a.again(c.Context(), watch, a.status)
		},
	}
	watchFlag(c, &watch, "show it again every second")
	return c
}

func (a *app) status(ctx context.Context) error {
	s, err := a.client().Status(ctx)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return a.json(s)
	}
	lines := [][2]string{
		{"node", s.Node},
		{"cluster", s.Cluster},
		{"role", s.Role},
		{"awaiting", s.Awaiting},
		{"view", describeView(s)},
		{"leader", s.Leader},
	}
	for i := range s.Places {
		lines = append(lines, [2]string{"place", place(&s.Places[i], s.Awaiting)})
	}
	lines = append(lines, [2]string{"rounds", rounds(s)}, [2]string{"frames", frames(s)}, [2]string{"pacer", pacer(&s.Pacing)})
	for _, l := range s.Pacing.Levels {
		lines = append(lines, [2]string{"beats", beats(l)})
	}
	for i := range s.Rails {
		if len(s.Rails) > 1 {
			lines = append(lines, [2]string{"rail " + strconv.Itoa(i), rail(s, &s.Rails[i])})
		}
	}
	for _, r := range s.Refused {
		lines = append(lines, [2]string{"refused", r})
	}
	if s.Warning != "" {
		lines = append(lines, [2]string{"warning", s.Warning})
	}
	if a.output == outputWide {
		lines = append(lines,
			[2]string{"slot", strconv.Itoa(int(s.Slot))},
			[2]string{"incarnation", s.Incarnation},
			[2]string{"roster", s.Roster},
			[2]string{"keys", keys(s)},
			[2]string{"adopted", yesNo(s.Adopted)},
			[2]string{"pins", s.PinDir},
			[2]string{"socket", s.Socket},
			[2]string{"config", s.Config},
			[2]string{"daemon", fmt.Sprintf("pid %d, since %s, version %s", s.PID, s.Started.Format(time.RFC3339), s.Version)},
			[2]string{"realtime", yesNo(s.Realtime)},
			[2]string{"locked", yesNo(s.Locked)},
		)
	}
	return a.pairs(lines)
}

func describeView(s *publish.StatusDocument) string {
	switch {
	case s.Instance == 0:
		return "none"
	case !s.Valid:
		return fmt.Sprintf("instance %d, epoch %d, not valid: its lease has ended", s.Instance, s.Epoch)
	}
	return fmt.Sprintf("instance %d, epoch %d, valid for %d ms", s.Instance, s.Epoch, s.LeaseMS)
}

// place tells of a node's part in a group above its own, and what it awaits there, unless that was told.
func place(p *publish.Place, told string) string {
	what := "slot"
	if p.Seat {
		what = "seat"
	}
	said := fmt.Sprintf("level %d, %s %d: %s", p.Level, what, p.Slot, p.Role)
	if p.Role == "absent" {
		said = fmt.Sprintf("level %d, no %s", p.Level, what)
	}
	if !strings.Contains(told, p.Awaiting) {
		said += ", awaits " + p.Awaiting
	}
	return said
}

func rounds(s *publish.StatusDocument) string {
	interval := time.Duration(s.IntervalUS) * time.Microsecond
	return strings.TrimSpace(fmt.Sprintf("%v x %d %s", interval, s.Rounds, s.Profile))
}

func frames(s *publish.StatusDocument) string {
	if s.Plane == "" { // it waits for an interface
		return ""
	}
	how := s.Plane
	if s.Attach != s.Plane {
		how += " " + s.Attach
	}
	return strings.TrimSpace(fmt.Sprintf("%s, %s on %s %s", how, s.Transport, s.Interface, s.Address))
}

// rail tells how one of several interfaces fares.
func rail(s *publish.StatusDocument, r *publish.Rail) string {
	how := fmt.Sprintf("%s %s, %s", r.Interface, r.Address, r.Attach)
	switch {
	case len(r.LostTo) == 1 && r.LostTo[0] == s.Node:
		how += ", lost: it brings no beats"
	case len(r.LostTo) > 0:
		how += ", lost to " + hostlist.Fold(r.LostTo)
	}
	return how
}

// keys lists what this node holds, the one that signs first.
func keys(s *publish.StatusDocument) string {
	var held []string
	for _, id := range s.Keys {
		if id == s.Key {
			id += " signs"
		}
		held = append(held, id)
	}
	return strings.Join(held, ", ")
}

// pacer tells who keeps the beat, and how the clock fares while this node leads.
func pacer(p *publish.Pacing) string {
	switch {
	case p.Refused != "" && p.CPU >= 0:
		return fmt.Sprintf("%s, last on CPU %d, %s", p.Pacer, p.CPU, p.Refused)
	case p.Refused != "":
		return fmt.Sprintf("%s, %s", p.Pacer, p.Refused)
	case !p.Ticking:
		return p.Pacer
	}
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	said := fmt.Sprintf("%s, every %v on CPU %d, %v late, at worst %v", p.Pacer, us(p.IntervalUS), p.CPU, us(p.LateUS), us(p.LatestUS))
	if p.Lost > 0 {
		said += fmt.Sprintf("; %d of its frames lost and replaced", p.Lost)
	}
	return said
}

// beats tells who sent those of a level that this node leads.
func beats(l publish.PacedLevel) string {
	interval := time.Duration(l.IntervalUS) * time.Microsecond
	return fmt.Sprintf("level %d, every %v: %d by the kernel, %d by the daemon", l.Level, interval, l.Kernel, l.Thread)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
