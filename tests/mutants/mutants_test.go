package mutants

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mutant is package control with one rule broken.
type mutant struct {
	name     string
	patches  []patch
	check    string // walks, levels, search, sim or stored, or a package, seen from tests, and its test that must fail
	breaks   string // the guarantee or check of the oracle that must break; else what the failing test says
	opening  string // with walks, levels and search: they begin there only
	run      string // with stored: a file of tests/sim/testdata
	from     string // with walks, levels and sim: the first seed, where those from 1 on take long
	seeds    string // with walks, levels, sim and TestSeeds of sim/levels: within so many, several times what it took
	harmless bool   // it must not break that: what the next ones leave out holds alone
}

// patch replaces a text that must be in the file exactly once, and in the body of one function.
type patch struct{ file, old, new string }

// oracle is the command that looks for what a mutant breaks, where no test of a package does.
const oracle = "mutants/oracle"

// TestMutants has a rule of package control broken, and expects the oracle, or a test, to notice what that
// breaks within the given seeds. The seeds are the same in every run.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	all := slices.Concat(mutants, kept)
	b := newBuilder(t, all)
	for i, m := range all {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			run, err := m.command(b)
			if err != nil {
				t.Fatal(err)
			}
			run.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(i+1))
			out, err := run.CombinedOutput()
			t.Logf("%s", out)
			var exit *exec.ExitError
			switch caught := errors.As(err, &exit) && exit.ExitCode() == 1; {
			case err != nil && !caught:
				t.Fatal(err)
			case caught && m.harmless:
				t.Errorf("it breaks %s", m.breaks)
			case !caught && !m.harmless:
				t.Error("nobody noticed")
			case caught && !strings.Contains(string(out), m.breaks):
				t.Errorf("what broke is not %q", m.breaks)
			}
		})
	}
}

// command looks for what the mutant breaks, and exits with status 1 if it finds it.
func (m *mutant) command(b *builder) (*exec.Cmd, error) {
	folder, story, is := strings.Cut(m.check, " ")
	if !is {
		folder = oracle
	}
	program, err := b.program(folder)
	if err != nil {
		return nil, err
	}
	run := exec.Command(program)
	if is {
		run.Dir = filepath.Join("..", folder)
		run.Args = append(run.Args, "-test.run", "^"+story+"$")
	} else {
		run.Args = append(run.Args, "-check", m.check, "-only", m.breaks, "-opening", m.opening)
	}
	if m.run != "" {
		run.Args = append(run.Args, "-file", filepath.Join("../sim/testdata", m.run))
	}
	if m.from != "" {
		run.Args = append(run.Args, "-from", m.from)
	}
	if m.seeds != "" {
		run.Args = append(run.Args, "-seeds", m.seeds)
	}
	return run, nil
}

// TestMutantsApply: each mutant changes what it means to change, and says what that breaks.
func TestMutantsApply(t *testing.T) {
	all := slices.Concat(mutants, kept)
	if _, err := merge("../../control", all); err != nil {
		t.Error(err)
	}
	for _, m := range all {
		if m.breaks == "" {
			t.Errorf("what %q breaks is not said", m.name)
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
