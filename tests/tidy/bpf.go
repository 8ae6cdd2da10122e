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
// are compared without prefix, case and underscore: RC_BEAT_TAKEN is ReasonBeatTaken.
type Twin struct {
	C, CPrefix   string
	Go, GoPrefix string // type in package control, and what its constants start with
}

// Twins are the enums that frames, maps and commands carry.
var Twins = []Twin{
	{C: "rc_kind", CPrefix: "RC_", Go: "Kind", GoPrefix: "Kind"},
}

// CheckLicense wants the licence line at the head of every C file.
func CheckLicense(t *Tree) []Finding {
	var found []Finding
	for _, f := range c(t) {
		if head, _, _ := strings.Cut(f.Text, "\n"); !strings.Contains(head, spdx) {
			found = append(found, Finding{f.Path, "the first line is not " + spdx})
		}
	}
	return found
}

var mapName = regexp.MustCompile(`(?s)\}\s*(\w+)\s*SEC\("\.maps"\)`)

// CheckMapNames bounds the names of maps, which bpftool would show cut.
func CheckMapNames(t *Tree) []Finding {
	var found []Finding
	for _, f := range c(t) {
		for _, m := range mapName.FindAllStringSubmatch(f.Text, -1) {
			if len(m[1]) > mapNameMax {
				found = append(found, Finding{f.Path, fmt.Sprintf("map name %s is longer than %d characters", m[1], mapNameMax)})
			}
		}
	}
	return found
}

// CheckTwins compares enums; scope is that of package control.
func CheckTwins(t *Tree, scope *types.Scope, twins []Twin) []Finding {
	var found []Finding
	enums := make(map[string]map[string]int64)
	for _, f := range c(t) {
		maps.Copy(enums, Enums(f.Text))
	}
	for _, w := range twins {
		ours := make(map[string]int64)
		for name, v := range enums[w.C] {
			ours[plain(strings.TrimPrefix(name, w.CPrefix))] = v
		}
		if len(ours) == 0 {
			found = append(found, Finding{"bpf", "no enum " + w.C})
			continue
		}
		theirs := constants(scope, w.Go, w.GoPrefix)
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

// constants returns the values of the Go constants of a type. A plural, which counts the
// others (Reasons, States), does not start with the prefix and a capital and is left out.
func constants(scope *types.Scope, typ, prefix string) map[string]int64 {
	values := make(map[string]int64)
	for _, name := range scope.Names() {
		k, ok := scope.Lookup(name).(*types.Const)
		rest, has := strings.CutPrefix(name, prefix)
		if !ok || !has || rest == "" || rest[0] < 'A' || rest[0] > 'Z' {
			continue
		}
		n, ok := k.Type().(*types.Named)
		if v, exact := constant.Int64Val(k.Val()); ok && exact && n.Obj().Name() == typ {
			values[plain(rest)] = v
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

func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func c(t *Tree) []*File {
	var files []*File
	for _, f := range t.Files {
		if strings.HasSuffix(f.Path, ".c") || strings.HasSuffix(f.Path, ".h") {
			files = append(files, f)
		}
	}
	return files
}
