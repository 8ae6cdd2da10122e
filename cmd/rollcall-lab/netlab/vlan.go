package netlab

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What ethtool(8) asks of a device, from linux/ethtool.h.
const (
	ethtoolGetFlags = 0x25
	ethtoolSetFlags = 0x26
	flagTXVLAN      = 1 << 7
)

// tagInFrame makes a port put VLAN tags into the frames, as they are on a cable. By itself
// veth carries them beside the frame, where no XDP program sees them. The caller is in the
// port's namespace.
func tagInFrame(port string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	flags := struct{ command, value uint32 }{command: ethtoolGetFlags}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&flags)}
	copy(request.name[:], port)
	var pin runtime.Pinner
	pin.Pin(&flags)
	defer pin.Unpin()
	for _, command := range []uint32{ethtoolGetFlags, ethtoolSetFlags} {
		flags.command = command
		flags.value &^= flagTXVLAN
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return fmt.Errorf("keep VLAN tags in frames: %w", errno)
		}
	}
	return nil
}
