package dataplane

import (
	"fmt"

	"rollcall/control"
)

// heal gives a device that was made anew, as by a driver's reload, the door that went with
// the old one. The register has not noticed: it is the same incarnation. What goes wrong is
// told by Describe and tried again at the next change.
func (k *Kernel) heal() {
	for _, r := range k.rails {
		link, err := FindLink(k.opt.Rails[r.number].Interface)
		if err != nil || link.Index == r.link.Index {
			continue // gone for now, or another link's change
		}
		was := r.link
		r.link = link
		if err := k.rehang(r); err != nil {
			r.link = was
			k.describe(func(d *Description) {
				d.Refused = []string{fmt.Sprintf("interface %s was made anew: %v", link.Name, err)}
			})
		}
	}
}

func (k *Kernel) rehang(r *kernelRail) error {
	r.host.mac = r.link.MAC
	if err := k.putHost(r); err != nil {
		return err
	}
	if k.opt.Transport == TransportEther { // its socket belongs to the device; one of UDP to the address
		if err := k.reopenTransport(r); err != nil {
			return err
		}
	}
	if err := r.peers.relink(r.link); err != nil {
		return err
	}
	k.describe(func(d *Description) { d.Refused = nil })
	return k.attach(k.about.PinDir)
}

func (k *Kernel) reopenTransport(r *kernelRail) error {
	t, err := openRail(&k.opt, r.number)
	if err != nil {
		return err
	}
	k.transport[r.number].Close()
	k.transport[r.number] = t
	for level, r := range k.rosters {
		if r != nil {
			t.SetPeers(uint8(level), r)
		}
	}
	return k.regroup()
}

// regroup lets the transport and the programs take part in the group of the register of level 0.
func (k *Kernel) regroup() error {
	var r control.Register
	snapshot(&r, &k.pages.registers[0])
	if r.State == control.RegisterVacant {
		return nil
	}
	return k.takePart(r.Group)
}
