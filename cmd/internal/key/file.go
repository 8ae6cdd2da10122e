package key

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"rollcall/cmd/internal/disk"
	"rollcall/dataplane"
)

const (
	fileMax  = dataplane.KeySlots * (len(prefix) + 2*Size + 1) // bytes
	fileMode = 0o400
)

// Load reads a key file. It refuses a file that others than its owner can read or write.
func Load(path string) (Ring, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load cluster key: %w; copy the cluster's key file there, or for a new cluster make one: rollcall keygen %s", err, path)
	}
	if err != nil {
		return nil, fmt.Errorf("load cluster key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("load cluster key: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("load cluster key %s: not a regular file", path)
	case info.Mode().Perm()&^0o600 != 0:
		return nil, fmt.Errorf("load cluster key %s: mode %04o lets others than its owner at it; run: chmod 0400 %s",
			path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(fileMax)+1))
	if err != nil {
		return nil, fmt.Errorf("load cluster key: %w", err)
	}
	r, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("load cluster key %s: %w", path, err)
	}
	return r, nil
}

// Create draws a key and writes it to a new file of mode 0400, synced to disk. It never
// overwrites a file: a lost key is a lost cluster.
func Create(path string) (Key, error) {
	k := Generate()
	err := disk.Create(path, Ring{k}.text(), fileMode)
	if errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create cluster key: %w; move it away first if the cluster no longer needs it", err)
	}
	if err != nil {
		return Key{}, fmt.Errorf("create cluster key: %w", err)
	}
	return k, nil
}

// Rotate draws the next key and adds it to the file, whose nodes then take both.
func Rotate(path string) (Ring, error) {
	r, err := Load(path)
	if err != nil {
		return nil, err
	}
	if len(r) > 1 {
		return nil, fmt.Errorf("rotate cluster key %s: it holds a next key already, %v; retire %v first: rollcall key retire %s", path, r[1].ID(), r[0].ID(), path)
	}
	r = append(r, r[0].next())
	return r, replace(path, r)
}

// Retire takes the key that was replaced out of the file.
func Retire(path string) (retired ID, err error) {
	r, err := Load(path)
	if err != nil {
		return 0, err
	}
	if len(r) < 2 {
		return 0, fmt.Errorf("retire cluster key %s: it holds one key only, %v; add the next one first: rollcall key rotate %s", path, r[0].ID(), path)
	}
	return r[0].ID(), replace(path, r[1:])
}

// replace puts another ring into a key file.
func replace(path string, r Ring) error {
	if err := disk.ReplaceDurably(path, r.text(), fileMode); err != nil {
		return fmt.Errorf("write cluster key: %w", err)
	}
	return nil
}
