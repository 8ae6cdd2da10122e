package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Module is the name of this project's Go module.
const Module = "rollcall"

// Finding is one breach of a rule.
type Finding struct {
	Where string // file or file:line, relative to the tree's root
	What  string
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// File is one file of the tree: its text, and for Go its syntax.
type File struct {
	Path   string // relative to the tree's root, with slashes
	Text   string
	Syntax *ast.File // nil for other languages
}

// Test reports whether only tests use the file.
func (f *File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Generated reports whether a program wrote the file.
func (f *File) Generated() bool {
	return f.Syntax != nil && ast.IsGenerated(f.Syntax) || strings.HasSuffix(f.Path, "_bpfel.go")
}

// Dir is the directory of the file, "." for the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// Tree is the source that rules judge.
type Tree struct {
	Fset  *token.FileSet
	Files []*File
}

// Load reads the Go, C and script files below root. It leaves out dot-directories but .ci,
// testdata, and what builds leave behind.
func Load(root string) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() {
			hidden := strings.HasPrefix(e.Name(), ".") && rel != "." && rel != ".ci"
			if hidden || e.Name() == "testdata" || rel == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		if !source(rel) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return t.Add(rel, string(text))
	})
	if err != nil {
		return nil, fmt.Errorf("load the tree at %s: %w", root, err)
	}
	return t, nil
}

func source(name string) bool {
	switch path.Ext(name) {
	case ".go", ".c", ".h", ".sh":
		return true
	}
	return strings.HasPrefix(name, ".ci/")
}

// Add puts one file into the tree.
func (t *Tree) Add(name, text string) error {
	f := &File{Path: name, Text: text}
	if path.Ext(name) == ".go" {
		syntax, err := parser.ParseFile(t.Fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		f.Syntax = syntax
	}
	t.Files = append(t.Files, f)
	return nil
}

// Packages groups the Go files by directory, tests of package x_test with those of x.
func (t *Tree) Packages() map[string][]*File {
	p := make(map[string][]*File)
	for _, f := range t.Files {
		if f.Syntax != nil {
			p[f.Dir()] = append(p[f.Dir()], f)
		}
	}
	return p
}

func (t *Tree) at(p token.Pos) string {
	q := t.Fset.Position(p)
	return fmt.Sprintf("%s:%d", q.Filename, q.Line)
}
