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

func TestHeldIsAskedWithTheKey(t *testing.T) {
	k := key.Generate()
	server, addr, _ := serve(t, k)
	server.Held = func(_ context.Context, of Scope) (*publish.VerifyDocument, error) {
		if of == OfCluster {
			return nil, errors.New("this node is in no group yet")
		}
		return &publish.VerifyDocument{Cluster: string(of), Silent: []string{"cn009"}}, nil
	}
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	if d, err := sender.Ask(t.Context(), addr, OfGroup); err != nil || d.Cluster != "group" || len(d.Silent) != 1 {
		t.Errorf("got %+v, %v", d, err)
	}
	if _, err := sender.Ask(t.Context(), addr, OfCluster); err == nil || !strings.Contains(err.Error(), "in no group yet") {
		t.Errorf("got %v, want what the agent said", err)
	}
	if _, err := sender.Ask(t.Context(), addr, "everything"); err == nil || !strings.Contains(err.Error(), "node, group or cluster") {
		t.Errorf("got %v for no such scope", err)
	}
	stranger := NewSender(identity(t, key.Generate(), "tofu", "cn002"), zerolog.Nop())
	defer stranger.Close()
	if _, err := stranger.Ask(t.Context(), addr, OfNode); err == nil {
		t.Error("who has another key was answered")
	}
	if answer, err := do(identity(t, k, "tofu", "cn002").clientTLS(), http.MethodPost, "https://"+addr+HeldPath, nil); err != nil || answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", answer, err)
	}
}
