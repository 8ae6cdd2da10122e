package dataplane

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dchest/siphash"

	"rollcall/control"
)

// KeySlots is how many keys are valid at once: while a key is being replaced, frames signed
// with the old and with the new one are both taken.
const KeySlots = control.KeySlots

// Keys are the keys of frames, each in the slot of its number, which a frame names. An
// all-zero key is an empty slot: nothing signed with it is taken.
type Keys struct {
	Slots  [KeySlots][16]byte
	IDs    control.KeyIDs // what others are told of them; 0 of a key that is taken but no longer told of
	First  uint8          // signs before the first beat
	Newest uint8          // is to sign once all members hold it
}

// NewKeys derives the keys of frames from the secrets of a key file, the newest last.
func NewKeys(secrets ...[]byte) (*Keys, error) {
	k := &Keys{}
	for i, secret := range secrets {
		id := KeyID(secret)
		number := KeyNumber(id)
		if k.has(number) {
			return nil, fmt.Errorf("keys %08x and %08x have the same number, %d: make the newer one with `rollcall key rotate`", k.IDs[number], id, number)
		}
		k.Slots[number], k.IDs[number], k.Newest = deriveKey(secret), id, number
		if i == 0 {
			k.First = number
		}
	}
	return k, nil
}

// KeyID derives what may be said of a secret in public. It is never 0.
func KeyID(secret []byte) uint32 {
	b := derive(secret, "rollcall key id", 4)
	return max(binary.BigEndian.Uint32(b), 2)
}

// KeyNumber is the number of the key with an id.
func KeyNumber(id uint32) uint8 { return uint8(id % KeySlots) }

// deriveKey derives the key of frame tags from the secret in the cluster's key file. The
// caller has checked that the secret is long enough.
func deriveKey(clusterKey []byte) (key [16]byte) {
	copy(key[:], derive(clusterKey, "rollcall frame tag", len(key)))
	return key
}

func derive(secret []byte, what string, length int) []byte {
	b, err := hkdf.Key(sha256.New, secret, nil, what, length)
	if err != nil {
		panic("derive " + what + ": " + err.Error()) // a few bytes of SHA-256 are always to be had
	}
	return b
}

// keyWords gives a key as the two words that SipHash takes it in.
func keyWords(key [16]byte) (k0, k1 uint64) {
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

// mayReplace reports whether a host that has these keys instead of those its register tells of
// can go on in its group: the key that signs there must stay.
func (k *Keys) mayReplace(r *control.Register) error {
	if r.State == control.RegisterVacant || r.Keys == (control.KeyIDs{}) {
		return nil
	}
	told := r.Keys[r.Key%KeySlots]
	if k.has(r.Key) && (told == 0 || told == k.IDs[r.Key]) {
		return nil
	}
	return fmt.Errorf("%w %08x: leave it in the key file until `rollcall key status` on the leader says that another one signs", ErrKeySigns, told)
}

// ErrKeySigns refuses keys among which the one is missing that signs the frames of the group.
var ErrKeySigns = errors.New("the group signs its frames with key")

// command tells the register of a place of the keys.
func (k *Keys) command(p control.Place) control.Command {
	return control.Command{Kind: control.CommandKeys, Level: p.Level(), Seat: p.Seat(), Keys: k.IDs, Key: k.First, Newest: k.Newest}
}

// tag computes the tag of a frame whose tag bytes are zero.
func (k *Keys) tag(slot uint8, frame *[FrameLen]byte) uint64 {
	k0, k1 := keyWords(k.Slots[slot])
	return siphash.Hash(k0, k1, frame[:])
}
