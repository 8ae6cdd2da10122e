package dataplane

import (
	"bytes"
	"encoding/hex"
	"testing"

	"rollcall/control"
)

func TestKeyDerivation(t *testing.T) {
	// HKDF (RFC 5869) with SHA-256, no salt, computed apart from this package.
	key := DeriveKey(bytes.Repeat([]byte{0x0b}, 32))
	if got, want := hex.EncodeToString(key[:]), derivedHex; got != want {
		t.Errorf("derived key %s, want %s", got, want)
	}
	if other := DeriveKey(bytes.Repeat([]byte{0x0c}, 32)); other == key {
		t.Error("two secrets gave one key")
	}
	if keys := NewKeys(bytes.Repeat([]byte{0x0b}, 32)); keys.Slots[keys.Current] != key || !keys.has(0) || keys.has(1) {
		t.Errorf("new keys: %+v", keys)
	}
}

func TestClusterID(t *testing.T) {
	if got, want := ClusterID("tofu"), uint64(tofuID); got != want {
		t.Errorf("cluster id %#x, want %#x", got, want)
	}
}

func TestKeyRotation(t *testing.T) {
	both := testKeys()
	oldOnly := &Keys{Slots: [KeySlots][16]byte{both.Slots[0]}}
	newOnly := &Keys{Slots: [KeySlots][16]byte{1: both.Slots[1]}, Current: 1}
	frame := vectorBeat()
	for _, c := range []struct {
		name          string
		signer, taker *Keys
		want          control.Reason
	}{
		{"both keys take the old one's frames", oldOnly, both, control.ReasonNone},
		{"both keys take the new one's frames", newOnly, both, control.ReasonNone},
		{"the new key alone takes no old frame", oldOnly, newOnly, control.ReasonBadTag},
		{"the old key alone takes no new frame", newOnly, oldOnly, control.ReasonBadTag},
		{"a key in another slot is another key", &Keys{Slots: [KeySlots][16]byte{1: both.Slots[0]}, Current: 1}, both, control.ReasonBadTag},
	} {
		if _, why := ParseFrame(AppendFrame(nil, &frame, c.signer), c.taker); why != c.want {
			t.Errorf("%s: %v, want %v", c.name, why, c.want)
		}
	}
}

// TestEmptyKeySlot: whoever signs with sixteen zero bytes has not got the key.
func TestEmptyKeySlot(t *testing.T) {
	keys := &Keys{Slots: [KeySlots][16]byte{testKeys().Slots[0]}}
	frame := vectorBeat()
	forged := AppendFrame(nil, &frame, &Keys{Current: 1})
	if _, why := ParseFrame(forged, keys); why != control.ReasonBadTag {
		t.Errorf("frame signed with an empty slot: %v, want bad_tag", why)
	}
	for slot := KeySlots; slot < 256; slot++ {
		forged[atKey] = byte(slot)
		if _, why := ParseFrame(forged, keys); why != control.ReasonBadTag {
			t.Errorf("key slot %d: %v, want bad_tag", slot, why)
		}
	}
}
