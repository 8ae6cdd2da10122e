package tidy

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Layer says what the packages of one directory, and of those below it that have no layer
// of their own, may import.
type Layer struct {
	Dir     string
	Ours    []string // directories of this module
	Modules []string // other modules
	Std     []string // of the standard library; nil: all of it
}

// pureStd is what code without clock, file, socket, goroutine and lock may use. Package
// maps is missing because it yields keys in random order.
var pureStd = []string{
	"bytes", "cmp", "crypto/sha256", "encoding", "encoding/base64", "encoding/binary", "encoding/hex",
	"encoding/json", "errors", "fmt", "hash/fnv", "iter", "math", "math/big", "math/bits", "net/netip", "slices", "sort",
	"strconv", "strings", "time", "unicode", "unicode/utf8",
}

// Layers is the import table. A module that is missing here may not be imported at all.
var Layers = []Layer{
	{Dir: "view", Std: pureStd},
	{Dir: "view/publish", Ours: []string{"view", "view/hostlist"}, Modules: []string{"golang.org/x/sys"}},
	{Dir: "control", Ours: []string{"view"}, Std: pureStd},
	{Dir: "dataplane", Ours: []string{"control", "view"}, Modules: []string{
		"github.com/cilium/ebpf", "github.com/dchest/siphash", "github.com/mdlayher/raw",
		"github.com/vishvananda/netlink", "golang.org/x/net/bpf", "golang.org/x/sys",
	}},
	{Dir: "cmd", Ours: []string{"view", "control", "dataplane", "cmd/internal"}, Modules: []string{
		"github.com/BurntSushi/toml", "github.com/coreos/go-systemd/v22", "github.com/rs/zerolog",
		"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/term",
	}},
	// The lab builds bridges, and puts a pass program on their ends.
	{Dir: "cmd/rollcall-lab", Ours: []string{"view", "control", "dataplane", "cmd/internal"}, Modules: []string{
		"github.com/cilium/ebpf", "github.com/rs/zerolog", "github.com/spf13/cobra", "github.com/spf13/pflag",
		"github.com/vishvananda/netlink", "github.com/vishvananda/netns", "golang.org/x/sys", "golang.org/x/term",
	}},
	// End-to-end tests look at bridges and pins as an operator would.
	{Dir: "tests", Ours: []string{"view", "control", "dataplane", "cmd", "tests"}, Modules: []string{
		"github.com/cilium/ebpf", "github.com/mdlayher/raw", "github.com/vishvananda/netlink",
		"github.com/vishvananda/netns", "golang.org/x/sys",
	}},
	// A peer to compare with, in a module of its own.
	{Dir: "tests/memberlist", Modules: []string{"github.com/hashicorp/memberlist", "golang.org/x/sys"}},
}

// testModules may be imported by tests, wherever they are.
var testModules = []string{
	"github.com/cockroachdb/datadriven", "github.com/google/go-cmp", "github.com/vishvananda/netlink",
	"github.com/vishvananda/netns", "pgregory.net/rapid",
}

// onlyIn names modules that only the listed files import.
var onlyIn = map[string][]string{
	"github.com/mdlayher/raw": {"dataplane/raw.go"},
	"golang.org/x/net/bpf":    {"dataplane/raw.go"}, // the filter of a raw socket
}

// CheckImports applies the import table. Tests obey it as well, but use any of the standard
// library.
func CheckImports(t *Tree) []Finding {
	var found []Finding
	for _, f := range t.Files {
		if f.Syntax == nil {
			continue
		}
		for _, spec := range f.Syntax.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if why := refuse(f, name); why != "" {
				found = append(found, Finding{t.at(spec.Pos()), "imports " + name + ": " + why})
			}
		}
	}
	return found
}

func refuse(f *File, name string) string {
	l := layer(f.Dir())
	if l == nil {
		return "its directory is not in the import table"
	}
	first, _, _ := strings.Cut(name, "/")
	switch {
	case first == Module:
		dir := strings.TrimPrefix(name, Module+"/")
		if dir == f.Dir() || command(dir) != "" && command(dir) == command(f.Dir()) || slices.ContainsFunc(l.Ours, func(o string) bool { return within(dir, o) }) {
			return ""
		}
		return l.Dir + " may not depend on it"
	case !strings.Contains(first, "."):
		if f.Test() || f.Generated() || l.Std == nil || slices.Contains(l.Std, name) {
			return ""
		}
		return "not among the pure packages that " + l.Dir + " may use"
	}
	inside := func(module string) bool { return within(name, module) }
	if f.Test() && slices.ContainsFunc(testModules, inside) {
		return ""
	}
	if !slices.ContainsFunc(l.Modules, inside) {
		return "the module is not in the import table of " + l.Dir
	}
	for module, files := range onlyIn {
		if inside(module) && !f.Test() && !slices.Contains(files, f.Path) {
			return "only " + strings.Join(files, ", ") + " may"
		}
	}
	return ""
}

// layer finds the layer whose directory is nearest above dir.
func layer(dir string) *Layer {
	for ; dir != "."; dir = path.Dir(dir) {
		for i := range Layers {
			if Layers[i].Dir == dir {
				return &Layers[i]
			}
		}
	}
	return nil
}

// command is the directory of the command that the package is a part of, if it is.
func command(dir string) string {
	parts := strings.Split(dir, "/")
	if len(parts) < 2 || parts[0] != "cmd" {
		return ""
	}
	return strings.Join(parts[:2], "/")
}

func within(name, root string) bool { return name == root || strings.HasPrefix(name, root+"/") }
