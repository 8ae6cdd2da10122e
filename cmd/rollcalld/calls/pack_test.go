package calls

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/control"
)

// The content of 63,488 nodes with long names comes in parts, all at once, and all arrive.
func TestLargestContentArrives(t *testing.T) {
	k := key.Generate()
	_, addr, taken := serve(t, k)
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	const parts = (control.PerBranch*control.Slots*(control.NameMax+16) + control.PartMax - 1) / control.PartMax
	m := hello("cn002")
	m.Kind, m.Instance, m.Level = control.MessageContent, 1, 1
	random := rand.NewChaCha8([32]byte{}) // shrinks least
	for i := range parts {
		m.Content = &control.Content{Seq: 7, Part: i, Parts: parts, Body: make([]byte, control.PartMax)}
		_, _ = random.Read(m.Content.Body)
		sender.Send(control.Letter{To: addr, Message: m})
	}
	for i := range parts {
		if got := <-taken; got.Content.Part != i || len(got.Content.Body) != control.PartMax {
			t.Fatalf("part %d of %d bytes came as number %d", got.Content.Part, len(got.Content.Body), i)
		}
	}
	if _, failed := sender.Counts(); failed != 0 {
		t.Errorf("%d of %d parts failed", failed, parts)
	}
}

func TestLongMessagesArePacked(t *testing.T) {
	k := key.Generate()
	_, addr, taken := serve(t, k)
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	m := hello("cn002")
	m.Kind, m.Instance, m.Roster = control.MessageRoster, 1, &control.Roster{}
	for slot := range uint16(control.Slots) {
		m.Roster.Seats = append(m.Roster.Seats, control.Seat{Slot: slot, Peer: control.Peer{Name: fmt.Sprintf("cn%03d", slot), Incarnation: 1, RPC: "10.0.0.1:7746"}})
	}
	sender.Send(control.Letter{To: addr, Message: m})
	if got := <-taken; got.Roster.Version() != m.Roster.Version() {
		t.Error("another roster arrived")
	}
	body := []byte(strings.Repeat("cn001 ", 2000))
	if b, packed := pack(body); !packed || len(b) > len(body)/10 {
		t.Errorf("%d bytes became %d", len(body), len(b))
	}
	if b, packed := pack(body[:100]); packed || len(b) != 100 {
		t.Error("a short message was packed")
	}
}

// TestUnpackStops: a few bytes that promise a gigabyte cost no more than a message may.
func TestUnpackStops(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 64 {
		z.Write(make([]byte, control.MessageMax))
	}
	z.Close()
	n, err := io.Copy(io.Discard, unpack(&bomb, "gzip"))
	if !errors.Is(err, errLarge) || n > control.MessageMax+1 {
		t.Errorf("unpacked %d bytes, %v", n, err)
	}
	for _, bad := range []string{"", "not packed at all"} {
		if _, err := io.ReadAll(unpack(strings.NewReader(bad), "gzip")); err == nil {
			t.Errorf("%q was unpacked", bad)
		}
	}
	if b, err := io.ReadAll(unpack(strings.NewReader("plain"), "")); err != nil || string(b) != "plain" {
		t.Errorf("plain: %q, %v", b, err)
	}
}

func FuzzUnpack(f *testing.F) {
	b, _ := pack([]byte(strings.Repeat("seed ", packMin)))
	f.Add(b)
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, _ := io.Copy(io.Discard, unpack(bytes.NewReader(b), "gzip")); n > control.MessageMax+1 {
			t.Errorf("unpacked %d bytes", n)
		}
	})
}
