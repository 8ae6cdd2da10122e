package mutants

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// chooser is what package control gets in addition: which of its rules is broken, by the number of a mutant, from 1 on.
const chooser = `package control

import (
	"os"
	"strconv"
)

var mutant, _ = strconv.Atoi(os.Getenv("MUTANT"))
`

// builder compiles each program once, with all mutants in it.
type builder struct {
	t     *testing.T
	dir   string
	flags []string // that have the go command take the mutants' files for those of package control
	built sync.Map // by what is built, its path or why it is not
}

func newBuilder(t *testing.T, all []mutant) *builder {
	t.Helper()
	control, err := filepath.Abs("../../control")
	if err != nil {
		t.Fatal(err)
	}
	files, err := merge(control, all)
	if err != nil {
		t.Fatal(err)
	}
	files["mutant.go"] = chooser
	b := &builder{t: t, dir: t.TempDir()}
	replace := map[string]string{}
	for name, text := range files {
		at := filepath.Join(b.dir, name)
		replace[filepath.Join(control, name)] = at
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(b.dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	b.flags = []string{"-ldflags=-s -w", "-overlay", list}
	return b
}

// program is the path of the oracle, or of the tests of a package, seen from tests.
func (b *builder) program(what string) (string, error) {
	build, _ := b.built.LoadOrStore(what, sync.OnceValues(func() (string, error) {
		to := filepath.Join(b.dir, strings.NewReplacer("/", "_", ".", "_").Replace(what))
		args := []string{"build"}
		if what != oracle {
			args = []string{"test", "-c"}
		}
		args = append(append(args, b.flags...), "-o", to, filepath.Join("..", what))
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", what, err, out)
		}
		return to, nil
	}))
	return build.(func() (string, error))()
}

// merge gives the files of package control that mutants change. A function that a rule is in begins with the
// broken form of its body, which is taken where the chooser says so. What the compiler says of it names the
// mutant.
func merge(control string, all []mutant) (map[string]string, error) {
	files := map[string]string{}
	for _, name := range patched(all) {
		text, err := os.ReadFile(filepath.Join(control, name))
		if err != nil {
			return nil, err
		}
		s, err := parse(filepath.Join(control, name), string(text))
		if err != nil {
			return nil, err
		}
		for i := range all {
			if err := s.breakRule(i+1, &all[i]); err != nil {
				return nil, fmt.Errorf("%q has to be written anew: %w", all[i].name, err)
			}
		}
		files[name] = s.String()
	}
	return files, nil
}

func patched(all []mutant) (names []string) {
	for _, m := range all {
		for _, p := range m.patches {
			names = append(names, p.file)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// source is a file of package control.
type source struct {
	path, text string
	functions  []function
}

// function is one with a body, and the broken forms of that.
type function struct {
	begin, end int // of the body, without its braces
	line       int // of its brace
	results    bool
	broken     string
}

func parse(path, text string) (*source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s := &source{path: path, text: text}
	for _, d := range file.Decls {
		if f, is := d.(*ast.FuncDecl); is {
			begin, end := set.Position(f.Body.Lbrace), set.Position(f.Body.Rbrace)
			s.functions = append(s.functions, function{begin: begin.Offset + 1, end: end.Offset, line: begin.Line, results: f.Type.Results != nil})
		}
	}
	return s, nil
}

// breakRule adds what the mutant makes of the functions of the file.
func (s *source) breakRule(number int, m *mutant) error {
	bodies := make([]string, len(s.functions))
	for _, p := range m.patches {
		if filepath.Base(s.path) != p.file {
			continue
		}
		if n := strings.Count(s.text, p.old); n != 1 {
			return fmt.Errorf("%s has this %d times:\n%s", p.file, n, p.old)
		}
		at := strings.Index(s.text, p.old)
		i := slices.IndexFunc(s.functions, func(f function) bool { return f.begin <= at && at+len(p.old) <= f.end })
		if i < 0 {
			return fmt.Errorf("in %s this is in no function's body:\n%s", p.file, p.old)
		}
		if bodies[i] == "" {
			bodies[i] = s.text[s.functions[i].begin:s.functions[i].end]
		}
		bodies[i] = strings.Replace(bodies[i], p.old, p.new, 1)
	}
	for i, body := range bodies {
		if body == "" {
			continue
		}
		if !s.functions[i].results {
			body += "\nreturn\n"
		}
		s.functions[i].broken += fmt.Sprintf("\nif mutant == %d {\n//line %s:1\n%s}\n", number, m.name, body)
	}
	return nil
}

// String is the file with all broken forms in it.
func (s *source) String() string {
	var b strings.Builder
	at := 0
	for i := range s.functions {
		if f := &s.functions[i]; f.broken != "" {
			fmt.Fprintf(&b, "%s%s//line %s:%d\n", s.text[at:f.begin], f.broken, s.path, f.line)
			at = f.begin
		}
	}
	return b.String() + s.text[at:]
}
