package inventory

import (
	"fmt"
	"strings"

	"rollcall/cmd/internal/config"
	"rollcall/view/hostlist"
)

// Format writes groups as the configuration has them.
func Format(groups []config.Group) string {
	var b strings.Builder
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[[group]]\nid    = %d\n", g.ID)
		if g.Name != "" {
			fmt.Fprintf(&b, "name  = %q\n", g.Name)
		}
		fmt.Fprintf(&b, "nodes = %q\n", hostlist.Fold(g.Nodes))
		if g.Transport != "" {
			fmt.Fprintf(&b, "transport = %q\n", g.Transport)
		}
	}
	return b.String()
}
