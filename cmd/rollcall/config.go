package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/disk"
	"rollcall/cmd/rollcall/inventory"
	"rollcall/view/hostlist"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Check the cluster's configuration, or write its groups",
		Long:    "The configuration is one file for the whole cluster; these commands work without a daemon.",
		Example: "  rollcall config check\n  rollcall config generate --from hostlist cn[001-960]",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.configCheckCommand(), a.configGenerateCommand())
	return c
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check the configuration for the whole cluster, and list its groups",
		Long: `Check the file, by default ` + config.DefaultPath + `, as every node will read it, and list its
groups. This host need not be a node of the cluster. What only a node can tell (its interface, its
key) is checked there, by rollcalld --check.`,
		Example:           "  rollcall config check\n  rollcall config check new.toml",
		Args:              atMost(1),
		ValidArgsFunction: inTurn(files),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.noNodeset(c); err != nil {
				return err
			}
			path := config.DefaultPath
			if len(args) > 0 {
				path = args[0]
			}
			cfg, err := config.Inventory(path)
			if err != nil {
				return err
			}
			return a.inventory(cfg)
		},
	}
}

// checkedGroup is a line of `rollcall config check`.
type checkedGroup struct {
	ID        uint16 `json:"id"`
	Name      string `json:"name,omitempty"`
	Transport string `json:"transport"`
	Count     int    `json:"count"`
	Nodes     string `json:"nodes"` // hostlist
}

func (a *app) inventory(c *config.Config) error {
	doc := struct {
		Cluster  string         `json:"cluster"`
		Count    int            `json:"count"`
		Founders string         `json:"founders"`
		Prefer   string         `json:"prefer,omitempty"`
		Avoid    string         `json:"avoid,omitempty"`
		Groups   []checkedGroup `json:"groups"`
	}{c.Cluster, 0, hostlist.Fold(c.Founders), hostlist.Fold(c.Prefer), hostlist.Fold(c.Avoid), nil}
	rows := make([][]string, len(c.Groups))
	for i := range c.Groups {
		g := &c.Groups[i]
		l := checkedGroup{g.ID, g.Name, c.TransportOf(g), len(g.Nodes), hostlist.Fold(g.Nodes)}
		doc.Groups = append(doc.Groups, l)
		doc.Count += l.Count
		rows[i] = []string{strconv.Itoa(int(l.ID)), dash(l.Name), l.Transport, strconv.Itoa(l.Count), l.Nodes}
	}
	if a.output == outputJSON {
		return a.json(doc)
	}
	groups := "groups"
	if len(doc.Groups) == 1 {
		groups = "group"
	}
	a.note("%s: good: cluster %s, %d nodes in %d %s, founders %s", c.File, c.Cluster, doc.Count, len(doc.Groups), groups, doc.Founders)
	return a.rows([]string{"ID", "NAME", "TRANSPORT", "NNODES", "NODELIST"}, rows)
}

func (a *app) configGenerateCommand() *cobra.Command {
	var (
		from, keep, to string
		size           int
	)
	c := &cobra.Command{
		Use:   "generate --from slurm-topology FILE | --from hostlist NODESET",
		Short: "Write the groups of the configuration",
		Long: `Write the [[group]] tables of the configuration: one for each leaf switch of Slurm's
topology.conf, where large ones are split and small neighbours merged; or a hostlist cut in
parts of equal size. FILE may be - for standard input.

With --keep the file's other keys come first and its groups stay as they are: nodes never
change their group, groups keep their numbers, new nodes join the group of their switch or make
groups of their own. What changes is told on standard error. Nothing is written when the result
would not be valid.`,
		Example: `  rollcall config generate --from slurm-topology /etc/slurm/topology.conf --size 64
  rollcall config generate --from hostlist cn[001-960] --keep rollcall.toml --write rollcall.toml`,
		Args:              exactly(1),
		ValidArgsFunction: inTurn(files),
		RunE: func(c *cobra.Command, args []string) error {
			racks, err := readRacks(c.InOrStdin(), from, args[0])
			if err != nil {
				return err
			}
			text, err := a.generate(racks, size, keep)
			if err != nil {
				return err
			}
			if to == "" {
				_, err := io.WriteString(a.stdout, text)
				return err
			}
			if err := disk.ReplaceDurably(to, []byte(text), 0o644); err != nil {
				return fmt.Errorf("write configuration: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "`source`: slurm-topology or hostlist")
	completes(c, "from", oneOf("slurm-topology", "hostlist"))
	c.Flags().IntVar(&size, "size", 64, "most nodes of a group, 1 to 256")
	c.Flags().StringVar(&keep, "keep", "", "`file` whose groups and other keys stay")
	c.Flags().StringVar(&to, "write", "", "`file` to replace, instead of standard output")
	completes(c, "keep", files)
	completes(c, "write", files)
	return c
}

func readRacks(stdin io.Reader, from, what string) ([]inventory.Rack, error) {
	switch from {
	case "hostlist":
		return inventory.ReadHostlist(what)
	case "slurm-topology":
		in := stdin
		if what != "-" {
			f, err := os.Open(what)
			if err != nil {
				return nil, fmt.Errorf("read topology: %w", err)
			}
			defer f.Close()
			in = f
		}
		text, err := io.ReadAll(io.LimitReader(in, inventory.TopologyMax+1))
		if err != nil {
			return nil, fmt.Errorf("read topology: %w", err)
		}
		return inventory.ReadSlurm(string(text))
	}
	return nil, errors.New("say what to read: --from slurm-topology FILE, or --from hostlist NODESET")
}

// generate gives the new text, of the whole file where there is one to keep.
func (a *app) generate(racks []inventory.Rack, size int, keep string) (string, error) {
	if keep == "" {
		groups, err := inventory.Plan(racks, size)
		return inventory.Format(groups), err
	}
	old, err := config.Inventory(keep)
	if err != nil {
		return "", err
	}
	groups, notes, err := inventory.Extend(old.Groups, racks, size)
	if err != nil {
		return "", err
	}
	head, err := config.Head(keep)
	if err != nil {
		return "", err
	}
	text := head + inventory.Format(groups)
	if err := config.Check("generated", []byte(text)); err != nil {
		return "", fmt.Errorf("what would be written is not valid; change %s first:\n%w", keep, err)
	}
	for _, note := range notes {
		a.note("%s", note)
	}
	return text, nil
}
