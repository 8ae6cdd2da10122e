package dataplane

import (
	"bytes"
	"encoding/hex"
	"testing"

	"rollcall/control"
)

func TestKeyDerivation(t *testing.T) {
	// HKDF (RFC 5869) with SHA-256, no salt, computed apart from this package.
	key := deriveKey(bytes.Repeat([]byte{0x0b}, 32))
	if got, want := hex.EncodeToString(key[:]), derivedHex; got != want {
		t.Errorf("derived key %s, want %s", got, want)
	}
	if other := deriveKey(bytes.Repeat([]byte{0x0c}, 32)); other == key {
		t.Error("two secrets gave one key")
	}
	keys, err := NewKeys(bytes.Repeat([]byte{0x0b}, 32))
	if number := KeyNumber(KeyID(bytes.Repeat([]byte{0x0b}, 32))); err != nil || keys.Slots[number] != key || keys.First != number || keys.has(1-number) {
		t.Errorf("new keys: %+v, %v", keys, err)
	}
}

// TestKeyNumbers: a key's number is its own, whatever its place in the file.
func TestKeyNumbers(t *testing.T) {
	var of [KeySlots][][]byte // secrets by number
	for i := byte(1); len(of[0]) < 2 || len(of[1]) < 2; i++ {
		secret := bytes.Repeat([]byte{i}, 32)
		number := KeyNumber(KeyID(secret))
		of[number] = append(of[number], secret)
	}
	a, b := of[0][0], of[1][0]
	for _, c := range [][2][]byte{{a, b}, {b, a}} {
		keys, err := NewKeys(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		if keys.Slots != [KeySlots][16]byte{deriveKey(a), deriveKey(b)} || keys.IDs != (control.KeyIDs{KeyID(a), KeyID(b)}) {
			t.Errorf("keys are not in the slots of their numbers: %+v", keys)
		}
		if keys.First != KeyNumber(KeyID(c[0])) || keys.Newest != KeyNumber(KeyID(c[1])) {
			t.Errorf("first %d, newest %d: not as in the file", keys.First, keys.Newest)
		}
	}
	if _, err := NewKeys(of[1][0], of[1][1]); err == nil {
		t.Error("took two keys with the same number")
	}
}

func TestClusterID(t *testing.T) {
	if got, want := ClusterID("tofu"), uint64(tofuID); got != want {
		t.Errorf("cluster id %#x, want %#x", got, want)
	}
}

// TestKeyRotation: who holds both keys takes frames of either, who holds one takes its own,
// and a key that was taken out is counted as such.
func TestKeyRotation(t *testing.T) {
	both := testKeys()
	oldOnly := &Keys{Slots: [KeySlots][16]byte{both.Slots[0]}}
	newOnly := &Keys{Slots: [KeySlots][16]byte{1: both.Slots[1]}}
	another := &Keys{Slots: [KeySlots][16]byte{both.Slots[1], both.Slots[0]}}
	for _, c := range []struct {
		name   string
		signer *Keys
		key    uint8
		taker  *Keys
		want   control.Reason
	}{
		{"both keys take the old one's frames", oldOnly, 0, both, control.ReasonNone},
		{"both keys take the new one's frames", newOnly, 1, both, control.ReasonNone},
		{"the new key alone takes no old frame", oldOnly, 0, newOnly, control.ReasonUnknownKey},
		{"the old key alone takes no new frame", newOnly, 1, oldOnly, control.ReasonUnknownKey},
		{"a key in another slot is another key", another, 1, both, control.ReasonBadTag},
	} {
		frame := vectorBeat()
		frame.Key = c.key
		if _, why := ParseFrame(AppendFrame(nil, &frame, c.signer), c.taker); why != c.want {
			t.Errorf("%s: %v, want %v", c.name, why, c.want)
		}
	}
}

// TestEmptyKeySlot: whoever signs with sixteen zero bytes has not got the key.
func TestEmptyKeySlot(t *testing.T) {
	keys := &Keys{Slots: [KeySlots][16]byte{testKeys().Slots[0]}}
	frame := vectorBeat()
	frame.Key = 1
	forged := AppendFrame(nil, &frame, &Keys{})
	for slot := 1; slot < 256; slot++ {
		forged[atKey] = byte(slot)
		if _, why := ParseFrame(forged, keys); why != control.ReasonUnknownKey {
			t.Errorf("key slot %d: %v, want unknown_key", slot, why)
		}
	}
}
