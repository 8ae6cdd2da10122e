package key

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreatedKeyLoads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	made, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o400 {
		t.Errorf("mode %04o, want 0400", info.Mode().Perm())
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != made {
		t.Error("loaded another key than was created")
	}
	if _, err := Create(path); err == nil {
		t.Error("overwrote a key file")
	}
	if again, err := Load(path); err != nil || len(again) != 1 || again[0] != made {
		t.Errorf("refused Create changed the file: %v", err)
	}
}

// TestRotateAndRetire walks a file through a rotation, and refuses the steps out of order.
func TestRotateAndRetire(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	old, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Retire(path); err == nil || !strings.Contains(err.Error(), "rollcall key rotate") {
		t.Errorf("retired the only key: %v", err)
	}
	both, err := Rotate(path)
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := Load(path); err != nil || len(loaded) != 2 || loaded[0] != old || loaded[1] != both[1] {
		t.Errorf("loaded %v, %v", loaded.IDs(), err)
	}
	if _, err := Rotate(path); err == nil || !strings.Contains(err.Error(), "rollcall key retire") {
		t.Errorf("rotated in the middle of a rotation: %v", err)
	}
	retired, err := Retire(path)
	if err != nil || retired != old.ID() {
		t.Errorf("retired %v, %v; want %v", retired, err, old.ID())
	}
	if loaded, err := Load(path); err != nil || len(loaded) != 1 || loaded[0] != both[1] {
		t.Errorf("loaded %v, %v", loaded.IDs(), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files left", len(entries))
	}
}

func TestLoadRefusesModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	if _, err := Create(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o440, 0o404, 0o644, 0o620, 0o601, 0o700} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), "chmod 0400 "+path) {
			t.Errorf("mode %04o: got %v, want an error that names the remedy", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o400, 0o600} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestLoadNamesKeygen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	_, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), "rollcall keygen "+path) {
		t.Errorf("got %v, want an error that names the remedy", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("loaded a directory")
	}
}

func TestParse(t *testing.T) {
	digits := strings.Repeat("0123456789abcdef", 4)
	if _, err := Parse([]byte(prefix + digits + "\n")); err != nil {
		t.Error(err)
	}
	line := prefix + digits + "\n"
	for _, text := range []string{
		"", "\n", digits, "rollcall-key-2:" + digits, prefix, prefix + digits[1:], prefix + digits + "0",
		prefix + digits + "\n\n", prefix + digits + "\r\n", " " + prefix + digits,
		prefix + strings.Replace(digits, "f", "g", 1), prefix + strings.Repeat("0", 64),
		line + line, line + line + line, line + "\n" + line,
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("took %q", text)
		}
	}
}

func TestKeyNeverPrints(t *testing.T) {
	k := Generate()
	secret := fmt.Sprintf("%x", k.Bytes())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); strings.Contains(got, secret) || strings.Contains(got, fmt.Sprint(k.Bytes())) {
			t.Errorf("%s shows the secret", verb)
		}
	}
}

func TestAuthority(t *testing.T) {
	a, b := Generate(), Generate()
	if a == b {
		t.Fatal("drew the same key twice")
	}
	if !a.Authority("tofu").Equal(a.Authority("tofu")) {
		t.Error("two derivations of one authority differ")
	}
	if a.Authority("tofu").Equal(a.Authority("miso")) || a.Authority("tofu").Equal(b.Authority("tofu")) {
		t.Error("authorities of two clusters or keys are the same")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(prefix + strings.Repeat("5a", Size) + "\n"))
	f.Add([]byte("rollcall-key-1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		want := strings.ToLower(strings.TrimSuffix(string(text), "\n"))
		var lines []string
		for _, k := range r {
			lines = append(lines, fmt.Sprintf("%s%x", prefix, k.Bytes()))
		}
		if got := strings.Join(lines, "\n"); got != want {
			t.Errorf("read %q as %q", text, got)
		}
	})
}
