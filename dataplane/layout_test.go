package dataplane

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"

	"rollcall/control"
	"rollcall/view"
)

// sharedField is one field of a struct, with those of the structs in it spread out.
type sharedField struct {
	name         string
	offset, size uint32
}

func (f sharedField) String() string {
	return fmt.Sprintf("%s at %d, %d bytes", f.name, f.offset, f.size)
}

// plain makes names of C and Go comparable. Padding, which Go calls _ and C zero, is left out.
func plain(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	switch name {
	case "new", "old":
		return name + "members" // words of C++ headers and hard to grep for
	}
	return name
}

func fieldsOfC(t *testing.T, typ btf.Type, prefix string, base uint32) (fields []sharedField) {
	t.Helper()
	members := func(typ btf.Type) []btf.Member {
		switch of := btf.UnderlyingType(typ).(type) {
		case *btf.Struct:
			return of.Members
		case *btf.Union:
			return of.Members
		}
		return nil
	}
	for _, m := range members(typ) {
		if strings.HasPrefix(m.Name, "zero") {
			continue
		}
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			t.Fatal(err)
		}
		name, at := prefix+plain(m.Name), base+m.Offset.Bytes()
		if _, union := btf.UnderlyingType(m.Type).(*btf.Union); union {
			fields = append(fields, fieldsOfC(t, m.Type, prefix, at)...)
			continue
		}
		if s, ok := btf.UnderlyingType(m.Type).(*btf.Struct); ok && s.Name != "rc_bitmap" {
			fields = append(fields, fieldsOfC(t, s, name+".", at)...)
			continue
		}
		fields = append(fields, sharedField{name, at, uint32(size)})
	}
	return fields
}

func fieldsOfGo(typ reflect.Type, prefix string, base uint32) (fields []sharedField) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Name == "_" {
			continue
		}
		name, at := prefix+plain(f.Name), base+uint32(f.Offset)
		if f.Type == reflect.TypeFor[control.Asking]() { // C has its fields in the struct around it
			fields = append(fields, fieldsOfGo(f.Type, prefix, at)...)
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			fields = append(fields, fieldsOfGo(f.Type, name+".", at)...)
			continue
		}
		fields = append(fields, sharedField{name, at, uint32(f.Type.Size())})
	}
	return fields
}

func kernelTypes(t *testing.T) *btf.Spec {
	t.Helper()
	spec, err := loadRollcall()
	if err != nil {
		t.Fatal(err)
	}
	return spec.Types
}

// TestSharedStructs compares the structs that C and Go share, field by field.
func TestSharedStructs(t *testing.T) {
	types := kernelTypes(t)
	for c, twin := range map[string]any{
		"rc_group":    control.Register{},
		"rc_tally":    tallyPage{},
		"rc_beats":    control.Beats{},
		"rc_heard":    control.Heard{},
		"rc_member":   control.Member{},
		"rc_proposal": control.Proposal{},
		"rc_commit":   control.Commit{},
		"rc_report":   control.Report{},
		"rc_echoed":   control.Echoed{},
		"rc_command":  control.Command{},
		"rc_order":    testOrder{},
		"rc_event":    testEvent{},
		"rc_peer":     peer{},
		"rc_relay":    control.Relay{},
		"rc_pace":     pace{},
	} {
		t.Run(c, func(t *testing.T) {
			var s *btf.Struct
			if err := types.TypeByName(c, &s); err != nil {
				t.Fatal(err)
			}
			in := reflect.TypeOf(twin)
			if uintptr(s.Size) != in.Size() {
				t.Errorf("%d bytes in C, %d in Go", s.Size, in.Size())
			}
			of, og := fieldsOfC(t, s, "", 0), fieldsOfGo(in, "", 0)
			if len(of) != len(og) {
				t.Fatalf("%d fields in C, %d in Go:\n%v\n%v", len(of), len(og), of, og)
			}
			for i := range of {
				if of[i] != og[i] {
					t.Errorf("C has %v; Go has %v", of[i], og[i])
				}
			}
		})
	}
}

// TestWireLayout compares the frame's fields with the offsets that the codec uses.
func TestWireLayout(t *testing.T) {
	types := kernelTypes(t)
	check := func(c string, base uint32, want map[string]uint32) {
		var s *btf.Struct
		if err := types.TypeByName(c, &s); err != nil {
			t.Fatal(err)
		}
		for _, f := range fieldsOfC(t, s, "", base) {
			at, ok := want[f.name]
			if !ok || at != f.offset {
				t.Errorf("%s.%v; the codec has it at %d", c, f, at)
			}
			delete(want, f.name)
		}
		for name := range want {
			t.Errorf("%s has no %s", c, name)
		}
	}
	check("rc_wire_header", 0, map[string]uint32{
		"magic": atMagic, "version": atVersion, "kind": atKind, "level": atLevel, "flags": atFlags, "tag": atTag,
		"cluster": atCluster, "instance": atInstance, "group": atGroup, "from": atFrom, "to": atTo, "key": atKey, "via": atVia,
		"ballot": atBallot, "round": atRound, "sent": atSent,
	})
	check("rc_wire_ask", 64, map[string]uint32{
		"seq": atSeq, "committed": atAskCommitted, "digest": atDigest, "roster": atAskRoster, "epoch": atEpoch,
		"prior": atPrior, "epochdigest": atEpochDigest, "intervalus": atInterval, "rounds": atRounds, "leaseus": atLease, "upperus": atUpper,
		"newmembers": atNew, "oldmembers": atOld, "heard1": atHeard1, "heard2": atHeard2, "stale": atStale,
	})
	check("rc_wire_reply", 64, map[string]uint32{
		"incarnation": atIncarnation, "promised": atPromised, "acceptedballot": atAcceptedBallot,
		"acceptedseq": atAcceptedSeq, "accepteddigest": atAcceptedDigest, "acceptedroster": atAcceptedRoster,
		"acceptednew": atAcceptedNew, "acceptedold": atAcceptedOld, "committed": atCommitted, "roster": atRoster,
		"silenceus": atSilence, "agentagems": atAgentAge, "health": atHealth, "wiremin": atWireMin,
		"wiremax": atWireMax, "belowgeneration": atBelowGeneration, "belowgroup": atBelowGroup,
		"belowseq": atBelowSeq, "belowdigest": atBelowDigest, "belowmembers": atBelowMembers, "keys": atKeys,
	})
}

// TestEnums compares the names and numbers that C and Go share.
func TestEnums(t *testing.T) {
	types := kernelTypes(t)
	check := func(c, prefix string, count int, name func(int) string) {
		var e *btf.Enum
		if err := types.TypeByName(c, &e); err != nil {
			t.Fatal(err)
		}
		if len(e.Values) != count+1 { // the last counts them
			t.Errorf("%s has %d values, Go has %d", c, len(e.Values)-1, count)
		}
		for i, v := range e.Values[:min(count, len(e.Values))] {
			if got := strings.ToLower(strings.TrimPrefix(v.Name, prefix)); got != name(i) || v.Value != uint64(i) {
				t.Errorf("%s: %s is %d; Go has %s at %d", c, v.Name, v.Value, name(i), i)
			}
		}
	}
	check("rc_reason", "RC_", int(control.Reasons), func(i int) string { return control.Reason(i).String() })
	check("rc_node_state", "RC_NODE_", int(view.States), func(i int) string { return view.State(i).String() })
	states := [...]string{"vacant", "joining", "member", "out", "frozen"}
	var e *btf.Enum
	if err := types.TypeByName("rc_state", &e); err != nil {
		t.Fatal(err)
	}
	for i, v := range e.Values {
		if v.Name != "RC_STATE_"+strings.ToUpper(states[i]) || v.Value != uint64(i) {
			t.Errorf("rc_state: %s is %d", v.Name, v.Value)
		}
	}
}
