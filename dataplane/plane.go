package dataplane

import (
	"net"
	"net/netip"

	"rollcall/control"
)

// Wakes are reasons to look, by the place whose register or, where the place votes, whose
// level's tally they are of.
type Wakes [control.Places]control.Wake

// Any reports whether there is a reason at all.
func (w *Wakes) Any() bool { return *w != Wakes{} }

// Join adds the reasons in more.
func (w *Wakes) Join(more *Wakes) {
	for p := range w {
		w[p] |= more[p]
	}
}

// Plane is where frames are served. It has a register for each control.Place and a tally for
// each level. All methods belong to the thread that drives the node, except Interrupt, Stats and
// Describe, which any goroutine may call.
type Plane interface {
	// Now reads CLOCK_BOOTTIME.
	Now() control.Time

	// Wait blocks until the deadline, an Interrupt or a reason to look at a register or
	// tally, and returns those reasons; after a mere deadline or Interrupt there are none.
	// A plane watches the leaders by itself: WakeSilent comes from here, never from a deadline.
	// While it blocks it sends the beats that are due, unless the kernel keeps their time.
	Wait(deadline control.Time) (Wakes, error)

	// Snapshot copies the register of a place and, unless t is nil, of the level's tally all but
	// the members, of whom those in of. It makes no system call.
	Snapshot(p control.Place, r *control.Register, t *control.Tally, of control.Bitmap)

	// Apply carries out one command, to its Place, in one step. For CommandVacate the plane draws
	// the new incarnation. A beat that CommandBeat wants at once has left when Apply returns.
	Apply(c control.Command) error

	// Trouble is why the last beats could not be sent to some; nil: they could.
	Trouble() error

	// Name tells the plane who has which slot of the own group at a level: whose answers count,
	// and where asks go.
	Name(level uint8, r *control.Roster) error

	// Send stamps and signs each ask, delivers it to the own registers and tally where To
	// has own slots, then sends it to the others. A frame that cannot be sent to one
	// slot does not keep the others from theirs; the first error is returned.
	Send(out []control.Outgoing) error

	// SetKeys replaces the keys that frames are signed with and taken under. It refuses with
	// ErrKeySigns to be without the one that signs the group's frames; then nothing has changed.
	SetKeys(k *Keys) error

	// Stamp tells all registers that the agent is alive and how it feels. It also does the plane's
	// housekeeping: call it with every step, at least once a second.
	Stamp(health uint16)

	// Show writes the state of each named slot of level 0 for those who read the pinned maps.
	Show(states *[control.Slots]uint32)

	// Interrupt makes the Wait in progress, or the next one, return.
	Interrupt()

	// Stats counts frames by control.Reason since the register's creation.
	Stats() [control.Reasons]uint64

	// Describe tells how frames are served and why not in a better way.
	Describe() Description

	// Pages returns what a reader of the view needs mapped: the page to publish views
	// in, and where the register's lease stands.
	Pages() Pages

	// Close lets go of everything that should not outlive the agent. What is pinned goes on
	// serving frames; Detach ends that.
	Close() error
}

// Description is what `rollcall status` shows of a plane.
type Description struct {
	Plane     string   `json:"plane"`     // kernel | socket
	Attach    string   `json:"attach"`    // native | tc | generic | socket; to the first rail
	Transport string   `json:"transport"` // udp | ether
	Rails     []OnRail `json:"rails"`
	Adopted   bool     `json:"adopted"` // pinned state of an earlier agent was taken over
	PinDir    string   `json:"pin_dir,omitempty"`
	Refused   []string `json:"refused,omitempty"` // better ways tried, and why they failed
	Pacing    Pacing   `json:"pacing"`
	Warning   string   `json:"warning,omitempty"` // why the way that was asked for may not work
}

// OnRail is how a plane serves one rail.
type OnRail struct {
	Interface string `json:"interface"`
	Address   string `json:"address"` // of frames: IP address and port, or over Ethernet the hardware address
	Attach    string `json:"attach"`
}

func onRail(opt *Options, rail int, link Link) OnRail {
	about := OnRail{Interface: link.Name, Address: net.HardwareAddr(link.MAC[:]).String(), Attach: AttachSocket}
	if opt.Transport == TransportUDP {
		about.Address = netip.AddrPortFrom(opt.Rails[rail].Address.Unmap(), opt.Port).String()
	}
	return about
}

// Pages are two files that a reader maps read-only: descriptors that stay open until Close.
type Pages struct {
	View         int    // file descriptor; len(ViewPage) bytes, also mapped at ViewPage for the publisher
	ViewPage     []byte // writable
	Register     int    // file descriptor; RegisterSize bytes: the control.Register of level 0 at offset 0
	RegisterSize int
}
