package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKeygen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	if r := invoke(t.Context(), "/nowhere", "keygen", path); r.code != exitOK || r.out != "" {
		t.Fatalf("keygen: %v", r)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Fatalf("mode %v, error %v, want 0400", info.Mode(), err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if r := invoke(t.Context(), "/nowhere", "keygen", path); r.code != exitError {
		t.Errorf("second keygen: %v", r)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the key changed, or is gone: %v", err)
	}
}
