package dataplane

import (
	"errors"
	"os"
	"testing"
	"time"

	"rollcall/control"
)

// The key files of a rotation. Both keys are told of by ids whose last bits are their numbers.
var (
	oldKey  = &Keys{Slots: [KeySlots][16]byte{{1, 2}}, IDs: control.KeyIDs{0x10}}
	newKey  = &Keys{Slots: [KeySlots][16]byte{1: {3, 4}}, IDs: control.KeyIDs{1: 0x21}, First: 1, Newest: 1}
	anyKey  = &Keys{Slots: [KeySlots][16]byte{{1, 2}, {3, 4}}, IDs: control.KeyIDs{0x10, 0x21}, Newest: 1}
	allKeys = []*Keys{oldKey, newKey, anyKey}
)

// TestKernelKeys rotates the key of a kernel that serves: no frame is lost, no key is let go
// of that signs, and what was signed with a retired key counts as that.
func TestKernelKeys(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach, o.Keys = AttachTC, oldKey })
	w.enter(t, 0)
	leader, member := pair[0], pair[1]
	round := uint64(0)
	send := func(key uint8) {
		t.Helper()
		round++
		leader.Stamp(0)
		c := beatCommand(roster, both)
		c.Beats.Key, c.Beats.IntervalUS = key, 1_000_000_000 // no other follows
		if err := errors.Join(leader.Apply(c), leader.Trouble()); err != nil {
			t.Fatal(err)
		}
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := leader.Now().Add(10 * time.Second); !ok(); {
			if _, err := leader.Wait(leader.Now().Add(time.Millisecond)); err != nil || end.Before(leader.Now()) {
				t.Fatalf("%s of %d: not in time, %v; the member counts %v", what, round, err, nonzero(member.Stats()))
			}
		}
	}
	answered := func(key uint8, told *Keys) { // the next round, by a member that tells of its keys
		t.Helper()
		send(key)
		until("answer to round", func() bool {
			_, tally := leader.look(both)
			return tally.Members[1].Round == round && tally.Members[1].Keys == told.IDs
		})
	}
	set := func(s *station, keys *Keys) {
		t.Helper()
		if err := s.SetKeys(keys); err != nil {
			t.Fatal(err)
		}
	}
	answered(0, oldKey)
	if err := member.SetKeys(newKey); !errors.Is(err, ErrKeySigns) {
		t.Errorf("let go of the key that signs: %v", err)
	}
	set(leader, anyKey)
	set(member, anyKey)
	answered(0, anyKey)
	answered(1, anyKey)
	for _, s := range pair {
		if r, _ := s.look(both); r.Key != 1 {
			t.Errorf("slot %d signs with key %d", s.slot, r.Key)
		}
	}
	if err := member.SetKeys(oldKey); !errors.Is(err, ErrKeySigns) {
		t.Errorf("let go of the key that signs: %v", err)
	}
	set(member, newKey)
	send(0)
	until("refusal of round", func() bool { return member.Stats()[control.ReasonUnknownKey] == 1 })
	answered(1, newKey)

	// An agent that is started with a file from before the rotation leaves everything as it is.
	member.Close()
	w.enter(t, 1)
	opt := member.opt
	opt.Keys = oldKey
	if k, err := OpenKernel(opt); !errors.Is(err, ErrKeySigns) {
		if err == nil {
			k.Close()
		}
		t.Fatalf("adopted the register without its key: %v", err)
	}
	w.enter(t, 0)
	answered(1, newKey)
	w.enter(t, 1)
	opt.Keys = newKey
	member = &station{Kernel: openKernel(t, opt), slot: 1}
	if !member.Describe().Adopted {
		t.Error("pinned state was not adopted")
	}
	w.enter(t, 0)
	answered(1, newKey)
}

// TestKeysThatServe: a host in a group may hold any keys but not be without the one that
// signs; outside of one it may hold what it likes.
func TestKeysThatServe(t *testing.T) {
	withdrawn := &Keys{Slots: anyKey.Slots, IDs: oldKey.IDs} // the new one is still taken
	for _, c := range []struct {
		name string
		r    control.Register
		keys *Keys
		want bool
	}{
		{"the old one signs, both held", control.Register{Keys: oldKey.IDs}, anyKey, true},
		{"the old one signs, new one alone", control.Register{Keys: anyKey.IDs}, newKey, false},
		{"the new one signs, old one alone", control.Register{Keys: anyKey.IDs, Key: 1}, oldKey, false},
		{"the new one signs, new one alone", control.Register{Keys: anyKey.IDs, Key: 1}, newKey, true},
		{"the signing one is withdrawn", control.Register{Keys: anyKey.IDs, Key: 1}, withdrawn, false},
		{"one was withdrawn, and came to sign", control.Register{Keys: oldKey.IDs, Key: 1}, oldKey, false},
		{"another key of the same number", control.Register{Keys: control.KeyIDs{0x12}}, oldKey, false},
		{"a register of before there were ids", control.Register{}, newKey, true},
	} {
		c.r.State = control.RegisterMember
		if err := c.keys.mayReplace(&c.r); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		c.r.State = control.RegisterVacant
		for _, keys := range allKeys {
			if err := keys.mayReplace(&c.r); err != nil {
				t.Errorf("%s, outside of a group: %v", c.name, err)
			}
		}
	}
}

// TestPinsAreClosed: no other user gets at a pin, and the keys have none.
func TestPinsAreClosed(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	openKernel(t, opt)
	dir := pinPath(opt.PinDir, opt.Cluster)
	for _, path := range []string{opt.PinDir, dir} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o027 != 0 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
	}
	pins, err := os.ReadDir(dir)
	if err != nil || len(pins) == 0 {
		t.Fatalf("%d pins, %v", len(pins), err)
	}
	for _, pin := range pins {
		info, err := pin.Info()
		if err != nil {
			t.Fatal(err)
		}
		if pin.Name() == mapKey || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", pin.Name(), info.Mode().Perm())
		}
	}
}
