package dataplane

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/control"
)

// reportPadding lets cmp look past the unnamed padding of a report.
var reportPadding = cmp.AllowUnexported(control.Report{})

func testKeys() *Keys {
	return &Keys{Slots: [KeySlots][16]byte{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		{15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
	}}
}

func vectorBeat() control.Frame {
	return control.Frame{
		Kind: control.KindBeat, Cluster: 0x1122334455667788, Instance: 3, Group: 0x0102, From: 7, To: control.ToAll,
		Ballot: control.NewBallot(1, 9, 7), Round: 42, Sent: 1234567890123,
		Ask: control.Ask{
			Seq: 5, Committed: 4, Digest: 0xfeedfacecafebeef, Roster: 0xabcdef, Epoch: 5,
			IntervalUS: 10_000, Rounds: 5, LeaseUS: 35_000, UpperUS: control.NoUpper,
			New: control.Of(1, 2, 64, 255), Old: control.Of(1, 2, 3), Heard1: control.Of(1), Heard2: control.Of(2), Stale: control.Of(3),
		},
	}
}

func vectorEcho() control.Frame {
	return control.Frame{
		Kind: control.KindEcho, Level: 1, Cluster: 0x1122334455667788, Instance: 3, Group: 0x0102, From: 12, To: 7,
		Ballot: control.NewBallot(1, 9, 7), Round: 42, Sent: 1234567890123,
		Reply: control.Reply{
			Incarnation: 0x0123456789abcdef, Promised: control.NewBallot(1, 9, 7),
			Accepted: control.Proposal{
				Ballot: control.NewBallot(1, 9, 7), Seq: 5, Digest: 0xfeedfacecafebeef, Roster: 0xabcdef,
				New: control.Of(1, 2, 64, 255), Old: control.Of(1, 2, 3),
			},
			Committed: 4, Roster: 0xabcdef, SilenceUS: 10_007, AgentAgeMS: 12, Health: 1,
			WireMin: 1, WireMax: 1,
			Below: control.Report{Seq: 77, Digest: 0x99, Members: control.Of(0, 200), Generation: 2, Group: 12},
		},
	}
}

var vectors = []struct {
	name  string
	frame func() control.Frame
	key   uint8
	hex   string
}{
	{"beat", vectorBeat, 0, beatHex},
	{"echo", vectorEcho, 1, echoHex},
}

func TestFrameVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			want, err := hex.DecodeString(strings.Join(strings.Fields(v.hex), ""))
			if err != nil {
				t.Fatal(err)
			}
			f, keys := v.frame(), testKeys()
			f.Key = v.key
			if diff := cmp.Diff(rows(want), rows(AppendFrame(nil, &f, keys))); diff != "" {
				t.Errorf("signed frame (-want +got):\n%s", diff)
			}
			got, why := ParseFrame(want, testKeys())
			if why != control.ReasonNone {
				t.Fatalf("parse: %v", why)
			}
			if diff := cmp.Diff(f, got, reportPadding); diff != "" {
				t.Errorf("parsed frame (-want +got):\n%s", diff)
			}
		})
	}
}

// rows prints bytes as the vectors do, for a readable difference.
func rows(b []byte) (s []string) {
	for i := 0; i < len(b); i += 32 {
		s = append(s, fmt.Sprintf("%3d %x", i, b[i:min(i+32, len(b))]))
	}
	return s
}

func drawBitmap(t *rapid.T, name string) (b control.Bitmap) {
	for i := range b {
		b[i] = rapid.Uint64().Draw(t, name)
	}
	return b
}

func drawFrame(t *rapid.T) control.Frame {
	u64 := func(name string) uint64 { return rapid.Uint64().Draw(t, name) }
	u32 := func(name string) uint32 { return rapid.Uint32().Draw(t, name) }
	u16 := func(name string) uint16 { return rapid.Uint16().Draw(t, name) }
	u8 := func(name string) uint8 { return rapid.Uint8().Draw(t, name) }
	f := control.Frame{
		Kind:  control.Kind(rapid.Uint8Range(uint8(control.KindBeat), uint8(control.KindHandOver)).Draw(t, "kind")),
		Level: u8("level"), Flags: control.Flags(u8("flags")),
		Key:     rapid.Uint8Range(0, KeySlots-1).Draw(t, "key"),
		Cluster: u64("cluster"), Instance: u32("instance"), Group: u16("group"), From: u16("from"), To: u16("to"),
		Ballot: control.Ballot(u64("ballot")), Round: u64("round"), Sent: control.Time(u64("sent")),
	}
	if isAsk(f.Kind) {
		f.Ask = control.Ask{
			Seq: u64("seq"), Committed: u64("committed"), Digest: u64("digest"), Roster: u64("roster"), Epoch: u64("epoch"),
			IntervalUS: u32("interval"), Rounds: u16("rounds"), LeaseUS: u32("lease"), UpperUS: u32("upper"),
			New: drawBitmap(t, "new"), Old: drawBitmap(t, "old"), Heard1: drawBitmap(t, "heard1"), Heard2: drawBitmap(t, "heard2"), Stale: drawBitmap(t, "stale"),
		}
		if f.Kind == control.KindBeat {
			f.Ask.EpochDigest = u64("epoch digest")
		} else {
			f.Ask.Prior = control.Ballot(u64("prior"))
		}
		return f
	}
	f.Reply = control.Reply{
		Incarnation: u64("incarnation"), Promised: control.Ballot(u64("promised")),
		Accepted: control.Proposal{
			Ballot: control.Ballot(u64("accepted ballot")), Seq: u64("accepted seq"), Digest: u64("accepted digest"), Roster: u64("accepted roster"),
			New: drawBitmap(t, "accepted new"), Old: drawBitmap(t, "accepted old"),
		},
		Committed: u64("committed"), Roster: u64("roster"), SilenceUS: u32("silence"), AgentAgeMS: u32("age"), Health: u16("health"),
		WireMin: u8("min"), WireMax: u8("max"),
		Keys:  control.KeyIDs{u32("key id"), u32("key id")},
		Below: control.Report{Seq: u64("below seq"), Digest: u64("below digest"), Members: drawBitmap(t, "below members"), Generation: u16("generation"), Group: u16("below group")},
	}
	return f
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := testKeys()
		f := drawFrame(t)
		b := AppendFrame([]byte("before"), &f, keys)
		if len(b) != len("before")+FrameLen {
			t.Fatalf("%d bytes appended", len(b)-len("before"))
		}
		got, why := ParseFrame(b[len("before"):], keys)
		if why != control.ReasonNone {
			t.Fatalf("parse: %v", why)
		}
		if diff := cmp.Diff(f, got, reportPadding); diff != "" {
			t.Fatalf("frame (-want +got):\n%s", diff)
		}
	})
}

// TestEveryBitIsSigned flips each bit of a frame: none of them may be flipped unseen.
func TestEveryBitIsSigned(t *testing.T) {
	for _, v := range vectors {
		f, keys := v.frame(), testKeys()
		good := AppendFrame(nil, &f, keys)
		for bit := range 8 * FrameLen {
			b := append([]byte(nil), good...)
			b[bit/8] ^= 1 << (bit % 8)
			want := control.ReasonBadTag
			switch at := bit / 8; {
			case at < atKind:
				want = control.ReasonBadVersion
			case at == atKey && b[at] >= KeySlots:
				want = control.ReasonUnknownKey
			case at == atKind && (b[at] == 0 || b[at] > byte(control.KindHandOver)):
				want = control.ReasonBadKind
			}
			got, why := ParseFrame(b, keys)
			if why != want {
				t.Errorf("%s with bit %d of byte %d flipped: %v, want %v", v.name, bit%8, bit/8, why, want)
			}
			if got != (control.Frame{}) {
				t.Errorf("%s with byte %d changed: a part of it was returned", v.name, bit/8)
			}
		}
	}
}

func TestFrameOfAnyOtherLength(t *testing.T) {
	f, keys := vectorBeat(), testKeys()
	good := AppendFrame(nil, &f, keys)
	long := append(good[:FrameLen:FrameLen], make([]byte, 2*FrameLen)...)
	for n := range len(long) {
		want := control.ReasonBadLength
		if n == FrameLen {
			want = control.ReasonNone
		}
		if _, why := ParseFrame(long[:n], keys); why != want {
			t.Errorf("%d bytes: %v, want %v", n, why, want)
		}
	}
}

func TestFirstFaultCounts(t *testing.T) {
	f, keys := vectorBeat(), testKeys()
	b := AppendFrame(nil, &f, keys)
	b[atTag] ^= 1
	for _, step := range []struct {
		spoil func()
		want  control.Reason
	}{
		{func() {}, control.ReasonBadTag},
		{func() { b[atKey] = KeySlots }, control.ReasonUnknownKey},
		{func() { b[atKind] = 0 }, control.ReasonBadKind},
		{func() { b[atVersion]++ }, control.ReasonBadVersion},
		{func() { b = b[1:] }, control.ReasonBadLength},
	} {
		step.spoil()
		if _, why := ParseFrame(b, keys); why != step.want {
			t.Errorf("got %v, want %v", why, step.want)
		}
	}
}

func TestReservedBytesAreIgnored(t *testing.T) {
	ask, reply, keys := vectorBeat(), vectorEcho(), testKeys()
	for _, c := range []struct {
		frame control.Frame
		zero  [][2]int // from, to
	}{
		{ask, [][2]int{{atKey + 1, atVia}, {atVia + 2, atBallot}, {atRounds + 2, atLease}}},
		{reply, [][2]int{{atKey + 1, atVia}, {atVia + 2, atBallot}, {atKeys + 4*KeySlots, FrameLen}}},
	} {
		b := AppendFrame(nil, &c.frame, keys)
		for _, z := range c.zero {
			for at := z[0]; at < z[1]; at++ {
				if b[at] != 0 {
					t.Errorf("kind %d: reserved byte %d is %#x", c.frame.Kind, at, b[at])
				}
				b[at] = 0xff
			}
		}
		reseal(b, keys)
		got, why := ParseFrame(b, keys)
		if diff := cmp.Diff(c.frame, got, reportPadding); why != control.ReasonNone || diff != "" {
			t.Errorf("kind %d with reserved bytes set: %v (-want +got):\n%s", c.frame.Kind, why, diff)
		}
	}
}

// reseal makes the tag of 288 bytes good, whatever else is wrong with them.
func reseal(b []byte, keys *Keys) {
	if len(b) != FrameLen || !keys.has(b[atKey]) {
		return
	}
	w := [FrameLen]byte(b)
	clear(w[atTag : atTag+8])
	tag := keys.tag(w[atKey], &w)
	for i := range 8 {
		b[atTag+i] = byte(tag >> (56 - 8*i))
	}
}

// FuzzParseFrame reads any bytes. With seal they are signed first, so that the fuzzer gets
// past the tag; a frame that is taken must come out again as it went in.
func FuzzParseFrame(f *testing.F) {
	keys := testKeys()
	for _, v := range vectors {
		frame := v.frame()
		b := AppendFrame(nil, &frame, keys)
		f.Add(b, false)
		f.Add(b, true)
		f.Add(b[:len(b)-1], false)
		f.Add(append(b, 0), true)
	}
	f.Add([]byte(nil), true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			reseal(b, keys)
		}
		before := string(b)
		got, why := ParseFrame(b, keys)
		if string(b) != before {
			t.Fatal("parsing changed the bytes")
		}
		if why != control.ReasonNone {
			if got != (control.Frame{}) {
				t.Fatalf("%v, yet a part of the frame was returned", why)
			}
			return
		}
		again, why := ParseFrame(AppendFrame(nil, &got, keys), keys)
		if why != control.ReasonNone || again != got {
			t.Fatalf("written and read again: %v\n%+v\n%+v", why, got, again)
		}
	})
}

func BenchmarkAppendFrame(b *testing.B) {
	f, keys := vectorBeat(), testKeys()
	room := make([]byte, 0, FrameLen)
	b.ReportAllocs()
	for b.Loop() {
		room = AppendFrame(room[:0], &f, keys)
	}
}

func BenchmarkParseFrame(b *testing.B) {
	f, keys := vectorEcho(), testKeys()
	frame := AppendFrame(nil, &f, keys)
	b.ReportAllocs()
	for b.Loop() {
		if _, why := ParseFrame(frame, keys); why != control.ReasonNone {
			b.Fatal(why)
		}
	}
}
