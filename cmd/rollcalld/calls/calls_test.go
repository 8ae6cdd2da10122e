package calls

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/control"
)

func identity(t testing.TB, k key.Key, cluster, node string) *Identity {
	t.Helper()
	id, err := NewIdentity(key.Ring{k}, cluster, node)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hello(from string) control.Message {
	return control.Message{Kind: control.MessageJoin, Cluster: "tofu", From: control.Peer{Name: from, RPC: "10.0.0.1:7746"}}
}

// serve runs a server of cluster tofu, node cn001, and returns its address and what it takes.
func serve(t *testing.T, k key.Key) (*Server, string, <-chan control.Message) {
	t.Helper()
	taken := make(chan control.Message, 100)
	s := &Server{
		Cluster:  "tofu",
		Identity: identity(t, k, "tofu", "cn001"),
		Take:     func(m control.Message) error { taken <- m; return nil },
		Log:      zerolog.Nop(),
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String(), taken
}

func TestLettersArriveInOrder(t *testing.T) {
	k := key.Generate()
	server, addr, taken := serve(t, k)
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	const n = outboxMax
	for i := range n {
		m := hello("cn002")
		m.Version = uint64(i + 1)
		sender.Send(control.Letter{To: addr, Message: m})
	}
	for i := range n {
		if m := <-taken; m.Version != uint64(i+1) || m.From.Name != "cn002" {
			t.Fatalf("letter %d arrived as number %d", m.Version, i+1)
		}
	}
	if taken, refused := server.Counts(); taken != n || refused != 0 {
		t.Errorf("server counts %d taken, %d refused", taken, refused)
	}
}

func TestDeadDestinationHoldsUpNobody(t *testing.T) {
	k := key.Generate()
	_, addr, taken := serve(t, k)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections into its backlog and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	for range 10 * outboxMax { // more than fit: those are dropped, and Send returns all the same
		sender.Send(control.Letter{To: silent.Addr().String(), Message: hello("cn002")})
	}
	sender.Send(control.Letter{To: addr, Message: hello("cn002")})
	<-taken
	if _, failed := sender.Counts(); failed < 9*outboxMax-1 {
		t.Errorf("%d letters dropped", failed)
	}
}

// An agent whose first rail is dead is called by the other, once it is known that it has one.
func TestAnotherRailIsTried(t *testing.T) {
	k := key.Generate()
	_, addr, _ := serve(t, k)
	lives := netip.MustParseAddrPort(addr)
	dead := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), lives.Port())
	peer := control.Peer{Name: "cn001", RPC: dead.String(), Rails: []control.Endpoint{{UDP: dead}, {UDP: lives}}}
	for name, c := range map[string]struct {
		change func(*control.Peer)
		want   bool
	}{
		"two rails":             {func(p *control.Peer) {}, true},
		"one rail":              {func(p *control.Peer) { p.Rails = p.Rails[:1] }, false},
		"an address of its own": {func(p *control.Peer) { p.Rails[0].UDP = lives }, false},
		"a name":                {func(p *control.Peer) { p.RPC = "cn001:7746" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := peer
			p.Rails = slices.Clone(peer.Rails)
			c.change(&p)
			id := identity(t, k, "tofu", "cn002")
			sender := NewSender(id, zerolog.Nop())
			defer sender.Close()
			sender.Know(&p)
			conn, err := sender.dial(id)(t.Context(), "tcp", dead.String())
			if (err == nil) != c.want {
				t.Fatalf("call %s: %v", dead, err)
			}
			if err == nil {
				conn.Close()
				if got := sender.ways.to(dead.String()); got[0] != addr {
					t.Errorf("tried next: %v, want %s first", got, addr)
				}
				sender.Know(&p)
				if got := sender.ways.to(dead.String()); got[0] != addr {
					t.Errorf("forgotten by what was known: %v", got)
				}
			}
		})
	}
}

func TestWithoutTheKeyNobodyGetsIn(t *testing.T) {
	k := key.Generate()
	for name, id := range map[string]*Identity{
		"another key":     identity(t, key.Generate(), "tofu", "cn002"),
		"another cluster": identity(t, k, "miso", "cn002"),
	} {
		t.Run(name, func(t *testing.T) {
			server, addr, taken := serve(t, k)
			sender := NewSender(id, zerolog.Nop())
			defer sender.Close()
			m := hello("cn002")
			if err := sender.call(addr, &m); err == nil {
				t.Error("a caller believed a server without its key")
			}
			// A caller that does not check the server either.
			blind := id.clientTLS()
			blind.InsecureSkipVerify = true
			if _, err := post(blind, "https://"+addr+Path, m); err == nil {
				t.Error("a caller without the key was answered")
			}
			refusals(t, server, 2)
			if len(taken) != 0 {
				t.Error("a message was taken")
			}
		})
	}
}

func TestOnlyMutualTLS13(t *testing.T) {
	k := key.Generate()
	server, addr, taken := serve(t, k)
	good := identity(t, k, "tofu", "cn002").clientTLS()

	if answer, err := post(nil, "http://"+addr+Path, hello("cn002")); err == nil && answer.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP was answered: %s", answer.Status)
	}
	bare := good.Clone()
	bare.GetClientCertificate = nil
	if _, err := post(bare, "https://"+addr+Path, hello("cn002")); err == nil {
		t.Error("a caller without a certificate was answered")
	}
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := post(old, "https://"+addr+Path, hello("cn002")); err == nil {
		t.Error("TLS 1.2 was answered")
	}
	refusals(t, server, 3)
	if len(taken) != 0 {
		t.Error("a message was taken")
	}
	if answer, err := post(good, "https://"+addr+Path, hello("cn002")); err != nil || answer.StatusCode != http.StatusNoContent {
		t.Errorf("the same caller, rightly: %v, %v", answer, err)
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	k := key.Generate()
	server, addr, taken := serve(t, k)
	client := identity(t, k, "tofu", "cn002").clientTLS()
	other := hello("cn002")
	other.Cluster = "miso"
	for name, test := range map[string]struct {
		method, path string
		body         any
		code         int
	}{
		"oversized":       {"POST", Path, strings.Repeat("x", control.MessageMax), http.StatusRequestEntityTooLarge},
		"not JSON":        {"POST", Path, json.RawMessage("{"), http.StatusBadRequest},
		"unknown field":   {"POST", Path, json.RawMessage(`{"kind":"join","wizard":1}`), http.StatusBadRequest},
		"two messages":    {"POST", Path, json.RawMessage(join(hello("cn002"), hello("cn002"))), http.StatusBadRequest},
		"invalid":         {"POST", Path, control.Message{Kind: "dance", Cluster: "tofu"}, http.StatusBadRequest},
		"another cluster": {"POST", Path, other, http.StatusConflict},
		"another name":    {"POST", Path, hello("cn003"), http.StatusForbidden},
		"another path":    {"POST", "/rpc/v2/message", hello("cn002"), http.StatusNotFound},
		"GET":             {"GET", Path, nil, http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := do(client, test.method, "https://"+addr+test.path, test.body)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != test.code {
				t.Errorf("answered %s, want %d", answer.Status, test.code)
			}
		})
	}
	if _, refused := server.Counts(); refused != 7 {
		t.Errorf("%d refused, want 7", refused)
	}
	if len(taken) != 0 {
		t.Error("a message was taken")
	}
}

func TestBusyServerSaysSo(t *testing.T) {
	k := key.Generate()
	id := identity(t, k, "tofu", "cn002")
	s := &Server{Cluster: "tofu", Identity: id, Take: func(control.Message) error { return errors.New("try again") }, Log: zerolog.Nop()}
	r := httptest.NewRequest("POST", Path, bytes.NewReader([]byte(join(hello("cn002")))))
	r.TLS = verified(t, id)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "try again") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(l.Addr().String()); err == nil || !strings.Contains(err.Error(), "set another rpc") {
		t.Errorf("got %v, want an error that names the remedy", err)
	}
	if _, err := Listen("192.0.2.1:7746"); err == nil || !strings.Contains(err.Error(), "an address of this host") {
		t.Errorf("got %v, want an error that names the remedy", err)
	}
}

func TestCertificateIsRenewed(t *testing.T) {
	id, err := newAuthority(key.Generate(), "tofu", "cn001")
	if err != nil {
		t.Fatal(err)
	}
	first, err := id.certificate()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := id.certificate(); again != first {
		t.Error("issued a second certificate at once")
	}
	// also when the clock was set back
	for _, issued := range []time.Time{time.Now().Add(-renewal), time.Now().Add(2 * renewal)} {
		id.issued = issued
		if again, _ := id.certificate(); again == first {
			t.Errorf("kept the certificate issued at %v", issued)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(join(hello("cn002"))))
	f.Add([]byte(`{"kind":"roster","cluster":"tofu","from":{"name":"cn002","rpc":"a:1"},"instance":1,"roster":{"seats":[{"slot":1}]}}`))
	k := key.Generate()
	id := identity(f, k, "tofu", "cn002")
	peer := verified(f, id)
	f.Fuzz(func(t *testing.T, body []byte) {
		var took *control.Message
		s := &Server{Cluster: "tofu", Identity: id, Take: func(m control.Message) error { took = &m; return nil }, Log: zerolog.Nop()}
		r := httptest.NewRequest("POST", Path, bytes.NewReader(body))
		r.TLS = peer
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if (took != nil) != (w.Code == http.StatusNoContent) {
			t.Errorf("answered %d, took %v", w.Code, took)
		}
		if took == nil {
			return
		}
		if took.Cluster != "tofu" || took.From.Name != "cn002" || took.Validate() != nil {
			t.Errorf("took %+v", took)
		}
	})
}

// verified is the state of a connection from the identity's node.
func verified(t testing.TB, id *Identity) *tls.ConnectionState {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server := tls.Server(a, id.serverTLS())
	done := make(chan error, 1)
	go func() { done <- tls.Client(b, id.clientTLS()).Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	state := server.ConnectionState()
	return &state
}

func post(c *tls.Config, url string, body any) (*http.Response, error) {
	return do(c, "POST", url, body)
}

// do makes one call on a connection of its own.
func do(c *tls.Config, method, url string, body any) (*http.Response, error) {
	b, ok := body.(json.RawMessage)
	if !ok {
		b, _ = json.Marshal(body)
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}, Timeout: time.Minute}
	answer, err := client.Do(r)
	if err == nil {
		answer.Body.Close()
	}
	return answer, err
}

func join(messages ...control.Message) string {
	var b strings.Builder
	for _, m := range messages {
		j, _ := json.Marshal(m)
		fmt.Fprintf(&b, "%s\n", j)
	}
	return b.String()
}

// refusals waits until the server counted n, which it does after the caller has its answer.
func refusals(t *testing.T, s *Server, n uint64) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for {
		_, refused := s.Counts()
		if refused == n {
			return
		}
		if refused > n || time.Now().After(end) {
			t.Fatalf("%d calls refused, want %d", refused, n)
		}
		time.Sleep(time.Millisecond)
	}
}
