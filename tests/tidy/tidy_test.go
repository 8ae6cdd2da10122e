package tidy

import (
	"go/types"
	"os"
	"path/filepath"
	"testing"
)

const root = "../.."

func tree(t *testing.T) *Tree {
	t.Helper()
	loaded, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func expectNone(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestImports(t *testing.T)         { expectNone(t, CheckImports(tree(t))) }
func TestPackageComments(t *testing.T) { expectNone(t, CheckPackageComments(tree(t))) }
func TestDocstrings(t *testing.T)      { expectNone(t, CheckDocstrings(tree(t))) }
func TestWidth(t *testing.T)           { expectNone(t, CheckWidth(tree(t))) }
func TestLength(t *testing.T)          { expectNone(t, CheckLength(tree(t))) }
func TestNames(t *testing.T)           { expectNone(t, CheckNames(tree(t))) }
func TestLicense(t *testing.T)         { expectNone(t, CheckLicense(tree(t))) }
func TestMapNames(t *testing.T)        { expectNone(t, CheckMapNames(tree(t))) }

func TestPurity(t *testing.T) {
	expectNone(t, CheckPurity(tree(t), exports(t, "./view/...", "./control/...")))
}

func TestTwins(t *testing.T) {
	scopes := make(map[string]*types.Scope)
	imports := exports(t, "./view", "./control")
	for _, dir := range []string{"view", "control"} {
		p, err := imports.Import(Module + "/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		scopes[dir] = p.Scope()
	}
	expectNone(t, CheckTwins(tree(t), scopes, Twins))
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	expectNone(t, CheckTopLevel(names))
}

func TestNamedTests(t *testing.T) {
	documents := map[string]string{}
	for _, path := range []string{"README.md", "bpf/README.md", "tests/README.md", "control/doc.go"} {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		documents[path] = string(text)
	}
	expectNone(t, CheckNamedTests(tree(t), documents))
}

func exports(t *testing.T, packages ...string) types.Importer {
	t.Helper()
	i, err := Importer(root, packages...)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
