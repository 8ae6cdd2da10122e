package dataplane

import (
	"errors"
	"fmt"
	"os"
)

// errServed: a running agent holds what was to be opened.
var errServed = errors.New("already served")

// Open opens the plane that the options ask for. With attach auto that is the kernel plane,
// or, where the kernel refuses it, the socket plane, whose Description says why. It does
// not step down where the kernel holds a register of this cluster: that one has made
// promises, and its door would take the frames that the socket plane waits for.
func Open(opt Options) (Plane, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	if opt.Attach == AttachSocket {
		if held(opt) {
			return nil, fmt.Errorf("open socket plane: the kernel serves cluster %s already: run `rollcall detach` first", opt.Cluster)
		}
		return openSocketPlane(opt, nil)
	}
	k, refused := OpenKernel(opt)
	if refused == nil {
		return k, nil
	}
	if opt.Attach != AttachAuto || errors.Is(refused, errServed) || held(opt) {
		return nil, refused
	}
	return openSocketPlane(opt, refused)
}

func openSocketPlane(opt Options, refused error) (Plane, error) {
	s, err := OpenSocket(opt)
	if err != nil {
		return nil, errors.Join(err, refused)
	}
	if refused != nil {
		s.desc.Refused = append(s.desc.Refused, refused.Error())
	}
	return s, nil
}

// held reports whether the kernel holds a register of the cluster.
func held(opt Options) bool {
	_, err := os.Stat(pinPath(opt.PinDir, opt.Cluster))
	return err == nil
}
