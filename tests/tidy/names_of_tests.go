package tidy

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// testName is how documents name a test.
var testName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)

// CheckNamedTests wants every test that a document names as evidence to exist. Documents are texts
// by path.
func CheckNamedTests(t *Tree, documents map[string]string) []Finding {
	exist := map[string]bool{}
	for _, f := range t.Files {
		if f.Syntax == nil || !f.Test() {
			continue
		}
		for _, d := range f.Syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				exist[fn.Name.Name] = true
			}
		}
	}
	var found []Finding
	for path, text := range documents {
		for i, line := range strings.Split(text, "\n") {
			for _, name := range testName.FindAllString(line, -1) {
				if !exist[name] {
					found = append(found, Finding{fmt.Sprintf("%s:%d", path, i+1), "no test is called " + name})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Where+a.What, b.Where+b.What) })
	return found
}
