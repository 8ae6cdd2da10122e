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

// testsOf is how documents name tests of one folder: the folder, and their names after it.
var testsOf = regexp.MustCompile(`([a-z][\w/]*)((?:(?:\s|//|,)+(?:Test|Fuzz|Benchmark)[A-Z]\w*)+)`)

// CheckNamedTests wants every test that a document names as evidence to exist, in the folder that stands
// before it if one does. Documents are texts by path.
func CheckNamedTests(t *Tree, documents map[string]string) []Finding {
	exist, of := map[string]bool{}, map[string]map[string]bool{}
	for _, f := range t.Files {
		if f.Syntax == nil || !f.Test() {
			continue
		}
		dir := f.Dir()
		if of[dir] == nil {
			of[dir] = map[string]bool{}
		}
		for _, d := range f.Syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				exist[fn.Name.Name], of[dir][fn.Name.Name] = true, true
			}
		}
	}
	var found []Finding
	for document, text := range documents {
		tell := func(at int, what string) {
			line := 1 + strings.Count(text[:at], "\n")
			found = append(found, Finding{fmt.Sprintf("%s:%d", document, line), what})
		}
		for _, at := range testName.FindAllStringIndex(text, -1) {
			if name := text[at[0]:at[1]]; !exist[name] {
				tell(at[0], "no test is called "+name)
			}
		}
		for _, at := range testsOf.FindAllStringSubmatchIndex(text, -1) {
			dir := text[at[2]:at[3]]
			for _, name := range testName.FindAllString(text[at[4]:at[5]], -1) {
				if of[dir] != nil && exist[name] && !of[dir][name] {
					tell(at[0], dir+" has no test called "+name)
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Where+a.What, b.Where+b.What) })
	return found
}
