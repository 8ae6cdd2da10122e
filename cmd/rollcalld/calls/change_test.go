package calls

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/view/publish"
)

func TestChangeIsAskedWithTheKey(t *testing.T) {
	k := key.Generate()
	server, addr, _ := serve(t, k)
	want := Change{Instance: 3, To: 1 << 40, Hash: publish.Hex(77)}
	server.Led = func(_ context.Context, c Change) (*publish.EventDocument, error) {
		if c != want {
			return nil, errors.New("this node did not lead that change")
		}
		return &publish.EventDocument{Kind: "installed", RoundsUsed: 1}, nil
	}
	own := identity(t, k, "tofu", "cn002")
	sender := NewSender(own, zerolog.Nop())
	defer sender.Close()
	if d, err := sender.AskChange(t.Context(), addr, want); err != nil || d.RoundsUsed != 1 {
		t.Errorf("got %+v, %v", d, err)
	}
	if _, err := sender.AskChange(t.Context(), addr, Change{}); err == nil || !strings.Contains(err.Error(), "did not lead") {
		t.Errorf("got %v, want what the agent said", err)
	}
	stranger := NewSender(identity(t, key.Generate(), "tofu", "cn002"), zerolog.Nop())
	defer stranger.Close()
	if _, err := stranger.AskChange(t.Context(), addr, want); err == nil {
		t.Error("who has another key was answered")
	}
	for _, query := range []string{"", "?instance=1", "?instance=-1&to=2", "?instance=4294967296&to=2", "?instance=1&to=x"} {
		if answer, err := do(own.clientTLS(), http.MethodGet, "https://"+addr+ChangePath+query, nil); err != nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %v, %v", query, answer, err)
		}
	}
}
