package calls

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"

	"rollcall/control"
)

// packMin is from how many bytes on a message is packed: a content of thousands of names
// shrinks to a fraction.
const packMin = 4 << 10

// errLarge says that a packed message is larger than any may be.
var errLarge = errors.New("message is too long when unpacked")

// pack compresses what is worth it.
func pack(body []byte) (b []byte, packed bool) {
	if len(body) < packMin {
		return body, false
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(body) // to memory
	_ = z.Close()
	return out.Bytes(), true
}

// unpack reads what pack made, and no more than a message may have, however much is promised by
// few bytes.
func unpack(r io.Reader, encoding string) io.Reader {
	if encoding != "gzip" {
		return r
	}
	return &unpacker{from: r, left: control.MessageMax}
}

type unpacker struct {
	from io.Reader
	z    *gzip.Reader
	left int
}

func (u *unpacker) Read(b []byte) (int, error) {
	if u.z == nil {
		z, err := gzip.NewReader(u.from)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // nothing is not what pack makes
		}
		if err != nil {
			return 0, err
		}
		u.z = z
	}
	if u.left < 0 {
		return 0, errLarge
	}
	n, err := u.z.Read(b[:min(len(b), u.left+1)])
	u.left -= n
	return n, err
}
