package dataplane

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// TestKernelOverflow fills the ring of events; what may have been lost is reported, but
// nothing is made up that was only heard.
func TestKernelOverflow(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	w.enter(t, 0)
	leader, member := pair[0], pair[1]
	if err := member.Apply(control.Command{Kind: control.CommandHold}); err != nil { // holds no roster
		t.Fatal(err)
	}
	for round := uint64(1); round <= 3000; round++ {
		b := asked(leader, roster, round)
		b.To = control.Of(1)
		b.Frame.Ask.IntervalUS = 100_000_000 // never silent
		if err := leader.Send([]control.Outgoing{b}); err != nil {
			t.Fatal(err)
		}
	}
	if n := member.Stats()[control.ReasonRosterMissing]; n != 3000 {
		t.Fatalf("%d beats arrived: %v", n, nonzero(member.Stats()))
	}
	wake, err := member.Wait(member.Now())
	if err != nil || wake != (Wakes{confirmable}) {
		t.Errorf("wake %#x, want %#x; %v", wake, confirmable, err)
	}
	if wake, err = member.Wait(member.Now()); wake.Any() || err != nil {
		t.Errorf("wake %#x after all events were taken; %v", wake, err)
	}
	if wake, _ := member.look(control.Bitmap{}); wake.BeatRound != 3000 {
		t.Errorf("last round %d", wake.BeatRound)
	}
}

// TestKernelInterrupt ends a wait without a deadline, from another goroutine.
func TestKernelInterrupt(t *testing.T) {
	newWire(t)
	k := openKernel(t, testOptions(pinDir(t)))
	go k.Interrupt()
	if wake, err := k.Wait(control.MaxTime); wake.Any() || err != nil {
		t.Errorf("wake %#x, %v", wake, err)
	}
	k.Close()
	k.Interrupt() // a late one finds nobody
}

// TestKernelPages shows readers, by descriptors that they cannot write through, what the
// kernel and the agent wrote.
func TestKernelPages(t *testing.T) {
	newWire(t)
	k := openKernel(t, testOptions(pinDir(t)))
	p := k.Pages()
	copy(p.ViewPage, "view")
	k.Stamp(7)
	for _, c := range []struct {
		fd, size int
		check    func(b []byte) bool
	}{
		{p.View, len(p.ViewPage), func(b []byte) bool { return strings.HasPrefix(string(b), "view") }},
		{p.Register, p.RegisterSize, func(b []byte) bool {
			r := (*control.Register)(unsafe.Pointer(&b[0]))
			return r.Incarnation != 0 && r.Health == 7 && r.AgentAt != 0 && r.State == control.RegisterVacant
		}},
	} {
		if _, err := unix.Mmap(c.fd, 0, c.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			t.Error("a reader may write")
		}
		b, err := unix.Mmap(c.fd, 0, c.size, unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		if !c.check(b) {
			t.Errorf("page reads % x…", b[:64])
		}
		unix.Munmap(b)
	}
}

// TestKernelName names slots, and takes the names away again.
func TestKernelName(t *testing.T) {
	_, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	s := pair[0]
	states := [control.Slots]uint32{1: 3}
	s.Show(&states)
	_, tally := s.look(both)
	m := &tally.Members[1]
	if m.Expected != roster.Seats[1].Incarnation || strings.TrimRight(string(m.Name[:]), "\x00") != "cn002" || m.State != 3 {
		t.Errorf("named member: %+v", m)
	}
	if err := s.Name(0, &control.Roster{Seats: roster.Seats[:1]}); err != nil {
		t.Fatal(err)
	}
	_, tally = s.look(both)
	if m := &tally.Members[1]; m.Expected != 0 || m.Name != [64]byte{} {
		t.Errorf("member whose name was taken away: %+v", m)
	}
}

// TestKernelUnreachable keeps the others from nothing when one slot cannot be sent to.
func TestKernelUnreachable(t *testing.T) {
	w, pair, roster := newPair(t, func(_ int, o *Options) { o.Attach = AttachTC })
	w.enter(t, 0)
	leader := pair[0]
	leader.Stamp(0)
	if err := leader.Apply(beatCommand(roster, control.Of(0, 1, 9))); err != nil { // slot 9 is nobody's
		t.Fatal(err)
	}
	if err := leader.Trouble(); err == nil || !strings.Contains(err.Error(), "slot 9") {
		t.Errorf("sent to a slot without an address: %v", err)
	}
	leader.waitFor(t, control.WakeQuorum)
}

// TestKernelRefusals says what is wrong and what to do, and leaves nothing behind.
func TestKernelRefusals(t *testing.T) {
	newWire(t)
	pins := pinDir(t)
	for _, c := range []struct {
		name   string
		change func(o *Options)
		words  []string
	}{
		{"no interface", func(o *Options) { o.Rails = []Rail{{Interface: "none0"}} }, []string{"interface none0 does not exist", "ip link"}},
		{"no bpffs", func(o *Options) { o.PinDir = filepath.Join(t.TempDir(), "a", "b") }, []string{"mount -t bpf bpf"}},
		{"other address", func(o *Options) { o.Rails[0].Address = (&wire{}).six(5) }, []string{"no address fd77::6"}},
		{"no key", func(o *Options) { o.Keys = &Keys{} }, []string{"key"}},
		{"attach", func(o *Options) { o.Attach = "best" }, []string{"best", "native"}},
		{"socket", func(o *Options) { o.Attach = AttachSocket }, []string{"socket"}},
	} {
		opt := testOptions(pins)
		c.change(&opt)
		_, err := OpenKernel(opt)
		if err == nil {
			t.Errorf("%s: opened", c.name)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", c.name, err, word)
			}
		}
	}
	if _, err := os.Stat(pins); err == nil {
		t.Error("something is left pinned")
	}
}

// TestKernelUnprivileged names what is missing.
func TestKernelUnprivileged(t *testing.T) {
	newWire(t)
	opt := testOptions(pinDir(t))
	errs := make(chan error)
	here, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	go func() { // on a thread of its own, which becomes nobody and is thrown away
		runtime.LockOSThread()
		if err := netns.Set(here); err != nil {
			errs <- err
			return
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
			errs <- errno
			return
		}
		_, err := OpenKernel(opt)
		errs <- err
	}()
	if err := <-errs; err == nil || !strings.Contains(err.Error(), "CAP_BPF and CAP_NET_ADMIN") {
		t.Errorf("opened without privilege: %v", err)
	}
}

// TestOpenStepsDown serves frames by a socket where the kernel plane is refused, says why, and
// does not where the kernel holds a register.
func TestOpenStepsDown(t *testing.T) {
	newWire(t)
	opt := testOptions(filepath.Join(t.TempDir(), "pins")) // not a bpffs
	p, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Describe(); d.Plane != "socket" || d.Pacing.Refused == "" || len(d.Refused) != 1 || !strings.Contains(d.Refused[0], "mount -t bpf") {
		t.Errorf("description: %+v", d)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	opt.PinDir = pinDir(t)
	openKernel(t, opt).Close()
	opt.Attach = AttachSocket
	if _, err := Open(opt); err == nil || !strings.Contains(err.Error(), "rollcall detach") {
		t.Errorf("socket plane beside a kernel's register: %v", err)
	}
}

func BenchmarkKernelDeliver(b *testing.B) {
	newWire(b)
	k := openKernel(b, testOptions(pinDir(b)))
	f := control.Frame{Kind: control.KindProbe, Cluster: k.opt.ClusterID, Instance: 1, To: control.ToAll}
	if err := k.Apply(control.Command{Kind: control.CommandJoin, Cluster: k.opt.ClusterID, Instance: 1}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.channel.deliver(0, &f, k.opt.Keys); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKernelSnapshot(b *testing.B) {
	newWire(b)
	k := openKernel(b, testOptions(pinDir(b)))
	r, tally := &control.Register{}, &control.Tally{}
	for _, c := range []struct {
		name string
		of   control.Bitmap
	}{{"none", control.Bitmap{}}, {"16", control.Bitmap{0xffff}}, {"256", control.Bitmap{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k.Snapshot(0, r, tally, c.of)
			}
		})
	}
}

func BenchmarkKernelOpen(b *testing.B) {
	newWire(b)
	opt := testOptions(pinDir(b))
	openKernel(b, opt).Close()
	for b.Loop() {
		k, err := OpenKernel(opt)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		k.Close()
		b.StartTimer()
	}
}

func BenchmarkKernelStamp(b *testing.B) {
	newWire(b)
	k := openKernel(b, testOptions(pinDir(b)))
	b.ReportAllocs()
	for b.Loop() {
		k.Stamp(1)
	}
}
