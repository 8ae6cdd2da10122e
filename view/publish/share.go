package publish

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Pages are the two files that readers map: descriptors and sizes in bytes. They stay the
// caller's.
type Pages struct {
	View         int // what a Publisher writes
	ViewSize     int
	Register     int // the kernel's register, or its substitute
	RegisterSize int
}

// ViewSocket is where readers get the pages, given the socket of the API.
func ViewSocket(socket string) string {
	if socket == "" {
		socket = DefaultSocket
	}
	return filepath.Join(filepath.Dir(socket), "view.sock")
}

// The daemon's message beside the two descriptors: magic, size of the view page, size of the
// register page, all big endian.
const (
	helloMagic = 0x52435041_47455331 // "RCPAGES1"
	helloSize  = 24
	mappedMax  = 1 << 30 // bytes a reader maps of one page
	shareWait  = time.Second
)

// ServePages hands read-only descriptors of the pages to everybody who connects to l, which
// Listen returned, until ctx ends; then it closes l and returns nil.
//
// A file or memfd that was opened for writing is opened anew for reading; a BPF map must be
// frozen, so that only programs write it.
func ServePages(ctx context.Context, l net.Listener, p Pages) error {
	defer l.Close()
	fds := make([]int, 0, 2)
	for _, fd := range []int{p.View, p.Register} {
		f, err := readOnly(fd)
		if err != nil {
			return fmt.Errorf("share pages at %s: %w", l.Addr(), err)
		}
		defer f.Close()
		fds = append(fds, int(f.Fd()))
	}
	hello := binary.BigEndian.AppendUint64(nil, helloMagic)
	hello = binary.BigEndian.AppendUint64(hello, uint64(p.ViewSize))
	hello = binary.BigEndian.AppendUint64(hello, uint64(p.RegisterSize))
	rights := unix.UnixRights(fds...)

	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case exhausted(err): // until other connections end
			select {
			case <-ctx.Done():
			case <-time.After(shareWait):
			}
			continue
		case err != nil:
			return fmt.Errorf("share pages at %s: %w", l.Addr(), err)
		}
		if u, ok := c.(*net.UnixConn); ok {
			// The message fits into an empty socket's buffer: nobody can make this wait.
			_ = u.SetWriteDeadline(time.Now().Add(shareWait))
			_, _, _ = u.WriteMsgUnix(hello, rights, nil)
		}
		c.Close()
	}
}

// exhausted reports whether the process or host ran out of something that comes back.
func exhausted(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// receive asks the daemon for the pages and maps both, in the order of Pages.
func receive(socket string) (pages [2][]byte, err error) {
	c, err := net.DialTimeout("unix", socket, shareWait)
	if err != nil {
		return pages, fmt.Errorf("%w: is rollcalld running, and is this its directory? (%w)", ErrUnreachable, cause(err))
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(shareWait))
	hello := make([]byte, helloSize)
	oob := make([]byte, unix.CmsgSpace(2*4))
	n, oobn, _, _, err := c.(*net.UnixConn).ReadMsgUnix(hello, oob)
	if err != nil {
		return pages, fmt.Errorf("%w: it sent no pages (%w)", ErrUnreachable, cause(err))
	}
	fds := rights(oob[:oobn])
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	if n != helloSize || binary.BigEndian.Uint64(hello) != helloMagic || len(fds) != 2 {
		return pages, errors.New("it is no rollcalld, or one of another version")
	}
	for i, fd := range fds {
		if pages[i], err = mapPage(fd, binary.BigEndian.Uint64(hello[8+8*i:])); err != nil {
			for _, p := range pages[:i] {
				unix.Munmap(p)
			}
			return pages, err
		}
	}
	return pages, nil
}

// rights returns the descriptors in a control message.
func rights(oob []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func mapPage(fd int, size uint64) ([]byte, error) {
	if size == 0 || size > mappedMax {
		return nil, fmt.Errorf("page of %d bytes, at most %d", size, mappedMax)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG && uint64(st.Size) < size {
		return nil, fmt.Errorf("page of %d bytes in a file of %d", size, st.Size)
	}
	b, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("map page: %w: the daemon must share the frozen map's own descriptor, not one opened for reading", err)
	}
	if err != nil {
		return nil, fmt.Errorf("map page: %w", err)
	}
	return b, nil
}
