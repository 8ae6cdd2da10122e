package calls

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
)

// rotation gives the key files of a cluster before, while and after its key is replaced.
func rotation(t *testing.T) map[string]key.Ring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if _, err := key.Create(path); err != nil {
		t.Fatal(err)
	}
	both, err := key.Rotate(path)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]key.Ring{"old": both[:1], "both": both, "swapped": {both[1], both[0]}, "new": both[1:]}
}

// TestCallsAcrossRotation calls from every stage of a rotation to every other: two nodes
// understand each other exactly when some key is held by both.
func TestCallsAcrossRotation(t *testing.T) {
	rings := rotation(t)
	server, addr, taken := serve(t, rings["both"][0])
	caller := identity(t, rings["both"][0], "tofu", "cn002")
	sender := NewSender(caller, zerolog.Nop())
	defer sender.Close()
	for called, held := range rings {
		for calling, ring := range rings {
			if err := server.Identity.Use(held); err != nil {
				t.Fatal(err)
			}
			if err := caller.Use(ring); err != nil {
				t.Fatal(err)
			}
			sender.Reconnect()
			m := hello("cn002")
			err := sender.call(addr, &m)
			if apart := called+calling == "oldnew" || called+calling == "newold"; apart != (err != nil) {
				t.Errorf("%s calls %s: %v", calling, called, err)
			}
			if err == nil {
				<-taken
			}
		}
	}
}

// TestRetiredKeyIsShutOut: a connection that was made with a key does not outlive it.
func TestRetiredKeyIsShutOut(t *testing.T) {
	rings := rotation(t)
	server, addr, taken := serve(t, rings["old"][0])
	sender := NewSender(identity(t, rings["old"][0], "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	m := hello("cn002")
	if err := sender.call(addr, &m); err != nil {
		t.Fatal(err)
	}
	<-taken
	if err := server.Identity.Use(rings["new"]); err != nil {
		t.Fatal(err)
	}
	if err := sender.call(addr, &m); err == nil || !strings.Contains(err.Error(), "retired") {
		t.Errorf("called over a standing connection: %v", err)
	}
	if err := sender.call(addr, &m); err == nil || strings.Contains(err.Error(), "retired") {
		t.Errorf("called over a new connection: %v", err)
	}
	refusals(t, server, 2)
	if len(taken) != 0 {
		t.Error("a message was taken")
	}
}
