package publish

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"rollcall/view"
)

func TestReaderFollowsThePage(t *testing.T) {
	h := newHost(t)
	r := h.open()
	if r.View() != nil || r.Epoch() != 0 || r.Valid() || r.Has("n0") || r.Alive("n0") || r.Retired() {
		t.Error("a page without a view answers as if it had one")
	}
	h.take(1, 7, time.Hour)
	if r.Valid() {
		t.Error("valid without a view")
	}
	h.publish(numbered(7))
	if r.Epoch() != 7 || !r.Valid() || !r.Has("n7") || r.Has("n8") || !r.Alive("n0") || r.Alive("n8") {
		t.Errorf("epoch %d, valid %v", r.Epoch(), r.Valid())
	}
	if v := r.View(); v.Hash() != numbered(7).Hash() || v.Leader != "n0" {
		t.Errorf("%+v", v)
	}
	if l := r.Lease(); l <= 0 || l > time.Hour {
		t.Error("lease", l)
	}
	h.publish(nil)
	if r.View() != nil || r.Valid() || r.Has("n0") {
		t.Error("the view is still there")
	}
}

func TestLeaseDecides(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	r := h.open()
	for name, c := range map[string]struct {
		change func()
		valid  bool
	}{
		"runs":              {func() {}, true},
		"ended":             {func() { h.reg.leaseUntil = uint64(bootNow(t)) }, false},
		"never given":       {func() { h.reg.leaseUntil = 0 }, false},
		"above ended":       {func() { h.reg.upperUntil = uint64(bootNow(t)) }, false},
		"above runs":        {func() { h.reg.upperUntil = uint64(bootNow(t) + int64(time.Hour)) }, true},
		"no member":         {func() { h.reg.state = 3 }, false},
		"later view":        {func() { h.reg.committed = 8 }, false},
		"other instance":    {func() { h.reg.instance = 2 }, false},
		"being written":     {func() { h.reg.version = 1 }, false},
		"was written":       {func() { h.reg.version = 2 }, true},
		"its digest":        {func() { h.reg.digest = numbered(7).Hash() }, true},
		"other content":     {func() { h.reg.digest = numbered(7).Hash() + 1 }, false},
		"of the one before": {func() { h.reg.committed, h.reg.digest = 6, 1 }, true},
	} {
		*h.reg = register{}
		h.take(1, 7, time.Hour)
		c.change()
		if r.Valid() != c.valid || r.Alive("n0") != c.valid || (r.Lease() > 0) != c.valid {
			t.Errorf("%s: valid %v, alive %v, lease %v", name, r.Valid(), r.Alive("n0"), r.Lease())
		}
		if !r.Has("n0") {
			t.Errorf("%s: the view is gone", name)
		}
	}
}

// TestLeaseEndsByTheClockAlone: nothing is written, and the view ceases to be valid.
func TestLeaseEndsByTheClockAlone(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	r := h.open()
	h.take(1, 7, 200*time.Millisecond)
	for r.Valid() {
	}
	if now := uint64(bootNow(t)); now < h.reg.leaseUntil-uint64(100*time.Millisecond) {
		t.Errorf("ended %d ns early", h.reg.leaseUntil-now)
	}
}

// TestClockFollowsSuspend: the reader's clock, behind after a suspend, is put right by the
// daemon's offset or by a beat that would lie in the future.
func TestClockFollowsSuspend(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	r := h.open()
	h.take(1, 7, time.Hour)
	h.page.store(wordBoot, h.page.load(wordBoot)+uint64(30*time.Minute))
	if l := r.Lease(); l > 30*time.Minute || l < 29*time.Minute {
		t.Error("after the daemon refreshed:", l)
	}
	h.reg.beatAt = uint64(bootNow(t)) + uint64(45*time.Minute)
	if l := r.Lease(); l > 15*time.Minute || l < 14*time.Minute {
		t.Error("after a beat:", l)
	}
	h.reg.beatAt = 0
	if err := h.Refresh(); err != nil {
		t.Fatal(err)
	}
	if l := r.Lease(); l > 15*time.Minute {
		t.Error("the clock went back:", l)
	}
}

func TestBootClockIsNeverBehind(t *testing.T) {
	c, err := newClock()
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		before := uint64(bootNow(t))
		if got := c.boot(0, 0); got < before {
			t.Fatalf("%d ns behind", before-got)
		}
	}
}

// TestReaderNeverSeesATornView: every view read is one that was published, and they only move
// forward.
func TestReaderNeverSeesATornView(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(1))
	hashes := []uint64{0}
	for e := range uint64(200) {
		hashes = append(hashes, numbered(e+1).Hash())
	}
	r := h.open()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			last, seen := uint64(0), 0
			for {
				select {
				case <-stop:
					if seen < 2 {
						t.Error("the reader saw no change")
					}
					return
				default:
				}
				v := r.View()
				if v == nil {
					t.Error("no view")
					return
				}
				if v.Epoch < last {
					t.Errorf("epoch %d after %d", v.Epoch, last)
					return
				}
				if v.Epoch != last {
					last, seen = v.Epoch, seen+1
					content := *v
					content.Epoch = (v.Epoch-1)%200 + 1
					content.Members = slices.Clone(v.Members)
					for i := range content.Members {
						content.Members[i].Incarnation -= v.Epoch - content.Epoch
					}
					if content.Hash() != hashes[content.Epoch] {
						t.Errorf("epoch %d is torn: %+v", v.Epoch, v)
						return
					}
				}
			}
		})
	}
	for e := uint64(1); e <= 4000; e++ {
		base := (e-1)%200 + 1
		v := numbered(base)
		v.Epoch = e
		for i := range v.Members {
			v.Members[i].Incarnation += e - base
		}
		h.publish(v)
		if e%64 == 0 {
			runtime.Gosched()
		}
	}
	for r.Epoch() != 4000 {
		t.Fatal("the last view is not seen")
	}
	close(stop)
	readers.Wait()
}

// TestKilledPublisherLeavesAWholeView: a publisher that dies half way never moved current.
func TestKilledPublisherLeavesAWholeView(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	r := h.open()
	next := h.page.buffer(h.page.load(wordCurrent) + 1)
	for i := range next {
		next.store(i, math.MaxUint64)
	}
	if r.Epoch() != 7 {
		t.Error("epoch", r.Epoch())
	}
	if _, err := NewPublisher(h.mem); err != nil {
		t.Fatal(err)
	}
	if r.Epoch() != 7 || h.open().Epoch() != 7 {
		t.Error("a restarted daemon lost the view")
	}
	h.publish(numbered(8))
	if r.Epoch() != 8 {
		t.Error("epoch", r.Epoch())
	}
}

func TestPublishRefusesWhatDoesNotFit(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	h.take(1, 7, time.Hour)
	r := h.open()
	big := numbered(8)
	big.Members = nil
	for s := range uint16(1000) {
		big.Members = append(big.Members, view.Identity{Name: fmt.Sprintf("a-rather-long-name-of-a-node-%d", s), Slot: s})
	}
	if err := h.Publish(big, big.Hash(), layout); err == nil {
		t.Fatal("it fits?")
	}
	if r.View() != nil || r.Valid() {
		t.Error("readers still trust the view before")
	}
	bad := numbered(9)
	bad.Members[0].Slot = 99
	if err := h.Publish(bad, bad.Hash(), layout); err == nil || r.View() != nil {
		t.Error("disorder:", err)
	}
	if _, err := NewPublisher(make([]byte, 64)); err == nil {
		t.Error("64 bytes are a page")
	}
}

func TestReopenFollowsARestartedDaemon(t *testing.T) {
	var r *Reader
	dir := ""
	t.Run("first", func(t *testing.T) {
		h := newHost(t)
		dir = filepath.Dir(h.socket)
		h.publish(numbered(7))
		h.take(1, 7, time.Hour)
		r = h.open()
		h.Retire()
		if !r.Retired() || !r.Valid() {
			t.Error("the kernel's lease runs on without a daemon:", r.Lease())
		}
		h.reg.committed = 8
		if r.Valid() {
			t.Error("the kernel knows of a later view")
		}
	})
	if err := r.Reopen(); err == nil {
		t.Error("reopened without a daemon at", dir)
	}
	if r.Valid() || !r.Retired() {
		t.Error("a failed reopen changed the reader")
	}
	h := newHost(t)
	r.socket = ViewSocket(h.socket)
	h.publish(numbered(9))
	h.take(1, 9, time.Hour)
	if err := r.Reopen(); err != nil {
		t.Fatal(err)
	}
	if r.Epoch() != 9 || !r.Valid() || r.Retired() {
		t.Error("epoch", r.Epoch())
	}
	if err := r.Close(); err != nil || r.View() != nil || r.Valid() || !r.Retired() {
		t.Error("a closed reader answers", err)
	}
}

// TestReopenWhileOthersRead: the old pages stay mapped while somebody reads them.
func TestReopenWhileOthersRead(t *testing.T) {
	h := newHost(t)
	h.publish(numbered(7))
	h.take(1, 7, time.Hour)
	r := h.open()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if !r.Alive("n3") {
						t.Error("not alive")
						return
					}
				}
			}
		})
	}
	for range 15 {
		if err := r.Reopen(); err != nil {
			t.Error(err)
		}
		runtime.GC()
	}
	close(stop)
	readers.Wait()
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "rollcall.sock")); err == nil {
		t.Error("opened nothing")
	}
	for name, spoil := range map[string]func(*host){
		"another layout":  func(h *host) { h.page.store(wordMagic, 1) },
		"earlier layout":  func(h *host) { h.page.store(wordMagic, pageMagic-1) },
		"later layout":    func(h *host) { h.page.store(wordMagic, pageMagic+1) },
		"beyond the page": func(h *host) { h.layout.LeaseUntil = 4096; h.publish(numbered(1)) },
		"unaligned":       func(h *host) { h.layout.LeaseUntil = 4; h.publish(numbered(1)) },
		"no view inside":  func(h *host) { h.page.write([]byte("x")) },
		"too long":        func(h *host) { h.page.buffer(h.page.load(wordCurrent)).store(0, math.MaxUint64) },
	} {
		h := newHost(t)
		spoil(h)
		if r, err := Open(h.socket); err == nil {
			t.Errorf("%s: opened, valid %v", name, r.Valid())
		} else if told := strings.Contains(err.Error(), "page of another layout: use the versions"); told != strings.HasSuffix(name, " layout") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzPage: whatever is in the pages, a reader answers, and trusts nothing without a view.
func FuzzPage(f *testing.F) {
	body, err := numbered(3).AppendBinary(publication{layout: layout, seq: 3}.append(nil))
	if err != nil {
		f.Fatal(err)
	}
	reg := make([]byte, unsafe.Sizeof(register{}))
	f.Add(body, reg, uint64(0))
	f.Add([]byte{}, reg, uint64(math.MaxUint64))
	clock, err := newClock()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, reg []byte, size uint64) {
		p, err := NewPublisher(aligned(make([]byte, 2048)))
		if err != nil {
			t.Fatal(err)
		}
		if uint64(len(body)) > p.page.room() {
			return
		}
		p.page.write(body)
		if size != 0 {
			p.page.buffer(p.page.load(wordCurrent)).store(0, size)
		}
		r := &Reader{clock: clock}
		r.pages.Store(&mapping{view: p.page, register: aligned(reg)})
		valid, alive, has := r.Valid(), r.Alive("n1"), r.Has("n1")
		if r.View() == nil && (valid || alive || has) {
			t.Error("trusted without a view")
		}
	})
}

// aligned returns a copy as memory that is mapped would lie.
func aligned(b []byte) []byte {
	words := make([]uint64, len(b)/8+1)
	to := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(b))
	copy(to, b)
	return to
}

func BenchmarkReader(b *testing.B) {
	h := newHost(b)
	h.publish(numbered(39))
	h.take(1, 39, time.Hour)
	r := h.open()
	for b.Loop() {
		if !r.Alive("n17") {
			b.Fatal("not alive")
		}
	}
}
