package view

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of an encoded view. Parse takes nothing beyond them from outside.
const (
	NameMax    = 255     // bytes of a cluster's or node's name
	MembersMax = 1 << 20 // members of one view
)

// codecVersion is the first byte of an encoded view.
const codecVersion = 1

const (
	viewMin   = 1 + 1 + 4 + 2 + 2 + 8 + 1 + 4 // bytes of a view without names and members
	memberMin = 1 + 2 + 2 + 8                 // bytes of a member with an empty name
)

// AppendBinary appends the view's encoded form to b. Two views have the same form only if
// they are equal. It fails when a name is too long, when there are too many members, or when
// they are not in order.
func (v *View) AppendBinary(b []byte) ([]byte, error) {
	if err := v.check(); err != nil {
		return b, fmt.Errorf("encode view %d: %w", v.Epoch, err)
	}
	b = append(b, codecVersion)
	b = appendName(b, v.Cluster)
	b = binary.BigEndian.AppendUint32(b, v.Instance)
	b = binary.BigEndian.AppendUint16(b, v.Group)
	b = binary.BigEndian.AppendUint16(b, v.Generation)
	b = binary.BigEndian.AppendUint64(b, v.Epoch)
	b = appendName(b, v.Leader)
	b = binary.BigEndian.AppendUint32(b, uint32(len(v.Members)))
	for i := range v.Members {
		m := &v.Members[i]
		b = appendName(b, m.Name)
		b = binary.BigEndian.AppendUint16(b, m.Group)
		b = binary.BigEndian.AppendUint16(b, m.Slot)
		b = binary.BigEndian.AppendUint64(b, m.Incarnation)
	}
	return b, nil
}

// Parse reads an encoded view, all of b. It keeps nothing of b.
func Parse(b []byte) (*View, error) {
	if len(b) < viewMin {
		return nil, fmt.Errorf("parse view: %d bytes, at least %d", len(b), viewMin)
	}
	if b[0] != codecVersion {
		return nil, fmt.Errorf("parse view: format %d, this program reads %d: use the version that wrote it", b[0], codecVersion)
	}
	r := reader{rest: b[1:]}
	v := &View{
		Cluster:    r.name(),
		Instance:   r.uint32(),
		Group:      r.uint16(),
		Generation: r.uint16(),
		Epoch:      r.uint64(),
		Leader:     r.name(),
	}
	n := int(r.uint32())
	if n > MembersMax || n > len(r.rest)/memberMin {
		return nil, fmt.Errorf("parse view: %d members in %d bytes", n, len(r.rest))
	}
	if n > 0 {
		v.Members = make([]Identity, n)
	}
	for i := range v.Members {
		v.Members[i] = Identity{Name: r.name(), Group: r.uint16(), Slot: r.uint16(), Incarnation: r.uint64()}
	}
	if r.short {
		return nil, errors.New("parse view: it ends too early")
	}
	if len(r.rest) != 0 {
		return nil, fmt.Errorf("parse view: %d bytes too many", len(r.rest))
	}
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("parse view %d: %w", v.Epoch, err)
	}
	return v, nil
}

// check tells what keeps a view from having an encoded form.
func (v *View) check() error {
	if len(v.Cluster) > NameMax || len(v.Leader) > NameMax {
		return fmt.Errorf("cluster's or leader's name of more than %d bytes", NameMax)
	}
	if len(v.Members) > MembersMax {
		return fmt.Errorf("%d members, at most %d", len(v.Members), MembersMax)
	}
	for i := range v.Members {
		m := &v.Members[i]
		if len(m.Name) > NameMax {
			return fmt.Errorf("member %d: name of %d bytes, at most %d", i, len(m.Name), NameMax)
		}
		if i > 0 && !v.Members[i-1].before(m) {
			return fmt.Errorf("member %d: not in order of group and slot", i)
		}
	}
	return nil
}

// before orders members as views list them: by group, then slot.
func (m *Identity) before(o *Identity) bool {
	return m.Group < o.Group || m.Group == o.Group && m.Slot < o.Slot
}

func appendName(b []byte, s string) []byte {
	return append(append(b, byte(len(s))), s...)
}

// reader takes fields off the front of rest. Once short it gives zeros.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || len(r.rest) < n {
		r.short, r.rest = true, nil
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) name() string   { return string(r.take(int(r.take(1)[0]))) }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }
