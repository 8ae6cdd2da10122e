package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/control"
	"rollcall/view/hostlist"
)

// TopologyMax is how many bytes a topology file may have.
const TopologyMax = 8 << 20

const switchesMax = 1 << 16

// switchLine is one line of a topology file.
type switchLine struct {
	number   int // of the line
	name     string
	nodes    []string // of a leaf
	switches []string // of a switch above others
	parent   string
}

// ReadSlurm reads a topology.conf of Slurm, for topology/tree (SwitchName=) or topology/block
// (BlockName=), and returns the leaf switches in the order of the tree.
func ReadSlurm(text string) ([]Rack, error) {
	if len(text) > TopologyMax {
		return nil, fmt.Errorf("topology of %d bytes, at most %d", len(text), TopologyMax)
	}
	lines, err := parseSwitches(text)
	if err != nil {
		return nil, err
	}
	known := map[string]*switchLine{}
	owner := map[string]string{}
	for i := range lines {
		l := &lines[i]
		if other := known[l.name]; other != nil {
			return nil, l.problem("%s is described in line %d already", l.name, other.number)
		}
		known[l.name] = l
		for _, node := range l.nodes {
			if other, taken := owner[node]; taken {
				return nil, l.problem("%s is on %s already; leave it on one leaf switch", node, other)
			}
			owner[node] = l.name
		}
	}
	if len(owner) == 0 {
		return nil, errors.New("topology names no node; is it a topology.conf with SwitchName= and Nodes=?")
	}
	for i := range lines {
		for _, name := range lines[i].switches {
			below := known[name]
			if below == nil {
				return nil, lines[i].problem("no switch %s", name)
			}
			if below.parent == "" { // of several spines the first
				below.parent = lines[i].name
			}
		}
	}
	return leaves(lines, known), nil
}

// leaves walks the tree from its tops, each switch once, so that neighbours in the fabric
// follow each other. A ring of switches has no top: what it holds comes last.
func leaves(lines []switchLine, known map[string]*switchLine) []Rack {
	var racks []Rack
	seen := map[string]bool{}
	var pending []*switchLine
	walk := func(top *switchLine) {
		pending = append(pending, top)
		for len(pending) > 0 {
			l := pending[len(pending)-1]
			pending = pending[:len(pending)-1]
			if seen[l.name] {
				continue
			}
			seen[l.name] = true
			if len(l.nodes) > 0 {
				racks = append(racks, Rack{Name: l.name, Parent: l.parent, Nodes: l.nodes})
			}
			for _, name := range slices.Backward(l.switches) {
				pending = append(pending, known[name])
			}
		}
	}
	for i := range lines {
		if lines[i].parent == "" {
			walk(&lines[i])
		}
	}
	for i := range lines {
		walk(&lines[i])
	}
	return racks
}

func (l *switchLine) problem(format string, args ...any) error {
	return fmt.Errorf("topology line %d: %s", l.number, fmt.Sprintf(format, args...))
}

// parseSwitches reads the lines that describe switches or blocks.
func parseSwitches(text string) ([]switchLine, error) {
	var found []switchLine
	joined, began, number := "", 0, 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(strings.TrimRight(line, "\r\n"), "#")
		if joined == "" {
			began = number
		}
		if head, more := strings.CutSuffix(line, `\`); more {
			joined += head
			continue
		}
		words := strings.Fields(joined + line)
		joined = ""
		if len(words) == 0 {
			continue
		}
		l := switchLine{number: began}
		if err := l.read(words); err != nil {
			return nil, err
		}
		if l.name == "" {
			continue
		}
		if found = append(found, l); len(found) > switchesMax {
			return nil, l.problem("more than %d switches", switchesMax)
		}
	}
	return found, nil
}

func (l *switchLine) read(words []string) error {
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok || value == "" {
			return l.problem("%.80q is not KEY=VALUE", word)
		}
		var err error
		switch strings.ToLower(key) {
		case "switchname", "blockname":
			l.name = value
			err = control.ValidName(value) // it may name a group
		case "nodes":
			if l.nodes, err = hostlist.Expand(value); err == nil {
				err = validNames(l.nodes)
			}
		case "switches":
			l.switches, err = hostlist.Expand(value)
		case "linkspeed", "blocksizes": // says nothing about who is where
		default:
			return l.problem("unknown key %.80q; known are SwitchName, BlockName, Nodes, Switches, LinkSpeed and BlockSizes", key)
		}
		if err != nil {
			return l.problem("%v", err)
		}
	}
	if l.name == "" && (l.nodes != nil || l.switches != nil) {
		return l.problem("no SwitchName= or BlockName=")
	}
	return nil
}

// validNames says which name could not be a node's.
func validNames(names []string) error {
	for _, name := range names {
		if err := control.ValidName(name); err != nil {
			return err
		}
	}
	return nil
}
