package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/cmd/rollcall-lab/cluster"
	"rollcall/cmd/rollcall-lab/netlab"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// Whatever is wrong is named or counted, changes nothing and loses nothing.
func TestBadInput(t *testing.T) {
	r := share(t)
	t.Run("config", func(t *testing.T) { badConfigs(t, r) })
	t.Run("second daemon", func(t *testing.T) { secondDaemon(t, r) })
	t.Run("frames", func(t *testing.T) { badFrames(t, r) })
	t.Run("duplicate name", func(t *testing.T) { duplicateName(t, r) })
}

// same checks that nothing came of it.
func (r *rig) same(t *testing.T) {
	t.Helper()
	if d := r.agreed(r.Names()...); d.Epoch != r.first.Epoch || d.Hash != r.first.Hash || d.Leader != r.first.Leader {
		t.Errorf("view %d %s of %s became %d %s of %s", r.first.Epoch, r.first.Hash, r.first.Leader, d.Epoch, d.Hash, d.Leader)
	}
}

func badConfigs(t *testing.T, r *rig) {
	good, err := os.ReadFile(r.Nodes()[0].Config())
	r.must(err)
	swap := func(old, by string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("no %q in the configuration", old)
		}
		return strings.Replace(string(good), old, by, 1)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key":         {"colour = \"red\"\n" + string(good), "colour"},
		"impossible interval": {swap(`interval    = "10ms"`, `interval    = "-3ms"`), "interval"},
		"impossible rounds":   {swap(`rounds      = 5`, `rounds      = 5000`), "rounds"},
		"duplicate node":      {swap(`nodes       = "n[`, `nodes       = "n02,n[`), "n02"},
		"node of no group":    {swap(`node        = "n01"`, `node        = "n77"`), "n77"},
		"founder of no group": {swap(`founders    = "n01,`, `founders    = "n66,`), "n66"},
		"not TOML":            {"= = =\n", "rollcall.toml"},
	} {
		path := filepath.Join(t.TempDir(), "rollcall.toml")
		r.must(os.WriteFile(path, []byte(tc.text), 0o644))
		out, err := exec.CommandContext(r.bounded(), filepath.Join(binaries, "rollcalld"), "--check", "--config", path).CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
			t.Errorf("%s: accepted (%v)", name, err)
		}
		if !strings.Contains(string(out), path+":") || !strings.Contains(string(out), tc.want) {
			t.Errorf("%s: names not both %s with a line and %q:\n%s", name, path, tc.want, out)
		}
	}
	r.same(t)
}

func secondDaemon(t *testing.T, r *rig) {
	n := r.Nodes()[1]
	var said bytes.Buffer
	second := exec.CommandContext(r.bounded(), filepath.Join(binaries, "rollcalld"), "--config", n.Config(),
		"--socket", filepath.Join(t.TempDir(), "other.sock"))
	second.Stdout, second.Stderr = &said, &said
	r.must(r.Network().Start(n.Name, second))
	if err := second.Wait(); err == nil {
		t.Error("a second daemon ended well")
	}
	if want := fmt.Sprint(n.PID()); !strings.Contains(said.String(), want) || !strings.Contains(said.String(), netlab.Interface) {
		t.Errorf("names not both %s and process %s:\n%s", netlab.Interface, want, &said)
	}
	r.same(t)
}

// A node that calls itself by another's name waits, and says why; the other stays.
func duplicateName(t *testing.T, r *rig) {
	victim := r.members(1)[0]
	n, err := r.Node(victim)
	r.must(err)
	namesake := r.without(victim, r.first.Leader)[0]
	good, err := os.ReadFile(n.Config())
	r.must(err)
	bad := strings.Replace(string(good), fmt.Sprintf("node        = %q", victim), fmt.Sprintf("node        = %q", namesake), 1)
	r.must(r.Kill(victim))
	rest := r.agreed(r.without(victim)...)
	refusedConfig(t, r, n, good)
	r.must(os.WriteFile(n.Config(), []byte(bad), 0o644))
	r.must(r.Boot(victim))
	r.until("it answers", []string{victim}, func(s cluster.Sight) bool { return s.View != nil })
	for why := ""; !strings.Contains(why, "renamed"); {
		why = r.awaiting(n)
	}
	if d := r.agreed(r.without(victim)...); d.Epoch != rest.Epoch || d.Hash != rest.Hash {
		t.Errorf("view %d became %d", rest.Epoch, d.Epoch)
	}
	r.must(r.Kill(victim))
	r.must(os.WriteFile(n.Config(), good, 0o644))
	r.must(r.Boot(victim))
	r.agreed(r.Names()...)
}

// The lab says why a daemon that it started has ended: its configuration has a key that is none.
func refusedConfig(t *testing.T, r *rig, n *cluster.Node, good []byte) {
	r.must(os.WriteFile(n.Config(), append([]byte("no_such_key = 1\n"), good...), 0o644))
	err := r.Boot(n.Name)
	if err == nil { // it was quicker than the daemon
		err = r.Answering(r.bounded(), n.Name)
	}
	if err == nil || !strings.Contains(err.Error(), n.Name) || !strings.Contains(err.Error(), "no_such_key") {
		t.Errorf("the daemon of %s was refused: %v", n.Name, err)
	}
}

// intruder sends packets of its own making from one node's place to another.
type intruder struct {
	*rig
	from, to *cluster.Node
	socket   int
	keys     *dataplane.Keys
	toSlot   uint16
	other    publish.Member // who is neither
}

func (i *intruder) probe() control.Frame {
	return control.Frame{
		Kind: control.KindProbe, Cluster: dataplane.ClusterID(i.Options().Lab), Instance: i.first.Instance,
		Key: i.keys.First, From: i.other.Slot, To: i.toSlot, Round: 1, Sent: dataplane.Now(),
	}
}

func (i *intruder) sign(f control.Frame) []byte { return dataplane.AppendFrame(nil, &f, i.keys) }

// packet wraps a payload for the wire, to the given IPv4 address.
func (i *intruder) packet(payload []byte, to [4]byte) []byte {
	ip := make([]byte, 20)
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(payload)))
	from := i.from.IPv4.As4()
	copy(ip[12:], from[:])
	copy(ip[16:], to[:])
	sum := uint32(0)
	for at := 0; at < 20; at += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[at:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	p := append([]byte(i.to.MAC), i.from.MAC...)
	p = append(append(p, 0x08, 0x00), ip...)
	p = binary.BigEndian.AppendUint16(p, 40000)
	p = binary.BigEndian.AppendUint16(p, dataplane.DefaultPort)
	p = binary.BigEndian.AppendUint16(p, uint16(8+len(payload)))
	return append(append(p, 0, 0), payload...)
}

func (i *intruder) open(t *testing.T) {
	t.Helper()
	i.must(i.Network().Inside(i.from.Name, func() error {
		eth, err := net.InterfaceByName(netlab.Interface)
		if err != nil {
			return err
		}
		if i.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(i.socket, &unix.SockaddrLinklayer{Ifindex: eth.Index})
	}))
	t.Cleanup(func() { unix.Close(i.socket) })
}

// counted sends a packet and waits until the target has counted it. Counters have no stream.
func (i *intruder) counted(t *testing.T, what string, packet []byte, reason control.Reason) {
	t.Helper()
	before, err := i.to.Client().Stats(i.bounded())
	i.must(err)
	i.must(unix.Send(i.socket, packet, 0))
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		now, err := i.to.Client().Stats(i.bounded())
		i.must(err)
		if now.Frames[reason.String()] > before.Frames[reason.String()] {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s: not counted as %s", what, reason)
			return
		}
	}
}

// beat catches a beat of the leader to the target as it crosses the bridge.
func (i *intruder) beat() []byte {
	i.Helper()
	var once sync.Once
	caught := make(chan []byte, 1)
	stop, err := i.Network().Capture(func(p netlab.Packet) {
		const udp = 42
		if len(p.Data) != udp+dataplane.FrameLen || !bytes.Equal(p.Data[:6], i.to.MAC) {
			return
		}
		if f, why := dataplane.ParseFrame(p.Data[udp:], i.keys); why == control.ReasonNone && f.Kind == control.KindBeat {
			once.Do(func() { caught <- bytes.Clone(p.Data) })
		}
	})
	i.must(err)
	select {
	case b := <-caught:
		_, err := stop()
		i.must(err)
		return b
	case <-i.bounded().Done():
		i.Fatal("no beat crosses the bridge")
		return nil
	}
}

// intrude makes an intruder at one node, who sends to another and says it is a third.
func (r *rig) intrude(t *testing.T, from, to, other string) *intruder {
	t.Helper()
	i := &intruder{rig: r}
	var err error
	i.from, err = r.Node(from)
	r.must(err)
	i.to, err = r.Node(to)
	r.must(err)
	i.keys, err = r.Keys()
	r.must(err)
	for _, m := range r.first.Members {
		switch m.Name {
		case to:
			i.toSlot = m.Slot
		case other:
			i.other = m
		}
	}
	i.open(t)
	return i
}

func badFrames(t *testing.T, r *rig) {
	names := r.without(r.first.Leader)
	i := r.intrude(t, names[0], names[1], names[2])
	third, err := r.Node(names[2])
	r.must(err)
	to := i.to.IPv4.As4()

	i.counted(t, "a good probe", i.packet(i.sign(i.probe()), to), control.ReasonProbeAnswered)
	frames, err := r.Record()
	r.must(err)
	good := i.sign(i.probe())
	with := func(change func(*control.Frame)) []byte {
		f := i.probe()
		change(&f)
		return i.packet(i.sign(f), to)
	}
	patched := func(at int, value byte) []byte {
		b := bytes.Clone(good)
		b[at] = value
		return i.packet(b, to)
	}
	plain := i.packet(good, to)
	tagged := append(bytes.Clone(plain[:12]), 0x81, 0x00, 0x00, 0x07)
	tagged = append(tagged, plain[12:]...)
	replayed := i.beat()
	copy(replayed[6:12], i.from.MAC) // the bridge must not learn that the leader moved
	for _, tc := range []struct {
		what   string
		packet []byte
		reason control.Reason
	}{
		{"short", i.packet(good[:100], to), control.ReasonBadLength},
		{"long", i.packet(append(bytes.Clone(good), 0, 0, 0, 0), to), control.ReasonBadLength},
		{"wrong magic", patched(0, 0), control.ReasonBadVersion},
		{"wrong version", patched(4, 99), control.ReasonBadVersion},
		{"wrong kind", patched(5, 99), control.ReasonBadKind},
		{"wrong tag", patched(dataplane.FrameLen-1, good[dataplane.FrameLen-1]^1), control.ReasonBadTag},
		{"a key that is not held", patched(34, 1-i.keys.First), control.ReasonUnknownKey},
		{"no key's number", patched(34, dataplane.KeySlots), control.ReasonUnknownKey},
		{"another cluster", with(func(f *control.Frame) { f.Cluster++ }), control.ReasonBadCluster},
		{"an earlier instance", with(func(f *control.Frame) { f.Instance-- }), control.ReasonBadInstance},
		{"another group", with(func(f *control.Frame) { f.Group++ }), control.ReasonNotMember},
		{"another slot", with(func(f *control.Frame) { f.To = i.other.Slot }), control.ReasonBadSlot},
		{"another host's address", i.packet(good, third.IPv4.As4()), control.ReasonBadDestination},
		{"an answer to nothing", with(func(f *control.Frame) { f.Kind = control.KindEcho }), control.ReasonNotAsking},
		{"replayed", replayed, control.ReasonOldRound},
		{"in a VLAN", tagged, control.ReasonVLANTagged},
	} {
		i.counted(t, tc.what, tc.packet, tc.reason)
	}
	r.must(frames.Stop())
	for _, s := range frames.All() {
		if s.Node == i.to.Name && (s.Frame.Kind == control.KindAnswer || s.Frame.Round == 1) {
			t.Errorf("answered: %+v", s.Frame)
		}
	}
	r.same(t)
}
