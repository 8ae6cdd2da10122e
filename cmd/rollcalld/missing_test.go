package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/vishvananda/netlink"

	"rollcall/cmd/internal/config"
	"rollcall/view/publish"
)

// TestInterfaceComesLate: a daemon whose interface is missing, then its address, says so to everybody who asks,
// and goes on by itself when they come.
func TestInterfaceComesLate(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	path := lonely(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	late := strings.NewReplacer(`"lo"`, `"ib0"`, "127.0.0.1", "192.0.2.1").Replace(string(text))
	if err := os.WriteFile(path, []byte(late), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	manager := serviceManager(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plans := make(chan *plan, 1)
	failed := make(chan error, 1)
	go func() {
		p, err := prepareWhenThere(ctx, cfg, zerolog.Nop())
		plans <- p
		failed <- err
	}()
	client := publish.NewClient(cfg.Socket)
	awaits := func(want string) {
		t.Helper()
		manager.expect(t, "READY=1\nSTATUS=waits: "+want)
		if s, err := client.Status(t.Context()); err != nil || s.Awaiting != want || s.Role != "absent" || s.Plane != "" {
			t.Errorf("status %+v, %v", s, err)
		}
	}
	awaits("interface ib0 does not exist")
	if d, err := client.View(t.Context()); err != nil || d.Valid || len(d.Members) != 2 {
		t.Errorf("view %+v, %v", d, err)
	}
	if err := client.Do(t.Context(), publish.Order{Verb: publish.Leave}); os.Getuid() == 0 && (err == nil || !strings.Contains(err.Error(), "waits for an interface")) {
		t.Errorf("an order: %v", err)
	}

	ib0 := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "ib0"}, PeerName: "switch0"}
	if err := netlink.LinkAdd(ib0); err != nil {
		t.Fatal(err)
	}
	awaits("interface ib0 has no address 192.0.2.1")
	address, err := netlink.ParseAddr("192.0.2.1/24")
	if err == nil {
		err = netlink.AddrAdd(ib0, address)
	}
	if err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-plans:
		if err := <-failed; err != nil || p.control.Self.Rails[0].UDP.Addr().String() != "192.0.2.1" {
			t.Errorf("got %+v, %v", p, err)
		}
	case <-time.After(time.Minute):
		t.Fatal("waits on")
	}
	if l, err := publish.Listen(cfg.Socket); err != nil { // for the daemon proper
		t.Error(err)
	} else {
		l.Close()
	}
}

// TestStoppedWhileItWaits: a daemon that waits ends in order.
func TestStoppedWhileItWaits(t *testing.T) {
	path := lonely(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	manager := serviceManager(t)
	c := command()
	c.SetArgs([]string{"--config", path, "--interfaces", "nonesuch0"})
	done := make(chan error, 1)
	go func() { done <- c.ExecuteContext(ctx) }()
	manager.expect(t, "READY=1\nSTATUS=waits: interface nonesuch0 does not exist")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}
