package mutants

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is package control with one rule broken.
type mutant struct {
	name     string
	patches  []patch
	check    string // walks, levels, search, sim or stored, or a package, seen from tests, and its test that must fail
	opening  string // with walks and search: they begin there only
	only     string // with sim: the guarantee that must break
	run      string // with stored: a file of tests/sim/testdata
	from     string // with walks, levels and sim: the first seed, where those from 1 on take long
	seeds    string // with walks, sim and TestSeeds of sim/levels: within so many, several times what it took
	harmless bool   // it must break nothing: what the next ones leave out holds alone
}

// patch replaces a text that must be in the file exactly once.
type patch struct{ file, old, new string }

// TestMutants builds the oracle with a rule of package control broken, and expects it to notice
// within the given seeds. The seeds are the same in every run.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles package control once for each")
	}
	control, err := filepath.Abs("../../control")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.Concat(mutants, kept) {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			out, err := m.command(t, control).CombinedOutput()
			t.Logf("%s", out)
			var exit *exec.ExitError
			switch broken := errors.As(err, &exit) && exit.ExitCode() == 1; {
			case err != nil && !broken:
				t.Fatal(err)
			case broken && m.harmless:
				t.Error("it breaks something")
			case !broken && !m.harmless:
				t.Error("nobody noticed")
			}
		})
	}
}

// command looks for what the mutant breaks, and exits with status 1 if it finds it.
func (m *mutant) command(t *testing.T, control string) *exec.Cmd {
	overlay := m.overlay(t, control)
	to := filepath.Join(t.TempDir(), "mutant")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", to, "./oracle")
	run := exec.Command(to, "-check", m.check, "-only", m.only, "-opening", m.opening)
	if m.run != "" {
		run.Args = append(run.Args, "-file", filepath.Join("../sim/testdata", m.run))
	}
	if m.from != "" {
		run.Args = append(run.Args, "-from", m.from)
	}
	if m.seeds != "" {
		run.Args = append(run.Args, "-seeds", m.seeds)
	}
	if folder, story, is := strings.Cut(m.check, " "); is {
		build, run = exec.Command("go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", to, "../"+folder), exec.Command(to, "-test.run", "^"+story+"$")
		run.Dir = "../" + folder
		if m.seeds != "" {
			run.Args = append(run.Args, "-seeds", m.seeds)
		} else { // a story is over sooner than its optimized program is built
			build.Args = slices.Insert(build.Args, 3, "-gcflags=rollcall/...=-N -l")
		}
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return run
}

// TestMutantsApply: each mutant changes what it means to change.
func TestMutantsApply(t *testing.T) {
	for _, m := range slices.Concat(mutants, kept) {
		if _, err := m.apply("../../control"); err != nil {
			t.Errorf("%s has to be written anew: %v", m.name, err)
		}
	}
}

// TestStoredRuns: for each run in tests/sim/testdata a mutant undoes the rule that came of it.
func TestStoredRuns(t *testing.T) {
	files, err := filepath.Glob("../sim/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.ContainsFunc(kept, func(m mutant) bool { return m.run == filepath.Base(file) }) {
			t.Errorf("no mutant shows that %s can fail", file)
		}
	}
}

// apply gives the files of package control that the mutant changes.
func (m *mutant) apply(control string) (map[string]string, error) {
	files := map[string]string{}
	for _, p := range m.patches {
		if files[p.file] == "" {
			text, err := os.ReadFile(filepath.Join(control, p.file))
			if err != nil {
				return nil, err
			}
			files[p.file] = string(text)
		}
		if n := strings.Count(files[p.file], p.old); n != 1 {
			return nil, fmt.Errorf("%s has this %d times:\n%s", p.file, n, p.old)
		}
		files[p.file] = strings.Replace(files[p.file], p.old, p.new, 1)
	}
	return files, nil
}

// overlay writes the mutant's files and the list by which the go command takes them for the real
// ones.
func (m *mutant) overlay(t *testing.T, control string) (list string) {
	t.Helper()
	files, err := m.apply(control)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for name, text := range files {
		replace[filepath.Join(control, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	return list
}
