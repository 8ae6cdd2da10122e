package publish

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"rollcall/view"
)

// Reader is the view for programs that ask often: an MPI or checkpoint library that wants to
// know, before every step, whether a node is still here and whether that may be trusted.
// After Open nothing it is asked needs the daemon or the kernel: all answers come from memory
// that both keep up to date, without a system call. (The first call after a view change
// decodes the view, and so allocates. A host whose clock source has no reading in user space
// makes a call for each time asked.) It may be used from many goroutines.
//
// Valid, Lease and Alive hold the promise that a node which was removed knows so from its own
// clock before the others go on without it. After the host was suspended they hold again when
// the next beat arrived or the daemon refreshed the page, at most a second after it ran;
// until then they may say yes for as long as the lease had left when the host was suspended.
// They do not hold in a process with a time namespace of its own.
type Reader struct {
	socket string
	clock  *clock
	pages  atomic.Pointer[mapping]
}

// mapping is the pages of one daemon. It unmaps itself when nobody uses it any more.
type mapping struct {
	view     page
	register []byte
	last     atomic.Pointer[snapshot]
}

// snapshot is one publication, decoded.
type snapshot struct {
	publication
	number uint64
	view   *view.View // nil: none
	index  map[string]int
}

// Open maps the view of the daemon whose API listens at socket; empty means DefaultSocket.
func Open(socket string) (*Reader, error) {
	clock, err := newClock()
	if err != nil {
		return nil, fmt.Errorf("open the view: %w", err)
	}
	r := &Reader{socket: ViewSocket(socket), clock: clock}
	r.pages.Store(&mapping{})
	if err := r.Reopen(); err != nil {
		return nil, err
	}
	return r, nil
}

// Reopen gets the pages anew, by system calls. When it fails, the Reader stays as it was.
//
// A daemon that was restarted may publish in other pages. The kernel extends the lease all
// the while, so the view stays valid until the next view change, which the Reader cannot see
// in the pages it has: from then on Valid is false until Reopen. So whoever finds the view not
// valid, or the pages Retired, should Reopen now and then.
func (r *Reader) Reopen() error {
	pages, err := receive(r.socket)
	if err != nil {
		return fmt.Errorf("open the view at %s: %w", r.socket, err)
	}
	m := &mapping{register: pages[1]}
	runtime.AddCleanup(m, func(pages [2][]byte) {
		for _, p := range pages {
			_ = unix.Munmap(p)
		}
	}, pages)
	if m.view, err = pageOf(pages[0]); err != nil {
		return fmt.Errorf("open the view at %s: %w", r.socket, err)
	}
	if _, err := m.decode(); err != nil {
		return fmt.Errorf("open the view at %s: %w", r.socket, err)
	}
	r.pages.Store(m)
	return nil
}

// Close lets go of the pages. From then on the Reader has no view.
func (r *Reader) Close() error {
	r.pages.Store(&mapping{})
	return nil
}

// View returns the current view, nil when there is none. It is shared: do not change it.
func (r *Reader) View() *view.View {
	m := r.pages.Load()
	defer runtime.KeepAlive(m)
	return m.current().view
}

// Epoch returns the current view's number, 0 when there is none. A program that keeps what it
// derived from a view compares it with the epoch it derived it from, and the instance.
func (r *Reader) Epoch() uint64 {
	if v := r.View(); v != nil {
		return v.Epoch
	}
	return 0
}

// Valid reports whether this node is a member and may trust the current view: its lease runs,
// and its kernel knows of no later one, and of no other of the same number.
func (r *Reader) Valid() bool { return r.Lease() > 0 }

// Lease returns how long the current view may be trusted without hearing more, 0 when it may
// not be trusted at all.
func (r *Reader) Lease() time.Duration {
	m := r.pages.Load()
	defer runtime.KeepAlive(m)
	_, lease := r.trusted(m)
	return lease
}

// Has reports whether a node of that name is in the current view.
func (r *Reader) Has(name string) bool {
	m := r.pages.Load()
	defer runtime.KeepAlive(m)
	_, ok := m.current().index[name]
	return ok
}

// Alive reports whether a node of that name is in the current view and the view may be
// trusted.
func (r *Reader) Alive(name string) bool {
	m := r.pages.Load()
	defer runtime.KeepAlive(m)
	s, lease := r.trusted(m)
	_, ok := s.index[name]
	return ok && lease > 0
}

// Retired reports whether the daemon gave these pages up: Reopen.
func (r *Reader) Retired() bool {
	m := r.pages.Load()
	defer runtime.KeepAlive(m)
	return m.view == nil || m.view.load(wordRetired) != 0
}

// trusted returns the current view and for how long it may be trusted. A view that was
// replaced while its lease was read does not count.
func (r *Reader) trusted(m *mapping) (*snapshot, time.Duration) {
	for range copyTries {
		s := m.current()
		lease := r.lease(m, s)
		if lease > 0 || s.view == nil || m.view.load(wordCurrent) == s.number {
			return s, lease
		}
	}
	return &none, 0
}

func (r *Reader) lease(m *mapping, s *snapshot) time.Duration {
	if s.view == nil {
		return 0
	}
	l := s.layout.read(m.register)
	now := r.clock.boot(int64(m.view.load(wordBoot)), l.beatAt)
	if !l.member || l.instance != s.view.Instance || l.committed > s.seq || l.until <= now {
		return 0
	}
	if l.committed == s.seq && l.digest != s.digest && l.digest != 0 { // what was decided has other content
		return 0
	}
	return time.Duration(l.until - now)
}

// current returns the publication that counts, decoded at most once. A page that cannot be
// read has no view.
func (m *mapping) current() *snapshot {
	if m.view == nil {
		return &none
	}
	if s := m.last.Load(); s != nil && s.number == m.view.load(wordCurrent) {
		return s
	}
	s, err := m.decode()
	if err != nil {
		return &none
	}
	return s
}

var none snapshot

func (m *mapping) decode() (*snapshot, error) {
	b, n, err := m.view.read()
	if err != nil {
		return nil, err
	}
	s := &snapshot{number: n}
	if len(b) > 0 {
		if b, err = s.parse(b); err != nil {
			return nil, err
		}
		if err := s.layout.check(len(m.register)); err != nil {
			return nil, err
		}
		v, err := view.Parse(b)
		if err != nil {
			return nil, err
		}
		s.view, s.index = v, make(map[string]int, len(v.Members))
		for i := range v.Members {
			s.index[v.Members[i].Name] = i
		}
	}
	m.last.Store(s)
	return s, nil
}
