package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// pure are the directories whose code computes and does nothing else: what it is told is all
// it knows, so that a run can be repeated exactly.
var pure = []string{"view", "view/hostlist", "control"}

// impure are functions of packages that pure code may import for other reasons.
var impure = map[string][]string{
	"time": {"Now", "After", "AfterFunc", "Sleep", "NewTimer", "NewTicker", "Tick", "Since", "Until"},
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

// CheckPurity looks for goroutines, channels, clocks, output, map iteration and mutable
// package variables in pure code. Imports are left to CheckImports.
func CheckPurity(t *Tree, imports types.Importer) []Finding {
	var found []Finding
	for _, dir := range pure {
		var files []*ast.File
		for _, f := range t.Packages()[dir] {
			if !f.Test() {
				files = append(files, f.Syntax)
			}
		}
		if len(files) > 0 {
			found = append(found, checkPackage(t, Module+"/"+dir, files, imports)...)
		}
	}
	return found
}

func checkPackage(t *Tree, name string, files []*ast.File, imports types.Importer) []Finding {
	p := purity{tree: t, info: &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object),
	}}
	config := types.Config{Importer: imports, Error: func(err error) { p.add(token.NoPos, err.Error()) }}
	pkg, _ := config.Check(name, t.Fset, files, p.info)
	for _, f := range files {
		p.variables(f)
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			p.node(pkg, n)
			return true
		})
	}
	return p.found
}

type purity struct {
	tree  *Tree
	info  *types.Info
	found []Finding
}

func (p *purity) add(at token.Pos, what string) {
	where := "types"
	if at.IsValid() {
		where = p.tree.at(at)
	}
	p.found = append(p.found, Finding{where, what})
}

func (p *purity) node(pkg *types.Package, n ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		p.add(n.Pos(), "starts a goroutine")
	case *ast.SelectStmt:
		p.add(n.Pos(), "uses select")
	case *ast.ChanType:
		p.add(n.Pos(), "uses a channel")
	case *ast.RangeStmt:
		if tv := p.info.Types[n.X]; tv.Type != nil {
			if _, ok := tv.Type.Underlying().(*types.Map); ok {
				p.add(n.Pos(), "iterates over a map, whose order is random")
			}
		}
	case *ast.Ident:
		if f, ok := p.info.Uses[n].(*types.Func); ok && f.Pkg() != nil && f.Signature().Recv() == nil &&
			slices.Contains(impure[f.Pkg().Path()], f.Name()) {
			p.add(n.Pos(), "calls "+f.Pkg().Path()+"."+f.Name())
		}
	case *ast.AssignStmt:
		for _, left := range n.Lhs {
			p.assigned(pkg, left)
		}
	case *ast.IncDecStmt:
		p.assigned(pkg, n.X)
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			p.assigned(pkg, n.X)
		}
	}
}

// assigned complains when e is, or is part of, a variable of the package.
func (p *purity) assigned(pkg *types.Package, e ast.Expr) {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.Ident:
			if v, ok := p.info.Uses[x].(*types.Var); ok && v.Parent() == pkg.Scope() {
				p.add(x.Pos(), "changes or takes the address of the package's variable "+x.Name)
			}
			return
		default:
			return
		}
	}
}

// variables allows tables and errors at package level, nothing that could hold state.
func (p *purity) variables(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			for _, name := range s.(*ast.ValueSpec).Names {
				v := p.info.Defs[name]
				if name.Name != "_" && v != nil && !table(v.Type()) {
					p.add(name.Pos(), fmt.Sprintf("package variable %s of type %s could change: pass it, or make it an array", name.Name, v.Type()))
				}
			}
		}
	}
}

// table reports whether a value of the type holds no reference to anything that can change.
func table(t types.Type) bool {
	if types.Identical(t, types.Universe.Lookup("error").Type()) {
		return true
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return true
	case *types.Array:
		return table(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !table(f.Type()) {
				return false
			}
		}
		return true
	case *types.Signature:
		return false
	}
	return false
}
