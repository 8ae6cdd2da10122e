package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// SocketPathMax is how many bytes of a path fit into sockaddr_un.
const SocketPathMax = 107

// Listen opens the unix socket at path for everybody to connect to. It creates the directory,
// replaces the socket of a daemon that is dead and refuses to replace that of a living one,
// whose process it names. Closing the listener removes the socket.
//
// A lock file beside the socket, path.lock, keeps two daemons that start at once apart; it
// stays, and means nothing when nobody holds the lock.
func Listen(path string) (net.Listener, error) {
	if len(path) > SocketPathMax {
		return nil, fmt.Errorf("listen on %s: path of %d bytes, at most %d: set a shorter socket", path, len(path), SocketPathMax)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, living(path)
		}
		return nil, fmt.Errorf("listen on %s: lock: %w", path, err)
	}
	l, err := replace(path)
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &locked{Listener: l, lock: lock}, nil
}

// locked holds the lock as long as it listens.
type locked struct {
	net.Listener
	lock *os.File
}

func (l *locked) Close() error {
	return errors.Join(l.Listener.Close(), l.lock.Close())
}

// replace puts a new socket at path unless something living or foreign is there.
func replace(path string) (net.Listener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("listen on %s: there is something else, not a socket: remove it or set another socket", path)
	default:
		c, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			c.Close()
			return nil, living(path)
		}
		if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listen on %s: is another daemon there? %w", path, err)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listen on %s: replace the socket of a dead daemon: %w", path, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on %s: let everybody connect: %w", path, err)
	}
	return l, nil
}

// ErrLiving is why Listen refuses: another daemon has the socket.
var ErrLiving = errors.New("another daemon is running there")

// living names the daemon at path where it can.
func living(path string) error {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return fmt.Errorf("listen on %s: %w: stop it or set another socket", path, ErrLiving)
	}
	defer c.Close()
	p, err := peerOfConn(c)
	if err != nil {
		return fmt.Errorf("listen on %s: %w: stop it or set another socket", path, ErrLiving)
	}
	return fmt.Errorf("listen on %s: %w (pid %d): stop it or set another socket", path, ErrLiving, p.PID)
}

// How many connections at once are served; root is never turned away.
const (
	connsMax       = 512
	connsMaxOfUser = 64
)

// limited keeps one user from using up the daemon's connections.
type limited struct {
	net.Listener
	mu    sync.Mutex
	all   int
	users map[uint32]int
}

func newLimited(l net.Listener) *limited {
	return &limited{Listener: l, users: map[uint32]int{}}
}

// conn is an accepted connection and who is at its other end.
type conn struct {
	net.Conn
	peer   Peer
	closed sync.Once
	of     *limited
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p, err := peerOfConn(c)
		if err != nil {
			c.Close()
			continue
		}
		if !l.take(p.UID) {
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = c.Write([]byte(full))
			c.Close()
			continue
		}
		return &conn{Conn: c, peer: p, of: l}, nil
	}
}

const full = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" +
	`{"error":"too many connections of this user: end a watch or try again"}` + "\n"

func (l *limited) take(uid uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if uid != 0 && (l.all >= connsMax || l.users[uid] >= connsMaxOfUser) {
		return false
	}
	l.all++
	l.users[uid]++
	return true
}

func (c *conn) Close() error {
	c.closed.Do(func() {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.of.all--
		if c.of.users[c.peer.UID]--; c.of.users[c.peer.UID] == 0 {
			delete(c.of.users, c.peer.UID)
		}
	})
	return c.Conn.Close()
}
