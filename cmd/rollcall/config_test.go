package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const configHead = `# the machine room
cluster    = "tofu"
interfaces = ["hsn0"]
founders   = "cn1,cn5"
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigGenerate(t *testing.T) {
	topology := write(t, "topology.conf", "SwitchName=s0 Nodes=cn[1-4]\nSwitchName=s1 Nodes=cn[5-8]\n")
	made := invoke(t.Context(), "/nowhere", "config", "generate", "--from", "slurm-topology", topology, "--size", "4")
	if made.code != exitOK || made.out != "[[group]]\nid    = 0\nname  = \"s0\"\nnodes = \"cn[1-4]\"\n\n[[group]]\nid    = 1\nname  = \"s1\"\nnodes = \"cn[5-8]\"\n" {
		t.Fatalf("generate: %v", made)
	}
	file := write(t, "rollcall.toml", configHead+made.out)
	good := invoke(t.Context(), "/nowhere", "config", "check", file)
	if good.code != exitOK || !strings.Contains(good.errors, "8 nodes in 2 groups, founders cn[1,5]") || !strings.Contains(good.out, "0   s0    udp        4       cn[1-4]") {
		t.Fatalf("check: %v", good)
	}

	keep := []string{"config", "generate", "--from", "hostlist", "--size", "4", "--keep", file, "--write", file}
	if r := invoke(t.Context(), "/nowhere", append(keep, "cn[1-9]")...); r.code != exitOK || r.out != "" || !strings.Contains(r.errors, "group 2: new, cn9") {
		t.Errorf("generate with --keep: %v", r)
	}
	want := configHead + made.out + "\n[[group]]\nid    = 2\nnodes = \"cn9\"\n"
	if text, err := os.ReadFile(file); err != nil || string(text) != want {
		t.Errorf("wrote, %v:\n%s", err, text)
	}
	// A founder that goes makes the file invalid: it stays as it is.
	if r := invoke(t.Context(), "/nowhere", append(keep, "cn[1-4,6-9]")...); r.code != exitError || !strings.Contains(r.errors, "cn5 is in no group") {
		t.Errorf("generate without a founder: %v", r)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != want {
		t.Errorf("a refused result was written, %v:\n%s", err, text)
	}
}

func TestConfigBad(t *testing.T) {
	file := write(t, "bad.toml", strings.Replace(configHead, "cn5", "cn2", 1)+"[[group]]\nid = 0\nnodes = \"cn[1-4]\"\n[[group]]\nid = 1\nnodes = \"cn5\"\n")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"config", "check", file}, "bad.toml:4: founders: cn1 and cn2 are both in group 0"},
		{[]string{"config", "check", file + ".not"}, "read configuration: "},
		{[]string{"config", "generate", "cn[1-2]"}, "say what to read"},
		{[]string{"config", "generate", "--from", "slurm-topology", file + ".not"}, "read topology: "},
		{[]string{"config", "generate", "--from", "hostlist", "cn[1-4]", "--keep", file}, "both in group 0"},
	} {
		if r := invoke(t.Context(), "/nowhere", test.args...); r.code != exitError || r.out != "" || !strings.Contains(r.errors, test.want) {
			t.Errorf("%v: got %v, want %s", test.args, r, test.want)
		}
	}
}
