package dataplane

import (
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// OpenKernel takes over what an earlier agent of the cluster left pinned, or creates it, and
// attaches the door to the interface last, when the programs know everything they need.
func OpenKernel(opt Options) (*Kernel, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	k := &Kernel{opt: opt}
	if err := k.open(); err != nil {
		k.Close()
		return nil, fmt.Errorf("open kernel plane: %w", hint(err))
	}
	return k, nil
}

func (k *Kernel) open() (err error) {
	k.about = Description{Plane: "kernel", Transport: k.opt.Transport, PinDir: pinPath(k.opt.PinDir, k.opt.Cluster)}
	if err := k.findRails(); err != nil {
		return err
	}
	if err := preparePinDir(k.opt.PinDir); err != nil {
		return err
	}
	if k.lock, err = lockPins(k.opt.PinDir, k.opt.Cluster, k.rails[0].link.Name); err != nil {
		return err
	}
	dir := k.about.PinDir
	old, err := loadPins(dir)
	if err != nil {
		return err
	}
	defer closeMaps(old)
	if old != nil {
		if err := k.adopt(old); err != nil {
			return err
		}
		return k.serve(dir)
	}
	if err = k.create(dir); err == nil {
		err = k.serve(dir)
	}
	if err != nil {
		removePins(dir) // nobody has heard of this incarnation yet
		os.RemoveAll(dir)
		unlockPins(k.lock)
		k.lock = nil
	}
	return err
}

// serve attaches what packets come by.
func (k *Kernel) serve(dir string) error {
	if err := k.openPacer(); err != nil {
		return err
	}
	return k.attach(dir)
}

// create makes new maps, with new incarnations, and pins them.
func (k *Kernel) create(dir string) error {
	frags := takesFrags()
	if err := k.load(frags, nil); err != nil {
		return err
	}
	d := door{}
	if frags {
		d.Frags = 1
	}
	spec, err := k.spec(frags)
	if err != nil {
		return err
	}
	d.Layout = layoutOf(spec)
	if k.door, err = newDoor(); err != nil {
		return err
	}
	if err := writeDoor(k.door, 0, d); err != nil {
		return err
	}
	for p := range control.Place(control.Places) { // rosters tell a host's two slots at a level apart by the incarnations
		if err := k.channel.apply(control.Command{Kind: control.CommandVacate, Level: p.Level(), Seat: p.Seat(), Incarnation: newIncarnation()}); err != nil {
			return err
		}
	}
	if err := k.tellKeys(k.opt.Keys); err != nil {
		return err
	}
	if err := k.enter(); err != nil {
		return err
	}
	if err := k.coll.Maps[mapGroup].Freeze(); err != nil {
		return fmt.Errorf("keep everybody else from writing the register: %w", err)
	}
	if err := pinAll(dir, k.coll.Maps, k.door); err != nil {
		return err
	}
	return k.equip()
}

// adopt takes over pinned maps, and puts this build's programs behind the doors.
func (k *Kernel) adopt(old map[string]*ebpf.Map) error {
	var err error
	if k.door, err = old[mapDoor].Clone(); err != nil {
		return fmt.Errorf("open %s: %w", mapDoor, err)
	}
	if k.door, err = widened(k.door, k.about.PinDir); err != nil {
		return err
	}
	d, err := readDoor(k.door, 0)
	if err != nil {
		return err
	}
	spec, err := k.spec(d.Frags == 1)
	if err != nil {
		return err
	}
	if d.Layout == layoutOf(spec) {
		keep := make(map[string]*ebpf.Map, len(pinned))
		for _, name := range pinned {
			keep[name] = old[name]
		}
		err = k.load(d.Frags == 1, keep)
	} else {
		err = k.carry(old, d)
	}
	if err != nil {
		return err
	}
	k.about.Adopted = true
	if err := k.equip(); err != nil {
		return err
	}
	if err := k.checkKeys(k.opt.Keys); err != nil {
		return err
	}
	if err := k.regroup(); err != nil {
		return err
	}
	if err := k.enter(); err != nil {
		return err
	}
	if err := k.tellKeys(k.opt.Keys); err != nil {
		return err
	}
	k.pending = k.overdue()
	for p := range k.unwatched {
		k.unwatched[p] = true
	}
	k.watch()
	return nil
}

// equip gives the agent its own ways to the maps.
func (k *Kernel) equip() (err error) {
	if k.pages, err = openPages(k.coll.Maps); err != nil {
		return err
	}
	if k.events, err = openRing(k.coll.Maps[mapEvents]); err != nil {
		return err
	}
	if k.bell, err = newBell(); err != nil {
		return err
	}
	if k.watcher, err = newWatcher(unix.RTMGRP_LINK); err != nil {
		return err
	}
	for _, r := range k.rails {
		if r.peers, err = newPeers(k.coll.Maps[mapPeer], &k.opt, r); err != nil {
			return err
		}
	}
	if k.view, err = newPage("rollcall-view", k.opt.ViewSize); err != nil {
		return err
	}
	if k.stamper, err = newStamper(k.coll.Maps[mapGroup]); err != nil {
		return err
	}
	for _, r := range k.rails {
		t, err := openRail(&k.opt, r.number)
		if err != nil {
			return err
		}
		k.transport = append(k.transport, t)
	}
	return nil
}
