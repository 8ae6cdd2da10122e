package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// WidthMax is where comments end at the latest, in characters of a line.
const WidthMax = 120

// documented are the packages in which every exported name has a comment.
var documented = []string{"view", "view/hostlist", "view/publish", "control", "dataplane"}

// CheckPackageComments wants one package comment for every package.
func CheckPackageComments(t *Tree) []Finding {
	var found []Finding
	packages := t.Packages()
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		files := packages[dir]
		has, code := false, false
		for _, f := range files {
			code = code || !f.Test()
			has = has || f.Syntax.Doc != nil && len(f.Syntax.Doc.Text()) > 0 && !f.Generated()
		}
		if !has {
			what := "no package comment: write one in doc.go"
			if !code {
				what = "no package comment: tests alone need to say what they show, too"
			}
			found = append(found, Finding{dir, what})
		}
	}
	return found
}

// CheckDocstrings wants a comment on every exported name of the packages that others
// program against. In a group of constants or variables the group's comment serves all.
func CheckDocstrings(t *Tree) []Finding {
	var found []Finding
	for _, f := range t.Files {
		if f.Syntax == nil || f.Test() || f.Generated() || !slices.Contains(documented, f.Dir()) {
			continue
		}
		for _, d := range f.Syntax.Decls {
			for _, name := range undocumented(d) {
				found = append(found, Finding{t.at(name.Pos()), "exported " + name.Name + " has no comment"})
			}
		}
	}
	return found
}

func undocumented(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !speaksForItself(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil && (d.Tok != token.TYPE || !d.Lparen.IsValid()) {
			return nil
		}
		var names []*ast.Ident
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if s.Doc == nil && s.Comment == nil && n.IsExported() {
						names = append(names, n)
					}
				}
			}
		}
		return names
	}
	return nil
}

// speaksForItself reports whether the interface that the method serves says all there is.
func speaksForItself(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap"}, d.Name.Name)
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !exported {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// CheckWidth bounds how far to the right comments reach: what is longer stands above the code.
func CheckWidth(t *Tree) []Finding {
	var found []Finding
	for _, f := range t.Files {
		for _, at := range commentsOf(t, f) {
			line := strings.LastIndexByte(f.Text[:at[0]], '\n') + 1
			for text := range strings.SplitSeq(f.Text[line:at[1]], "\n") {
				if width := utf8.RuneCountInString(text); width > WidthMax && !strings.HasPrefix(text, "//go:") {
					number := 1 + strings.Count(f.Text[:line], "\n")
					found = append(found, Finding{fmt.Sprintf("%s:%d", f.Path, number),
						fmt.Sprintf("a comment reaches to column %d, at most %d", width, WidthMax)})
				}
				line += len(text) + 1
			}
		}
	}
	return found
}

// commentsOf finds where the comments of a Go or C file begin and end.
func commentsOf(t *Tree, f *File) (at [][]int) {
	if f.Syntax == nil {
		if strings.HasSuffix(f.Path, ".c") || strings.HasSuffix(f.Path, ".h") {
			return cComment.FindAllStringIndex(f.Text, -1)
		}
		return nil
	}
	for _, group := range f.Syntax.Comments {
		for _, c := range group.List {
			at = append(at, []int{t.Fset.Position(c.Pos()).Offset, t.Fset.Position(c.End()).Offset})
		}
	}
	return at
}
