package dataplane

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"

	"rollcall/control"
)

// The maps of bpf/maps.h.
const (
	mapGroup    = "rc_group"
	mapTally    = "rc_tally"
	mapMember   = "rc_member"
	mapLock     = "rc_lock"
	mapTimer    = "rc_timer"
	mapEvents   = "rc_events"
	mapStats    = "rc_stats"
	mapKey      = "rc_key"
	mapHost     = "rc_host"
	mapPeer     = "rc_peer"
	mapPace     = "rc_pace"
	mapXDPProgs = "rc_xdp_progs"
	mapTCProgs  = "rc_tc_progs"
	mapXDPLogic = "rc_xdp_logic"
	mapTCLogic  = "rc_tc_logic"
	mapXDPAgent = "rc_xdp_agent" // not pinned: emptied when this process ends
	mapTCAgent  = "rc_tc_agent"
)

// The programs of bpf/.
const (
	progXDPDoor  = "rc_xdp_door"
	progTCDoor   = "rc_tc_door"
	progXDPEnter = "rc_xdp_enter"
	progTCEnter  = "rc_tc_enter"
	progXDPServe = "rc_xdp_serve"
	progTCServe  = "rc_tc_serve"
	progCommand  = "rc_command"
	progTick     = "rc_tick"
	progSeed     = "rc_seed"
)

// Kernel is the plane whose frames the kernel serves by itself.
type Kernel struct {
	opt       Options
	rails     []*kernelRail
	transport rails // of the same
	lock      *os.File
	coll      *ebpf.Collection
	door      *ebpf.Map // record of what is attached
	pages     *pages
	events    *ring
	bell      *bell
	channel   channel
	view      *page
	stamper   *stamper
	pending   Wakes                 // raised by own asks; the next Wait reports them
	trouble   [control.Levels]error // with sending the last beats
	scratch   [FrameLen]byte
	watcher   *watcher
	rosters   [control.Levels]*control.Roster // the last ones named
	clock     *clock                          // nil: the thread keeps the beat
	beaten    [control.Levels]atomic.Uint64   // beats that the thread sent
	beatOn    processor                       // the last of them
	closed    bool
	// unwatched are the places whose silence timers are yet to be started. The kernel was seen to
	// refuse one for the moment (6.18, two of six agents that joined at once); it is asked for again
	// with every stamp, and until then the node's own housekeeping notices a silence.
	unwatched [control.Places]bool

	mu    sync.Mutex // of about, which others may ask for while a device is healed
	about Description
}

var _ Plane = (*Kernel)(nil)

// Now implements Plane.
func (k *Kernel) Now() control.Time { return Now() }

// Snapshot implements Plane.
func (k *Kernel) Snapshot(p control.Place, r *control.Register, t *control.Tally, of control.Bitmap) {
	snapshot(r, &k.pages.registers[p])
	if t == nil {
		return
	}
	level := p.Level()
	snapshot((*tallyPage)(unsafe.Pointer(t)), &k.pages.tallies[level])
	for s := of.First(); s < control.Slots; s = of.Next(s + 1) {
		snapshot(&t.Members[s], &k.pages.members[level][s])
	}
}

// Show implements Plane.
func (k *Kernel) Show(states *[control.Slots]uint32) {
	for s := range states {
		atomic.StoreUint32(&k.pages.members[0][s].State, states[s])
	}
}

// Stats implements Plane.
func (k *Kernel) Stats() (counts [control.Reasons]uint64) {
	m := k.coll.Maps[mapStats]
	for i := range uint32(control.Reasons) {
		if err := m.Lookup(&i, &counts[i]); err != nil {
			return counts // the plane is closed
		}
	}
	return counts
}

// Describe implements Plane.
func (k *Kernel) Describe() Description {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := k.about
	d.Refused, d.Rails = slices.Clone(d.Refused), slices.Clone(d.Rails)
	k.paced(&d.Pacing)
	return d
}

func (k *Kernel) describe(change func(d *Description)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.about)
}

// Pages implements Plane.
func (k *Kernel) Pages() Pages {
	return Pages{
		View:         k.view.fd,
		ViewPage:     k.view.bytes,
		Register:     k.coll.Maps[mapGroup].FD(),
		RegisterSize: int(unsafe.Sizeof(control.Register{})),
	}
}

// Close implements Plane. The door, and all that is pinned, stays.
func (k *Kernel) Close() error {
	if k.closed {
		return nil
	}
	k.closed = true
	var errs []error
	errs = append(errs, k.transport.Close())
	if k.bell != nil {
		k.bell.close()
	}
	if k.events != nil {
		k.events.close()
	}
	if k.pages != nil {
		k.pages.close()
	}
	if k.view != nil {
		errs = append(errs, k.view.close())
	}
	if k.stamper != nil {
		errs = append(errs, k.stamper.program.Close())
	}
	if k.watcher != nil {
		errs = append(errs, k.watcher.close())
	}
	if k.clock != nil {
		k.clock.close()
	}
	for _, r := range k.rails {
		if r.peers != nil {
			errs = append(errs, r.peers.close())
		}
	}
	if k.door != nil {
		errs = append(errs, k.door.Close())
	}
	if k.coll != nil {
		k.coll.Close()
	}
	if k.lock != nil {
		errs = append(errs, k.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close kernel plane: %w", err)
	}
	return nil
}

// store writes a word that others read while it is written.
func store(to *uint64, value uint64) { atomic.StoreUint64(to, value) }
