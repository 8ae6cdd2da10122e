package netlab

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Packet is one frame that a node sent and that passed its gate.
type Packet struct {
	Node string
	At   uint64 // arrival at the bridge, ns of CLOCK_BOOTTIME
	Data []byte // from the Ethernet header on; valid during the call only
}

// captureBuffer holds what arrives while the reader is kept waiting.
const captureBuffer = 64 << 20

// Capture calls handle for every frame that enters a bridge, in order, until stop is called.
// stop returns how many frames were lost for want of buffer space, once handle has had all
// that came before.
func (n *Network) Capture(handle func(Packet)) (stop func() (lost uint32, err error), err error) {
	var fd int
	err = inside(switchNamespace(n.config.Lab), func() error {
		fd, err = openCapture()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture at the bridge: %w", err)
	}
	f := os.NewFile(uintptr(fd), "capture")
	names := make(map[int]string, len(n.nodes))
	for _, node := range n.nodes {
		for rail := range n.config.rails() {
			on := node.OnRail(rail)
			names[on.port()] = node.Name
		}
	}
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() { failed = readCapture(f, names, handle) })
	return func() (uint32, error) {
		if err := f.SetReadDeadline(time.Now()); err != nil {
			return 0, fmt.Errorf("stop capture: %w", err)
		}
		wg.Wait()
		defer f.Close()
		if failed != nil {
			return 0, fmt.Errorf("read capture: %w", failed)
		}
		s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err != nil {
			return 0, fmt.Errorf("read capture statistics: %w", err)
		}
		return s.Drops, nil
	}, nil
}

// openCapture opens a packet socket on all devices of the caller's namespace.
func openCapture() (int, error) {
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("open packet socket: %w", err)
	}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("set option of packet socket: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind packet socket: %w", err)
	}
	return fd, nil
}

// readCapture hands on what comes from the ports until the file's deadline, and then what has
// come by then.
func readCapture(f *os.File, names map[int]string, handle func(Packet)) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	data, control := make([]byte, 1<<16), make([]byte, 128)
	var failed error
	receive := func(fd uintptr) (more bool) {
		size, controlSize, _, from, err := unix.Recvmsg(int(fd), data, control, 0)
		switch {
		case err == unix.EAGAIN:
			return false
		case err == unix.EINTR, err == unix.ENETDOWN: // a port went down
			return true
		case err != nil:
			failed = err
			return false
		}
		// The bridge's own device repeats what is flooded.
		if link, ok := from.(*unix.SockaddrLinklayer); ok && names[link.Ifindex] != "" {
			handle(Packet{Node: names[link.Ifindex], At: arrival(control[:controlSize]), Data: data[:size]})
		}
		return true
	}
	for err == nil && failed == nil {
		err = raw.Read(func(fd uintptr) bool { return receive(fd) || failed != nil })
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		control := raw.Control(func(fd uintptr) {
			for receive(fd) {
			}
		})
		return errors.Join(control, failed)
	}
	return errors.Join(err, failed)
}

// arrival turns the kernel's wall-clock stamp into CLOCK_BOOTTIME.
func arrival(control []byte) uint64 {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			stamp := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			var wall, boot unix.Timespec
			if unix.ClockGettime(unix.CLOCK_REALTIME, &wall) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
				return 0
			}
			return uint64(boot.Nano() - wall.Nano() + stamp.Nano())
		}
	}
	return 0
}
