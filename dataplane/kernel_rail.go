package dataplane

import (
	"errors"
	"fmt"
)

// kernelRail is what the kernel plane has of one rail.
type kernelRail struct {
	number int
	link   Link
	host   host
	peers  *peers
}

// findRails looks at the interfaces.
func (k *Kernel) findRails() error {
	for number := range k.opt.Rails {
		own := &k.opt.Rails[number]
		link, err := FindLink(own.Interface)
		if err != nil {
			return err
		}
		if k.opt.usesUDP() || own.Address.IsValid() {
			if own.Address, err = localAddress(link, own.Address); err != nil {
				return err
			}
		}
		k.rails = append(k.rails, &kernelRail{number: number, link: link})
		k.about.Rails = append(k.about.Rails, onRail(&k.opt, number, link))
	}
	return nil
}

// says is what is wrong with a rail, the first being the only one mostly.
func (r *kernelRail) says(err error) string {
	if r.number == 0 {
		return err.Error()
	}
	return fmt.Sprintf("%s: %v", r.link.Name, err)
}

// oneLength refuses rails of which beats are not of the same length: a clock's frame, in which the
// beat is made, has room for one kind of header.
func (k *Kernel) oneLength() error {
	for _, r := range k.rails {
		if k.opt.usesUDP() && r.host.transports != k.rails[0].host.transports {
			return errors.New("the interfaces have addresses of different versions of IP, and the clock makes headers of one")
		}
	}
	return nil
}
