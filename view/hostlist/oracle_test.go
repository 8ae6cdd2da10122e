package hostlist

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tools that lists are for are asked what they make of ours, where they are installed
// (Debian: clustershell, slurm-client).

// ask runs a tool and returns the words it prints.
func ask(t *testing.T, env []string, tool string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %.200q: %v: %.200s", tool, args, err, out)
	}
	return strings.Fields(string(out))
}

func need(t *testing.T, tool, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed (Debian package %s)", tool, pkg)
	}
}

// machineNames draws names whose numbers fit a machine word, which these tools need. Every
// line is a list of its own.
func machineNames(seed int) []string {
	var names []string
	for _, n := range anyNames().Filter(func(l []string) bool { return len(l) > 0 }).Example(seed) {
		if _, number := divide(n); number == "" && strings.Trim(n[max(0, len(n)-digitsMax):], "0123456789") == "" {
			continue
		}
		names = append(names, n)
	}
	return append(names, "last1")
}

func slurm(t *testing.T) []string {
	need(t, "scontrol", "slurm-client")
	conf := filepath.Join(t.TempDir(), "slurm.conf")
	text := "ClusterName=lab\nSlurmctldHost=x(127.0.0.1)\nAuthType=auth/none\nNodeName=n1\nPartitionName=a Nodes=ALL\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"SLURM_CONF=" + conf}
}

func TestSlurmReadsWhatFoldWrites(t *testing.T) {
	env := slurm(t)
	for seed := range 40 {
		names := machineNames(seed)
		folded := Fold(names)
		if got := ask(t, env, "scontrol", "show", "hostnames", folded); !slices.Equal(got, Sorted(names)) {
			t.Errorf("%q is %q to Slurm, want %q", folded, got, Sorted(names))
		}
	}
	var odd []string
	for i := range 8000 {
		odd = append(odd, fmt.Sprint("n", 2*i+1))
	}
	if got := ask(t, env, "scontrol", "show", "hostnames", Fold(odd)); !slices.Equal(got, odd) {
		t.Errorf("%d of 8000 odd names", len(got))
	}
	all, err := Expand("n[1-70000]")
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, env, "scontrol", "show", "hostnames", Fold(all)); !slices.Equal(got, all) {
		t.Errorf("%d of 70000 names", len(got))
	}
}

func TestExpandReadsAsSlurmDoes(t *testing.T) {
	env := slurm(t)
	for _, list := range []string{"n[01-03,05]", "n[08-100]", "n[9-11]", "r[1-2]n[01-02]", "n[3,1]", "n1,n1", "[1-3]", "n[098-101]"} {
		want := ask(t, env, "scontrol", "show", "hostnames", list)
		if got, err := Expand(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, Slurm %q", list, got, err, want)
		}
	}
}

func TestClusterShellReadsWhatFoldWrites(t *testing.T) {
	need(t, "nodeset", "clustershell")
	for seed := range 25 {
		names := machineNames(seed)
		folded := Fold(names)
		got := ask(t, nil, "nodeset", "-e", folded)
		slices.SortFunc(got, Compare)
		if !slices.Equal(got, Sorted(names)) {
			t.Errorf("%q is %q to ClusterShell, want %q", folded, got, Sorted(names))
		}
		refolded := ask(t, nil, "nodeset", "-f", folded)
		back, err := Expand(strings.Join(refolded, " "))
		if err != nil || !slices.Equal(Sorted(back), Sorted(names)) {
			t.Errorf("ClusterShell's %q is %q, %v, want %q", refolded, back, err, Sorted(names))
		}
	}
}

func TestExpandReadsAsClusterShellDoes(t *testing.T) {
	need(t, "nodeset", "clustershell")
	for _, list := range []string{
		"n[1-10/3]", "n[01-10/3]-ib[0-1]", "n[08,9]", "n[9-10]", "n[0-0]", "[1-2]", "a1[2-3]", "n[ 1-2 ]", "a b",
		"n[18446744073709551614-18446744073709551617]", "r[1-2]n[01-03]-ib0", "n[098-101]",
	} {
		want := ask(t, nil, "nodeset", "-e", list)
		slices.SortFunc(want, Compare)
		if got, err := Expand(list); err != nil || !slices.Equal(Sorted(got), want) {
			t.Errorf("%q: %q, %v, ClusterShell %q", list, got, err, want)
		}
	}
}
