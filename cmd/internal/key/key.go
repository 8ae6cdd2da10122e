// Package key handles the one secret of a cluster: a file that every node holds. From it
// come the keys that sign frames (package dataplane derives those) and the certificate
// authority by which agents know each other.
//
// The file has one line, "rollcall-key-1:" and 64 hexadecimal digits, or while the key is
// being replaced two: the one in use first, then the next. It is readable by its owner alone.
// A Key prints as a placeholder, so that no log ever shows it; what may be shown is its ID.
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

	"rollcall/dataplane"
)

// Size is the length of a key in bytes.
const Size = 32

const prefix = "rollcall-key-1:"

// Key is the secret that the nodes of a cluster share.
type Key struct{ secret [Size]byte }

// ID names a key in public. Its last bit is the key's number in frames.
type ID uint32

// String gives an id as every output shows it.
func (i ID) String() string { return fmt.Sprintf("%08x", uint32(i)) }

// Ring is what a key file holds: the key in use and, while that is being replaced, the next.
type Ring []Key

// Generate draws a new key.
func Generate() Key {
	var k Key
	rand.Read(k.secret[:]) // never fails: the runtime ends the program instead
	return k
}

// next draws a key whose number is free beside k.
func (k Key) next() Key {
	for {
		if n := Generate(); n.number() != k.number() {
			return n
		}
	}
}

// Parse reads the content of a key file: one or two lines, the last with or without its newline.
func Parse(text []byte) (Ring, error) {
	var r Ring
	for line := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		k, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(r)+1, err)
		}
		if r = append(r, k); len(r) > dataplane.KeySlots {
			return nil, fmt.Errorf("more than %d keys", dataplane.KeySlots)
		}
	}
	_, err := r.Frames()
	if err != nil {
		return nil, err
	}
	return r, nil
}

// text is what Parse reads.
func (r Ring) text() (text []byte) {
	for _, k := range r {
		text = fmt.Appendf(text, "%s%x\n", prefix, k.secret)
	}
	return text
}

func parseLine(line []byte) (Key, error) {
	var k Key
	digits, ok := bytes.CutPrefix(line, []byte(prefix))
	if !ok {
		return k, fmt.Errorf("not a key: must begin with %q", prefix)
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

// Frames are the keys of frames that a ring gives.
func (r Ring) Frames() (*dataplane.Keys, error) {
	secrets := make([][]byte, len(r))
	for i := range r {
		secrets[i] = r[i].Bytes()
	}
	return dataplane.NewKeys(secrets...)
}

// IDs lists the ids of the keys, in the order of the file.
func (r Ring) IDs() []string {
	l := make([]string, len(r))
	for i, k := range r {
		l[i] = k.ID().String()
	}
	return l
}

// ID derives the key's id.
func (k Key) ID() ID { return ID(dataplane.KeyID(k.secret[:])) }

func (k Key) number() uint8 { return dataplane.KeyNumber(uint32(k.ID())) }

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
