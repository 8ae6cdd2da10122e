package publish

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The page is an array of 64-bit words in the host's byte order: a header, then two buffers.
// A publisher fills the buffer that is not current and then counts current up, so that a
// reader finds a whole view at any moment, also when the publisher was starved or killed
// half way; it reads again only if current moved while it copied. Every word is read and
// written atomically.
const (
	wordMagic    = 0 // tells the layout, its version and byte order
	wordCapacity = 1 // bytes of each buffer
	wordCurrent  = 2 // counts publications; its lowest bit tells the buffer
	wordBoot     = 3 // CLOCK_BOOTTIME minus CLOCK_MONOTONIC in nanoseconds
	wordRetired  = 4 // 1: nothing will be published here any more
	headerWords  = 8

	pageMagic = 0x52435649_45573032 // "RCVIEW02"
	copyTries = 100
)

// page is the memory that a publisher shares with readers.
type page []uint64

// pageOf lays a page over memory of at least a header and two words.
func pageOf(mem []byte) (page, error) {
	if len(mem) < 8*(headerWords+4) {
		return nil, fmt.Errorf("%d bytes are too few", len(mem))
	}
	if uintptr(unsafe.Pointer(&mem[0]))%8 != 0 {
		return nil, errors.New("memory is not aligned to 8 bytes")
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&mem[0])), len(mem)/8), nil
}

func (p page) load(word int) uint64     { return atomic.LoadUint64(&p[word]) }
func (p page) store(word int, v uint64) { atomic.StoreUint64(&p[word], v) }

// room is how many bytes each buffer of the page holds beside its length.
func (p page) room() uint64 { return uint64((len(p)-headerWords)/2-1) * 8 }

// buffer returns the words of the buffer of publication n; the first is its length.
func (p page) buffer(n uint64) page {
	size := (len(p) - headerWords) / 2
	from := headerWords + int(n&1)*size
	return p[from : from+size]
}

// read returns a copy of the current publication and its number.
func (p page) read() (b []byte, n uint64, err error) {
	if p.load(wordMagic) != pageMagic || p.load(wordCapacity) != p.room() {
		return nil, 0, errors.New("page of another layout: use the versions of daemon and library that belong together")
	}
	for range copyTries {
		n = p.load(wordCurrent)
		from := p.buffer(n)
		size := from.load(0)
		if size <= p.room() {
			b = make([]byte, (size+7)/8*8)
			for i := 0; i < len(b)/8; i++ {
				binary.NativeEndian.PutUint64(b[i*8:], from.load(i+1))
			}
			b = b[:size]
		}
		if p.load(wordCurrent) != n {
			continue
		}
		if size > p.room() {
			return nil, n, fmt.Errorf("publication of %d bytes in a page for %d", size, p.room())
		}
		return b, n, nil
	}
	return nil, n, errors.New("the page is written all the time")
}

// write publishes b, which fits.
func (p page) write(b []byte) {
	n := p.load(wordCurrent) + 1
	to := p.buffer(n)
	var last [8]byte
	for i := 0; i*8 < len(b); i++ {
		w := b[i*8:]
		if len(w) < 8 {
			copy(last[:], w)
			w = last[:]
		}
		to.store(i+1, binary.NativeEndian.Uint64(w))
	}
	to.store(0, uint64(len(b)))
	p.store(wordCurrent, n)
}
