package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

var replacements = map[string]func(string, []byte, fs.FileMode) error{"Replace": Replace, "ReplaceDurably": ReplaceDurably}

// Many replace a file while it is read: it is always one of theirs, whole.
func TestReplaceIsOneStep(t *testing.T) {
	const size, writers, times = 64 << 10, 4, 50
	for name, replace := range replacements {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := replace(path, bytes.Repeat([]byte{'a'}, size), 0o600); err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			for i := range writers {
				go func() {
					var err error
					for range times {
						err = errors.Join(err, replace(path, bytes.Repeat([]byte{'a' + byte(i)}, size), 0o600))
					}
					done <- err
				}()
			}
			for left := writers; left > 0; {
				text, err := os.ReadFile(path)
				if err != nil || len(text) != size || !bytes.Equal(text, bytes.Repeat(text[:1], size)) {
					t.Errorf("read %d bytes that nobody wrote at once, %v", len(text), err)
				}
				select {
				case err := <-done:
					if left--; err != nil {
						t.Error(err)
					}
				default:
				}
			}
			if found := list(t, path); len(found) != 1 {
				t.Errorf("beside the file: %v", found)
			}
		})
	}
}

func TestReplaceFails(t *testing.T) {
	for name, replace := range replacements {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := os.Mkdir(path, 0o700); err != nil { // a folder is not replaced by a file
				t.Fatal(err)
			}
			if err := replace(path, []byte("new"), 0o600); err == nil {
				t.Error("no error")
			}
			if found := list(t, path); len(found) != 1 || !found[0].IsDir() {
				t.Errorf("left behind: %v", found)
			}
		})
	}
}

// The mode is what was asked for, whatever the old one and the umask.
func TestMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o400, 0o666} {
		path := filepath.Join(t.TempDir(), "file")
		for _, write := range []func(string, []byte, fs.FileMode) error{Create, Replace, ReplaceDurably} {
			if err := write(path, []byte("text"), mode); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode() != mode {
				t.Errorf("mode %v, want %v, %v", info.Mode(), mode, err)
			}
		}
	}
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Create(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("new"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created a second time: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
}

func list(t *testing.T, path string) []fs.DirEntry {
	t.Helper()
	found, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
