package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"rollcall/control"
	"rollcall/view/publish"
)

// Path is where messages are posted.
const Path = "/rpc/v1/message"

// Limits of what others may cost this agent.
const (
	connsMax    = 512 // at once; further ones wait to be accepted
	headerMax   = 4 << 10
	readTimeout = 5 * time.Second // handshake, header and body, each
	idleTimeout = time.Minute
)

// Server takes messages from other agents.
type Server struct {
	Cluster   string
	Identity  *Identity
	Take      func(control.Message) error // must not block; its error is what the caller is told
	Held      func(context.Context, Scope) (*publish.VerifyDocument, error)
	Led       func(context.Context, Change) (*publish.EventDocument, error) // the record of a change that this node led
	Structure func() (*publish.Structure, error)                            // above the groups, if known here
	Log       zerolog.Logger

	taken   atomic.Uint64
	refused atomic.Uint64
}

// Counts tells how many messages were taken, and how many calls were refused, those
// without the cluster's key among them.
func (s *Server) Counts() (taken, refused uint64) { return s.taken.Load(), s.refused.Load() }

// Listen opens the agent's TCP address.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen for agents: %w; stop the program that has the port (see: ss -ltnp) or set another rpc", err)
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return nil, fmt.Errorf("listen for agents: %w; set rpc to an address of this host", err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for agents: %w", err)
	}
	return &limited{Listener: l, room: make(chan struct{}, connsMax)}, nil
}

// Serve answers on l until ctx ends; then it closes l and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:        s.Handler(),
		TLSConfig:      s.Identity.serverTLS(),
		ReadTimeout:    readTimeout,
		WriteTimeout:   2 * readTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: headerMax,
		ErrorLog:       log.New(&handshakes{server: s, log: s.Log.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Minute})}, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	if err := h.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve agents at %s: %w", l.Addr(), err)
	}
	return nil
}

// Handler is the server without its connections.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, func(w http.ResponseWriter, r *http.Request) {
		if code, err := s.message(w, r); err != nil {
			s.refused.Add(1)
			http.Error(w, err.Error(), code)
			return
		}
		s.taken.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+HeldPath, s.known(s.held))
	mux.HandleFunc("GET "+ChangePath, s.known(s.change))
	mux.HandleFunc("GET "+StructurePath, s.known(s.structure))
	return mux
}

func (s *Server) message(w http.ResponseWriter, r *http.Request) (code int, err error) {
	peer, err := s.Identity.peerName(r.TLS)
	if err != nil {
		w.Header().Set("Connection", "close")
		return http.StatusForbidden, err
	}
	m, err := decode(unpack(http.MaxBytesReader(w, r.Body, control.MessageMax), r.Header.Get("Content-Encoding")))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), errors.Is(err, errLarge):
		return http.StatusRequestEntityTooLarge, fmt.Errorf("message of more than %d bytes", control.MessageMax)
	case err != nil:
		return http.StatusBadRequest, err
	case m.Cluster != s.Cluster:
		return http.StatusConflict, fmt.Errorf("message for cluster %.80q, this is %q", m.Cluster, s.Cluster)
	case m.From.Name != peer:
		return http.StatusForbidden, fmt.Errorf("message of %s under the certificate of %s", m.From.Name, peer)
	}
	if err := s.Take(m); err != nil {
		return http.StatusServiceUnavailable, err
	}
	return 0, nil
}

// decode reads one valid message and nothing else.
func decode(r io.Reader) (m control.Message, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("not a message: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("more than one JSON value")
		}
		return m, fmt.Errorf("not a message: %w", err)
	}
	return m, m.Validate()
}

// handshakes counts the failures that package http can only write down.
type handshakes struct {
	server *Server
	log    zerolog.Logger
}

func (h *handshakes) Write(line []byte) (int, error) {
	if what, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "http: TLS handshake error from "); ok {
		h.server.refused.Add(1)
		from, why, _ := strings.Cut(what, ": ")
		h.log.Warn().Str("from", from).Str("why", why).Msg("call refused")
	}
	return len(line), nil
}

// limited is a listener with a bounded number of open connections.
type limited struct {
	net.Listener
	room chan struct{}
}

type limitedConn struct {
	net.Conn
	closed atomic.Bool
	room   chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.room <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.room
		return nil, err
	}
	return &limitedConn{Conn: c, room: l.room}, nil
}

func (c *limitedConn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		<-c.room
	}
	return c.Conn.Close()
}
