package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/dataplane"
	"rollcall/view/publish"
)

// inspect runs the doctor on a configuration and returns its findings by check.
func inspect(t *testing.T, socket, text string) (result, map[string]finding) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := invoke(t.Context(), socket, "doctor", "--config", path, "-o", "json")
	var list []finding
	if err := json.Unmarshal([]byte(r.out), &list); err != nil {
		t.Fatalf("doctor wrote %q: %v", r.out, err)
	}
	found := make(map[string]finding)
	for _, f := range list {
		if old, ok := found[f.Check]; !ok || old.Verdict == verdictOK {
			found[f.Check] = f
		}
	}
	return r, found
}

func configuration(key, device string) string {
	return fmt.Sprintf(`cluster = "tofu"
node = "cn001"
interfaces = [%q]
attach = "socket"
key_file = %q
founders = "cn001"
contacts = ["127.0.0.1:7746"]
rpc = "127.0.0.1:7746"
[[group]]
id = 0
nodes = "cn[001-004]"
`, device, key)
}

func TestDoctor(t *testing.T) {
	f := start(t)
	key := filepath.Join(t.TempDir(), "cluster.key")

	r, found := inspect(t, f.socket, configuration(key, "lo"))
	if r.code != exitError || found["key"].Verdict != verdictFail || !strings.Contains(found["key"].What, "rollcall keygen "+key) {
		t.Errorf("without a key: exit %d, %+v", r.code, found["key"])
	}
	if r := invoke(t.Context(), f.socket, "keygen", key); r.code != exitOK {
		t.Fatal(r)
	}
	r, found = inspect(t, f.socket, configuration(key, "lo"))
	if r.code != exitOK {
		t.Errorf("all is well, but exit %d: %v", r.code, r)
	}
	for _, check := range []string{"config", "key", "daemon", "pacer"} {
		if found[check].Verdict != verdictOK {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	f.paced = publish.Pacing{Pacer: dataplane.PacerThread, Refused: dataplane.ByConfiguration, CPU: -1}
	if _, found = inspect(t, f.socket, configuration(key, "lo")); found["pacer"].Verdict != verdictNote || !strings.Contains(found["pacer"].Remedy, "auto") {
		t.Errorf("beats of the thread: %+v", found["pacer"])
	}
	if err := os.Chmod(key, 0o444); err != nil {
		t.Fatal(err)
	}
	if _, found = inspect(t, f.socket, configuration(key, "lo")); !strings.Contains(found["key"].What, "chmod") {
		t.Errorf("key that others can read: %+v", found["key"])
	}
	if r, found = inspect(t, f.socket, configuration(key, "nosuch0")); found["interface"].Verdict != verdictFail || r.code != exitError {
		t.Errorf("missing interface: %+v", found["interface"])
	}
	if r, found = inspect(t, f.socket, "colour = 1\n"); found["config"].Verdict != verdictFail || r.code != exitError {
		t.Errorf("bad configuration: %+v", found["config"])
	}
	if _, found = inspect(t, filepath.Join(t.TempDir(), "nobody"), configuration(key, "lo")); found["daemon"].Verdict != verdictNote {
		t.Errorf("no daemon: %+v", found["daemon"])
	}
}
