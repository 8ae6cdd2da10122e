package publish

import (
	"encoding/binary"
	"fmt"

	"rollcall/view"
)

// Publisher keeps the current view in a page. It belongs to one goroutine.
type Publisher struct {
	page page
	buf  []byte
}

// NewPublisher lays out mem, memory shared with readers, unless it already holds a page: then
// what was published last stays until the next Publish.
func NewPublisher(mem []byte) (*Publisher, error) {
	pg, err := pageOf(mem)
	if err != nil {
		return nil, fmt.Errorf("publish views in shared memory: %w", err)
	}
	p := &Publisher{page: pg}
	if pg.load(wordMagic) != pageMagic || pg.load(wordCapacity) != pg.room() {
		pg.store(wordMagic, 0)
		pg.store(wordCapacity, pg.room())
		pg.write(nil)
	}
	pg.store(wordRetired, 0)
	if err := p.Refresh(); err != nil {
		return nil, err
	}
	pg.store(wordMagic, pageMagic)
	return p, nil
}

// Publish shows v to readers, a view of that digest; nil says that there is no view. The layout tells them
// where the register page has the lease, and the number and digest of the newest view that is known. When it
// fails readers see no view rather than the one before.
func (p *Publisher) Publish(v *view.View, digest uint64, layout RegisterLayout) error {
	var err error
	p.buf = p.buf[:0]
	if v != nil {
		p.buf, err = v.AppendBinary(publication{layout: layout, seq: v.Epoch, digest: digest}.append(p.buf))
		if room := p.page.room(); err == nil && uint64(len(p.buf)) > room {
			err = fmt.Errorf("view %d takes %d bytes, the page has %d", v.Epoch, len(p.buf), room)
		}
		if err != nil {
			p.buf, err = p.buf[:0], fmt.Errorf("publish: %w", err)
		}
	}
	p.page.write(p.buf)
	return err
}

// Refresh tells readers how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC, which grows when
// the host is suspended. To be called about once a second.
func (p *Publisher) Refresh() error {
	offset, err := bootOffset()
	if err != nil {
		return fmt.Errorf("publish the clock: %w", err)
	}
	p.page.store(wordBoot, uint64(offset))
	return nil
}

// Retire tells readers to reopen: nothing will be published in this page any more. What was
// published last stays, and is valid until its lease ends or the kernel learns of a later view.
func (p *Publisher) Retire() { p.page.store(wordRetired, 1) }

// publication precedes the encoded view in a buffer.
type publication struct {
	layout RegisterLayout
	seq    uint64
	digest uint64
}

const publicationSize = registerFields*4 + 2*8

func (p publication) append(b []byte) []byte {
	for _, v := range p.layout.fields() {
		b = binary.BigEndian.AppendUint32(b, *v)
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, p.seq), p.digest)
}

func (p *publication) parse(b []byte) ([]byte, error) {
	if len(b) < publicationSize {
		return nil, fmt.Errorf("publication of %d bytes, at least %d", len(b), publicationSize)
	}
	for i, v := range p.layout.fields() {
		*v = binary.BigEndian.Uint32(b[i*4:])
	}
	p.seq = binary.BigEndian.Uint64(b[registerFields*4:])
	p.digest = binary.BigEndian.Uint64(b[registerFields*4+8:])
	return b[publicationSize:], nil
}
