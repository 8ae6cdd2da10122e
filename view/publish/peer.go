package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Peer is who is at the other end of a connection, as the kernel vouches.
type Peer struct {
	PID    int
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary
}

// defaultGroup is the group whose members may give orders beside root.
const defaultGroup = "rollcall"

type peerKey struct{}

func withPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// peerOf returns the peer of a request, or one that is entitled to nothing.
func peerOf(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	if !ok {
		p = Peer{UID: nobody, GID: nobody}
	}
	return p, ok
}

const nobody = 1<<32 - 1

// entitled returns nil when the peer may give orders, else what to do about it.
func (s *Server) entitled(p Peer) error {
	name := s.Group
	if name == "" {
		name = defaultGroup
	}
	if p.UID == 0 {
		return nil
	}
	gid := uint32(nobody)
	if g, err := user.LookupGroup(name); err == nil {
		if n, err := strconv.ParseUint(g.Gid, 10, 32); err == nil {
			gid = uint32(n)
		}
	}
	return mayOrder(p, name, gid)
}

// mayOrder is the rule: root, or a member of the group; gid nobody means there is no such group.
func mayOrder(p Peer, group string, gid uint32) error {
	switch {
	case p.UID == 0:
		return nil
	case gid == nobody:
		return fmt.Errorf("not permitted for user %d: run it as root, or create the group %s and join it", p.UID, group)
	case p.GID == gid || slices.Contains(p.Groups, gid):
		return nil
	}
	return fmt.Errorf("not permitted for user %d: run it as root or join the group %s", p.UID, group)
}

// peerOfConn asks the kernel who connected.
func peerOfConn(c net.Conn) (Peer, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{}, errors.New("read peer credentials: not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("read peer credentials: %w", err)
	}
	var p Peer
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			failed = err
			return
		}
		p = Peer{PID: int(cred.Pid), UID: cred.Uid, GID: cred.Gid}
		p.Groups, failed = peerGroups(fd)
	})
	if err = errors.Join(err, failed); err != nil {
		return Peer{}, fmt.Errorf("read peer credentials: %w", err)
	}
	return p, nil
}

// peerGroups reads SO_PEERGROUPS, for which x/sys/unix has no call.
func peerGroups(fd uintptr) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch errno {
		case 0:
			return groups[:size/4], nil
		case unix.ERANGE: // size tells what is needed
			if int(size/4) <= len(groups) || size > 1<<20 {
				return nil, errno
			}
			groups = make([]uint32, size/4)
		default:
			return nil, errno
		}
	}
}
