package dataplane

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"github.com/dchest/siphash"
)

// KeySlots is how many keys are valid at once: while a key is being replaced, frames signed
// with the old and with the new one are both taken.
const KeySlots = 2

// Keys are the keys that sign frames. A frame names the slot of its key. An all-zero key is
// an empty slot: nothing signed with it is taken.
type Keys struct {
	Slots   [KeySlots][16]byte
	Current uint8 // the slot that signs
}

// NewKeys returns the keys of a cluster that has one key, in slot 0.
func NewKeys(clusterKey []byte) *Keys {
	return &Keys{Slots: [KeySlots][16]byte{DeriveKey(clusterKey)}}
}

// DeriveKey derives the key of frame tags from the secret in the cluster's key file. The
// caller has checked that the secret is long enough.
func DeriveKey(clusterKey []byte) (key [16]byte) {
	b, err := hkdf.Key(sha256.New, clusterKey, nil, "rollcall frame tag", len(key))
	if err != nil {
		panic("derive frame key: " + err.Error()) // 16 bytes of SHA-256 are always to be had
	}
	copy(key[:], b)
	return key
}

// KeyWords gives a key as the two words that SipHash takes it in.
func KeyWords(key [16]byte) (k0, k1 uint64) {
	return binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
}

// ClusterID is the number that frames carry in place of the cluster's name.
func ClusterID(name string) uint64 {
	h := sha256.Sum256([]byte("rollcall cluster " + name))
	return binary.BigEndian.Uint64(h[:8])
}

// has reports whether the slot exists and holds a key.
func (k *Keys) has(slot uint8) bool {
	return slot < KeySlots && k.Slots[slot] != [16]byte{}
}

// tag computes the tag of a frame whose tag bytes are zero.
func (k *Keys) tag(slot uint8, frame *[FrameLen]byte) uint64 {
	k0, k1 := KeyWords(k.Slots[slot])
	return siphash.Hash(k0, k1, frame[:])
}
