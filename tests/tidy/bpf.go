package tidy

import (
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const spdx = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"

// mapNameMax is what the kernel keeps of a map's name.
const mapNameMax = 15

// Twin names an enum of the C side and the Go constants that must have its values. Names
// are compared word by word without their prefixes: RC_BEAT_TAKEN is ReasonBeatTaken, and
// RC_REASONS, which counts them, is Reasons.
type Twin struct {
	C, CPrefix            string
	Package, Go, GoPrefix string // directory, type, and what its constants start with
}

// Twins are the enums that frames, maps and commands carry.
var Twins = []Twin{
	{C: "rc_kind", CPrefix: "RC_", Package: "control", Go: "Kind", GoPrefix: "Kind"},
	{C: "rc_reason", CPrefix: "RC_", Package: "control", Go: "Reason", GoPrefix: "Reason"},
	{C: "rc_state", CPrefix: "RC_STATE_", Package: "control", Go: "RegisterState", GoPrefix: "Register"},
	{C: "rc_wake", CPrefix: "RC_WAKE_", Package: "control", Go: "Wake", GoPrefix: "Wake"},
	{C: "rc_command_kind", CPrefix: "RC_COMMAND_", Package: "control", Go: "CommandKind", GoPrefix: "Command"},
	{C: "rc_node_state", CPrefix: "RC_NODE_", Package: "view", Go: "State"},
}

// CheckLicense wants the licence line at the head of every C file.
func CheckLicense(t *Tree) []Finding {
	var found []Finding
	for _, f := range c(t) {
		head := strings.SplitN(f.Text, "\n", 4) // a build constraint may come first
		if !strings.Contains(strings.Join(head[:min(3, len(head))], "\n"), spdx) {
			found = append(found, Finding{f.Path, "does not begin with " + spdx})
		}
	}
	return found
}

// mapName finds maps declared in full or by a macro that takes the name first.
var mapName = regexp.MustCompile(`(?m)\}\s*(\w+)\s*SEC\("\.maps"\)|^RC_[A-Z]+\((\w+)[,)]`)

// CheckMapNames bounds the names of maps, which bpftool would show cut.
func CheckMapNames(t *Tree) []Finding {
	var found []Finding
	for _, f := range c(t) {
		for _, m := range mapName.FindAllStringSubmatch(f.Text, -1) {
			if name := m[1] + m[2]; len(name) > mapNameMax {
				found = append(found, Finding{f.Path, fmt.Sprintf("map name %s is longer than %d characters", name, mapNameMax)})
			}
		}
	}
	return found
}

// CheckTwins compares enums; scopes are those of the packages, by directory.
func CheckTwins(t *Tree, scopes map[string]*types.Scope, twins []Twin) []Finding {
	var found []Finding
	enums := make(map[string]map[string]int64)
	for _, f := range c(t) {
		maps.Copy(enums, Enums(f.Text))
	}
	for _, w := range twins {
		ours := make(map[string]int64)
		for name, v := range enums[w.C] {
			ours[strings.ToLower(strings.TrimPrefix(name, w.CPrefix))] = v
		}
		if len(ours) == 0 {
			found = append(found, Finding{"bpf", "no enum " + w.C})
			continue
		}
		theirs := constants(scopes[w.Package], w.Go, w.GoPrefix)
		for _, name := range slices.Sorted(maps.Keys(theirs)) {
			if v, ok := ours[name]; !ok || v != theirs[name] {
				found = append(found, Finding{"enum " + w.C, fmt.Sprintf("%s %s is %d in Go and differs or is missing in C", w.Go, name, theirs[name])})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(ours)) {
			if _, ok := theirs[name]; !ok {
				found = append(found, Finding{"enum " + w.C, fmt.Sprintf("%s is unknown in Go", name)})
			}
		}
	}
	return found
}

// constants returns the values of the Go constants of a type, by what follows the prefix.
func constants(scope *types.Scope, typ, prefix string) map[string]int64 {
	values := make(map[string]int64)
	for _, name := range scope.Names() {
		k, ok := scope.Lookup(name).(*types.Const)
		rest, has := strings.CutPrefix(name, prefix)
		if !ok || !has {
			continue
		}
		if rest == "s" {
			rest = name
		}
		n, ok := k.Type().(*types.Named)
		if v, exact := constant.Int64Val(k.Val()); ok && exact && n.Obj().Name() == typ {
			values[words(rest)] = v
		}
	}
	return values
}

var (
	enumBody  = regexp.MustCompile(`(?s)enum\s+(\w+)\s*\{(.*?)\}`)
	cComment  = regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`)
	enumShift = regexp.MustCompile(`^1U?\s*<<\s*(\d+)$`)
)

// Enums reads the named enums of C text. Values are numbers, shifts of one, or one more
// than the value before.
func Enums(text string) map[string]map[string]int64 {
	enums := make(map[string]map[string]int64)
	for _, m := range enumBody.FindAllStringSubmatch(cComment.ReplaceAllString(text, ""), -1) {
		values, next := make(map[string]int64), int64(0)
		for item := range strings.SplitSeq(m[2], ",") {
			name, value, set := strings.Cut(item, "=")
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if set {
				next = number(strings.Trim(strings.TrimSpace(value), "()"))
			}
			values[name] = next
			next++
		}
		enums[m[1]] = values
	}
	return enums
}

// number reads a C constant; one that it does not understand is -1, which no Go constant is.
func number(s string) int64 {
	if m := enumShift.FindStringSubmatch(s); m != nil {
		bit, _ := strconv.Atoi(m[1])
		return 1 << bit
	}
	v, err := strconv.ParseInt(strings.TrimRight(s, "UL"), 0, 64)
	if err != nil {
		return -1
	}
	return v
}

// wordStart finds where a word of a Go name begins, after another or after an abbreviation.
var wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// words is a Go name as C has it, in lower case.
func words(name string) string {
	return strings.ToLower(wordStart.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}

func c(t *Tree) []*File {
	var files []*File
	for _, f := range t.Files {
		if strings.HasSuffix(f.Path, ".c") || strings.HasSuffix(f.Path, ".h") {
			files = append(files, f)
		}
	}
	return files
}
