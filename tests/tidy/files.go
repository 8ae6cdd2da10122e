package tidy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// LinesMax is how long a file may be.
const LinesMax = 400

// longer names files that may be longer, with the reason.
var longer = map[string]string{}

// emptyNames say nothing about what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "types", "base", "shared"}

// topLevel is all that the root of the tree holds, beside files whose names start with a dot.
var topLevel = []string{
	"LICENSE", "Makefile", "README.md", "bin", "bpf", "cmd", "control", "dataplane", "go.mod", "go.sum", "tests", "view",
}

// CheckLength bounds the length of files; generated ones and tests are as long as they are.
func CheckLength(t *Tree) []Finding {
	var found []Finding
	for _, f := range t.Files {
		lines := strings.Count(f.Text, "\n")
		if lines <= LinesMax || f.Test() || f.Generated() || longer[f.Path] != "" {
			continue
		}
		found = append(found, Finding{f.Path, fmt.Sprintf("%d lines, at most %d: split it by idea", lines, LinesMax)})
	}
	return found
}

// CheckNames refuses directories and files whose name says nothing.
func CheckNames(t *Tree) []Finding {
	var found []Finding
	for _, f := range t.Files {
		parts := strings.Split(f.Path, "/")
		last := len(parts) - 1
		parts[last] = strings.TrimSuffix(strings.TrimSuffix(parts[last], path.Ext(parts[last])), "_test")
		for _, part := range parts {
			if slices.Contains(emptyNames, part) {
				found = append(found, Finding{f.Path, fmt.Sprintf("the name %q says nothing", part)})
			}
		}
	}
	return found
}

// CheckTopLevel keeps the root of the tree small. Names are those of its entries.
func CheckTopLevel(names []string) []Finding {
	var found []Finding
	for _, name := range names {
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) {
			found = append(found, Finding{name, "does not belong at the top level"})
		}
	}
	return found
}
