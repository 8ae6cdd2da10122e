package calls

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/view/publish"
)

func TestStructureIsAskedWithTheKey(t *testing.T) {
	k := key.Generate()
	server, addr, _ := serve(t, k)
	want := &publish.Structure{Leaders: map[uint16]string{0: "cn001", 247: "cn900"}, Seats: []string{"cn001"}}
	server.Structure = func() (*publish.Structure, error) { return want, nil }
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	if d, err := sender.AskStructure(t.Context(), addr); err != nil || !cmp.Equal(d, want) {
		t.Errorf("got %+v, %v", d, err)
	}
	stranger := NewSender(identity(t, key.Generate(), "tofu", "cn002"), zerolog.Nop())
	defer stranger.Close()
	if _, err := stranger.AskStructure(t.Context(), addr); err == nil {
		t.Error("who has another key was answered")
	}
	server.Structure = func() (*publish.Structure, error) { return nil, errors.New("no place above") }
	if _, err := sender.AskStructure(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "no place above") {
		t.Errorf("got %v, want what the agent said", err)
	}
}
