package dataplane

import (
	"errors"
	"fmt"

	"rollcall/control"
)

// rails is the transport of all rails, by number: what is sent leaves by each that its addressee has.
type rails []Transport

func (all rails) SetGroup(group uint16) error {
	return all.each(func(t Transport) error { return t.SetGroup(group) })
}

func (all rails) LeaveGroup() error { return all.each(Transport.LeaveGroup) }

func (all rails) SetPeers(level uint8, r *control.Roster) {
	for _, t := range all {
		t.SetPeers(level, r)
	}
}

// Send returns the first error of the first rail. By the others those that have fewer rails are not
// to be reached, which is no fault; what else goes wrong there is told where the first rail is well.
func (all rails) Send(level uint8, frame []byte, to control.Bitmap) (first error) {
	for rail, t := range all {
		err := t.Send(level, frame, to)
		switch {
		case first != nil || err == nil || rail > 0 && errors.Is(err, errNoAddress):
		case rail > 0:
			first = fmt.Errorf("rail %d: %w", rail, err)
		default:
			first = err
		}
	}
	return first
}

func (all rails) Close() error { return all.each(Transport.Close) }

func (all rails) each(do func(Transport) error) error {
	var errs []error
	for _, t := range all {
		errs = append(errs, do(t))
	}
	return errors.Join(errs...)
}
