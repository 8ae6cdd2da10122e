package dataplane

import (
	"fmt"

	"rollcall/control"
)

// key is struct rc_key of bpf/maps.h.
type key struct {
	k0, k1  uint64
	present uint32
	_       uint32
}

// SetKeys implements Plane. No member is told of a key before the programs take it, and each is
// told that it is gone before they no longer do.
func (k *Kernel) SetKeys(keys *Keys) error {
	if err := k.checkKeys(keys); err != nil {
		return err
	}
	if err := k.putKeys(keys, true); err != nil {
		return err
	}
	if err := k.tellKeys(keys); err != nil {
		return err
	}
	k.opt.Keys = keys
	return k.putKeys(keys, false)
}

// putKeys gives the programs the keys that are present, or takes away those that are not.
func (k *Kernel) putKeys(keys *Keys, present bool) error {
	for slot, secret := range keys.Slots {
		if keys.has(uint8(slot)) != present {
			continue
		}
		var e key
		if present {
			e.present = 1
			e.k0, e.k1 = keyWords(secret)
		}
		if err := k.coll.Maps[mapKey].Put(uint32(slot), bytesOf(&e)); err != nil {
			return fmt.Errorf("tell the kernel of key %d: %w", slot, err)
		}
	}
	return nil
}

// checkKeys reports whether the host can go on in all its groups with these keys.
func (k *Kernel) checkKeys(keys *Keys) error {
	for p := range k.pages.registers {
		var r control.Register
		snapshot(&r, &k.pages.registers[p])
		if err := keys.mayReplace(&r); err != nil {
			return err
		}
	}
	return nil
}

// tellKeys tells every register of the keys.
func (k *Kernel) tellKeys(keys *Keys) error {
	for p := range control.Place(control.Places) {
		if err := k.channel.apply(keys.command(p)); err != nil {
			return err
		}
	}
	return nil
}
