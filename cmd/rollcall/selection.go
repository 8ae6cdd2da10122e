package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/view"
	"rollcall/view/hostlist"
	"rollcall/view/publish"
)

// selection is what of a view the user wants to see. The zero selection is everything.
type selection struct {
	nodeset string
	stated  []string
	nodes   []string
	states  []view.State
}

func (s *selection) flags(a *app, c *cobra.Command) {
	c.Flags().StringVarP(&s.nodeset, "nodes", "w", "", "only these nodes: a `nodeset` such as cn[001-064]")
	c.Flags().StringSliceVarP(&s.stated, "state", "s", nil, "only nodes in these `states`, such as alive,stale")
	completes(c, "nodes", a.offerNodes())
	completes(c, "state", someOf(stateNames()...))
}

// read judges what the flags said.
func (s *selection) read() error {
	var err error
	if s.nodeset != "" {
		if s.nodes, err = hostlist.Expand(s.nodeset); err != nil {
			return fmt.Errorf("nodes %q: %w", s.nodeset, err)
		}
	}
	s.states = nil
	for _, word := range s.stated {
		state, err := parseState(word)
		if err != nil {
			return err
		}
		s.states = append(s.states, state)
	}
	return nil
}

func parseState(word string) (view.State, error) {
	var state view.State
	if err := state.UnmarshalText([]byte(word)); err != nil {
		return 0, fmt.Errorf("state %q: give one of %s", word, strings.Join(stateNames(), ", "))
	}
	return state, nil
}

func stateNames() (all []string) {
	for s := range view.States {
		all = append(all, s.String())
	}
	return all
}

func (s *selection) takes(name string, state view.State) bool {
	return (s.nodes == nil || slices.Contains(s.nodes, name)) && (s.states == nil || slices.Contains(s.states, state))
}

// of returns the document with the selected members alone.
func (s *selection) of(d publish.Document) publish.Document {
	members := []publish.Member{}
	for _, m := range d.Members {
		if s.takes(m.Name, m.State) {
			members = append(members, m)
		}
	}
	d.Members, d.Counts = members, publish.Count(members)
	return d
}

// names lists the selected members; where no state was asked for, those in the view.
func (s *selection) names(d *publish.Document) []string {
	var names []string
	for _, m := range d.Members {
		if s.takes(m.Name, m.State) && (s.states != nil || m.Incarnation != "") {
			names = append(names, m.Name)
		}
	}
	return names
}
