package inventory

import (
	"errors"
	"fmt"

	"rollcall/view/hostlist"
)

// ReadHostlist takes the names of a hostlist as one rack.
func ReadHostlist(list string) ([]Rack, error) {
	names, err := hostlist.Expand(list)
	if err == nil {
		err = validNames(names)
	}
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("hostlist names no node")
	}
	sorted := hostlist.Sorted(names)
	if len(sorted) < len(names) {
		return nil, fmt.Errorf("hostlist of %d names, of which %d are different; name each once", len(names), len(sorted))
	}
	return []Rack{{Nodes: sorted}}, nil
}
