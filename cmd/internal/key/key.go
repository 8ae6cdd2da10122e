// Package key handles the one secret of a cluster: a file that every node holds. From it
// come the keys that sign frames (package dataplane derives those) and the certificate
// authority by which agents know each other.
//
// The file has one line, "rollcall-key-1:" and 64 hexadecimal digits, and is readable by
// its owner alone. A Key prints as a placeholder, so that no log ever shows it.
package key

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Size is the length of a key in bytes.
const Size = 32

const (
	prefix  = "rollcall-key-1:"
	lineLen = len(prefix) + 2*Size
)

// Key is the secret that the nodes of a cluster share.
type Key struct{ secret [Size]byte }

// Generate draws a new key.
func Generate() Key {
	var k Key
	rand.Read(k.secret[:]) // never fails: the runtime ends the program instead
	return k
}

// Parse reads the content of a key file: one line, with or without its newline.
func Parse(text []byte) (Key, error) {
	var k Key
	line := bytes.TrimSuffix(text, []byte("\n"))
	digits, ok := bytes.CutPrefix(line, []byte(prefix))
	if !ok {
		return k, fmt.Errorf("not a key: must be one line that begins with %q", prefix)
	}
	if len(digits) != 2*Size {
		return k, fmt.Errorf("not a key: %d characters after %q, must be %d", len(digits), prefix, 2*Size)
	}
	if _, err := hex.Decode(k.secret[:], digits); err != nil {
		return Key{}, errors.New("not a key: hexadecimal digits only") // err would show a digit of it
	}
	if k == (Key{}) {
		return k, errors.New("not a key: all digits are zero")
	}
	return k, nil
}

// Load reads a key file. It refuses a file that others than its owner can read or write.
func Load(path string) (Key, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, fmt.Errorf("load cluster key: %w; copy the cluster's key file there, or for a new cluster make one: rollcall keygen %s", err, path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("load cluster key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("load cluster key: %w", err)
	case !info.Mode().IsRegular():
		return Key{}, fmt.Errorf("load cluster key %s: not a regular file", path)
	case info.Mode().Perm()&^0o600 != 0:
		return Key{}, fmt.Errorf("load cluster key %s: mode %04o lets others than its owner at it; run: chmod 0400 %s",
			path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(lineLen)+2))
	if err != nil {
		return Key{}, fmt.Errorf("load cluster key: %w", err)
	}
	k, err := Parse(text)
	if err != nil {
		return Key{}, fmt.Errorf("load cluster key %s: %w", path, err)
	}
	return k, nil
}

// Create draws a key and writes it to a new file of mode 0400, synced to disk. It never
// overwrites a file: a lost key is a lost cluster.
func Create(path string) (Key, error) {
	k := Generate()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create cluster key: %w; move it away first if the cluster no longer needs it", err)
	}
	if err != nil {
		return Key{}, fmt.Errorf("create cluster key: %w", err)
	}
	err = errors.Join(write(f, k), f.Close(), syncDir(filepath.Dir(path)))
	if err != nil {
		os.Remove(path)
		return Key{}, fmt.Errorf("create cluster key %s: %w", path, err)
	}
	return k, nil
}

func write(f *os.File, k Key) error {
	if _, err := fmt.Fprintf(f, "%s%x\n", prefix, k.secret); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Bytes is the secret itself, for derivations that other packages make.
func (k Key) Bytes() []byte { return k.secret[:] }

// Format implements fmt.Formatter: it hides the secret whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { io.WriteString(s, "cluster key (secret)") }

// Authority derives the key pair of the cluster's certificate authority. Every node that
// holds the key derives the same one, and so does nobody else.
func (k Key) Authority(cluster string) ed25519.PrivateKey {
	seed, err := hkdf.Key(sha256.New, k.secret[:], nil, "rollcall agent authority "+cluster, ed25519.SeedSize)
	if err != nil {
		panic("derive agent authority: " + err.Error()) // 32 bytes of SHA-256 are always to be had
	}
	return ed25519.NewKeyFromSeed(seed)
}
