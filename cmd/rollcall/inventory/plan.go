package inventory

import (
	"fmt"
	"slices"
	"strconv"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/view/hostlist"
)

// Plan makes groups of at most size nodes: whole racks where they fit. Names are unique, or
// missing where no rack has one.
func Plan(racks []Rack, size int) ([]config.Group, error) {
	if size < 1 || size > config.GroupNodesMax {
		return nil, fmt.Errorf("groups of %d nodes; choose 1 to %d", size, config.GroupNodesMax)
	}
	var groups []config.Group
	for _, d := range draw(racks, size) {
		groups = append(groups, config.Group{ID: uint16(len(groups)), Name: d.name(), Nodes: d.nodes})
		if len(groups) > config.GroupsMax {
			return nil, fmt.Errorf("more than %d groups; choose a larger size than %d", config.GroupsMax, size)
		}
	}
	unique(groups)
	return groups, nil
}

// draft is a group to be: a part of one rack, or several neighbours.
type draft struct {
	parent      string
	first, last string // racks
	part        int    // 1, 2, … of a rack that was split; 0: whole racks
	nodes       []string
}

func draw(racks []Rack, size int) []draft {
	var drafts []draft
	for _, r := range racks {
		if n := len(drafts); n > 0 {
			if d := &drafts[n-1]; d.part == 0 && d.parent == r.Parent && r.Parent != "" && len(d.nodes)+len(r.Nodes) <= size {
				d.last, d.nodes = r.Name, append(slices.Clip(d.nodes), r.Nodes...)
				continue
			}
		}
		parts := (len(r.Nodes) + size - 1) / size
		for i := range parts {
			from, to := len(r.Nodes)*i/parts, len(r.Nodes)*(i+1)/parts
			d := draft{parent: r.Parent, first: r.Name, last: r.Name, nodes: r.Nodes[from:to]}
			if parts > 1 {
				d.part = i + 1
			}
			drafts = append(drafts, d)
		}
	}
	return drafts
}

func (d *draft) name() string {
	switch {
	case d.first == "":
		return ""
	case d.part > 0:
		return d.first + "." + strconv.Itoa(d.part)
	case d.first != d.last:
		return d.first + "-" + d.last
	}
	return d.first
}

// unique leaves a name to the first group that has it, and drops those that are too long.
func unique(groups []config.Group) {
	seen := map[string]bool{}
	for i := range groups {
		if seen[groups[i].Name] || len(groups[i].Name) > control.NameMax {
			groups[i].Name = ""
		}
		seen[groups[i].Name] = true
	}
}

// Extend is Plan for a cluster that has an inventory: every node stays in its group, groups
// keep their numbers, and what is new fills the group of its rack before it makes a group. Its
// notes tell an operator what changed, and what would be elsewhere without the old inventory.
func Extend(old []config.Group, racks []Rack, size int) (groups []config.Group, notes []string, err error) {
	rackOf := map[string]int{}
	for i := range racks {
		for _, node := range racks[i].Nodes {
			rackOf[node] = i
		}
	}
	placed := map[string]bool{}
	taken := map[uint16]bool{}
	for _, g := range old {
		taken[g.ID] = true
		var stay, gone []string
		for _, node := range g.Nodes {
			placed[node] = true
			if _, there := rackOf[node]; there {
				stay = append(stay, node)
			} else {
				gone = append(gone, node)
			}
		}
		if len(gone) > 0 {
			notes = append(notes, fmt.Sprintf("group %d: %s no longer there", g.ID, hostlist.Fold(gone)))
		}
		if len(stay) == 0 {
			notes = append(notes, fmt.Sprintf("group %d: dropped, no node is left", g.ID))
			continue
		}
		g.Nodes = stay
		groups = append(groups, g)
	}
	for i := range groups {
		notes = append(notes, strangers(&groups[i], racks, rackOf)...)
	}
	var rest []Rack
	for i, r := range racks {
		news := slices.DeleteFunc(slices.Clone(r.Nodes), func(node string) bool { return placed[node] })
		for len(news) > 0 {
			g := roomiest(groups, size, i, rackOf)
			if g == nil {
				break
			}
			n := min(len(news), size-len(g.Nodes))
			notes = append(notes, fmt.Sprintf("group %d: %s new", g.ID, hostlist.Fold(news[:n])))
			g.Nodes = append(slices.Clip(g.Nodes), news[:n]...)
			news = news[n:]
		}
		if r.Nodes = news; len(news) > 0 {
			rest = append(rest, r)
		}
	}
	more, err := Plan(rest, size)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range more {
		id, ok := free(taken)
		if !ok {
			return nil, nil, fmt.Errorf("more than %d groups; choose a larger size than %d", config.GroupsMax, size)
		}
		g.ID = id
		notes = append(notes, fmt.Sprintf("group %d: new, %s", g.ID, hostlist.Fold(g.Nodes)))
		groups = append(groups, g)
	}
	unique(groups)
	return groups, notes, nil
}

// strangers names the nodes of a group that the network has moved to another rack than most.
func strangers(g *config.Group, racks []Rack, rackOf map[string]int) (notes []string) {
	home, _ := mostOf(g, rackOf)
	byRack := map[int][]string{}
	var order []int
	for _, node := range g.Nodes {
		// Racks that were merged share a switch and belong together.
		if r := rackOf[node]; r != home && (racks[r].Parent == "" || racks[r].Parent != racks[home].Parent) {
			if byRack[r] == nil {
				order = append(order, r)
			}
			byRack[r] = append(byRack[r], node)
		}
	}
	for _, r := range order {
		notes = append(notes, fmt.Sprintf("group %d: %s stays, though the network has it in %s now; to move it, edit the file", g.ID, hostlist.Fold(byRack[r]), racks[r].Name))
	}
	return notes
}

// mostOf finds the rack that most nodes of the group are in.
func mostOf(g *config.Group, rackOf map[string]int) (rack, count int) {
	counts := map[int]int{}
	for _, node := range g.Nodes {
		r := rackOf[node]
		counts[r]++
		if n := counts[r]; n > count || n == count && r < rack {
			rack, count = r, n
		}
	}
	return rack, count
}

// roomiest finds the group with room that has the most nodes of the rack.
func roomiest(groups []config.Group, size, rack int, rackOf map[string]int) *config.Group {
	var best *config.Group
	most := 0
	for i := range groups {
		g := &groups[i]
		n := 0
		for _, node := range g.Nodes {
			if r, ok := rackOf[node]; ok && r == rack {
				n++
			}
		}
		if n > most && len(g.Nodes) < size {
			best, most = g, n
		}
	}
	return best
}

// free takes the lowest number above all that were ever taken, or the lowest free one: a
// number that had a meaning gets another only when there is no other.
func free(taken map[uint16]bool) (id uint16, ok bool) {
	next, lowest := 0, -1
	for n := range config.GroupsMax {
		if taken[uint16(n)] {
			next = n + 1
		} else if lowest < 0 {
			lowest = n
		}
	}
	switch {
	case next < config.GroupsMax:
		id = uint16(next)
	case lowest >= 0:
		id = uint16(lowest)
	default:
		return 0, false
	}
	taken[id] = true
	return id, true
}
