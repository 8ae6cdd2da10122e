package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/view"
)

// ErrorDocument is the body of every answer that is not a success.
type ErrorDocument struct {
	Error string `json:"error"`
}

// Limits of what one request may cost the daemon.
const (
	headerMax     = 8 << 10
	headerTimeout = 5 * time.Second
	idleTimeout   = 30 * time.Second
	answerTimeout = 30 * time.Second
	orderTimeout  = 30 * time.Second
)

// Server answers the API for a Source. The zero value with a Source is ready.
type Server struct {
	Source Source
	// Group names those who may give orders beside root; empty means "rollcall".
	Group string
}

// Serve answers on l, which Listen returned, until ctx ends; then it lets running requests
// finish for a second, closes l and returns nil.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerMax,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if c, ok := c.(*conn); ok {
				ctx = withPeer(ctx, c.peer)
			}
			return ctx
		},
		ErrorLog: log.New(io.Discard, "", 0), // a client that went away is no news
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		wait, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if h.Shutdown(wait) != nil {
			h.Close()
		}
	})
	err := h.Serve(newLimited(l))
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the API at %s: %w", l.Addr(), err)
}

// route is one path of the API.
type route struct {
	method string
	params []string // query parameters known
	serve  func(*Server, http.ResponseWriter, *http.Request, url.Values)
}

var routes = map[string]route{
	"/v1/view":        {method: http.MethodGet, serve: answer(func(s Source) any { return s.View() })},
	"/v1/group":       {method: http.MethodGet, params: []string{"group"}, serve: (*Server).group},
	"/v1/tree":        {method: http.MethodGet, serve: (*Server).tree},
	"/v1/diff":        {method: http.MethodGet, params: []string{"from", "to"}, serve: (*Server).diff},
	"/v1/verify":      {method: http.MethodGet, serve: (*Server).verify},
	"/v1/status":      {method: http.MethodGet, serve: (*Server).status},
	"/v1/node":        {method: http.MethodGet, params: []string{"name"}, serve: (*Server).node},
	"/v1/stats":       {method: http.MethodGet, serve: answer(func(s Source) any { return s.Stats() })},
	"/v1/version":     {method: http.MethodGet, serve: answer(func(s Source) any { return s.Version() })},
	"/v1/watch":       {method: http.MethodGet, serve: (*Server).watch},
	"/v1/events":      {method: http.MethodGet, params: []string{"since", "follow"}, serve: (*Server).events},
	"/v1/leave":       {method: http.MethodPost, serve: order(Leave)},
	"/v1/join":        {method: http.MethodPost, serve: order(Join)},
	"/v1/shutdown":    {method: http.MethodPost, serve: order(Shutdown)},
	"/v1/reload-keys": {method: http.MethodPost, serve: order(ReloadKeys)},
	"/v1/recover":     {method: http.MethodPost, serve: order(Recover)},
	"/v1/readmit":     {method: http.MethodPost, params: []string{"node"}, serve: order(Readmit)},
	"/v1/found":       {method: http.MethodPost, params: []string{"abandon"}, serve: order(Found)},
}

const paths = "/v1/view, /v1/group, /v1/node, /v1/tree, /v1/diff, /v1/verify, /v1/watch, /v1/status, /v1/events, /v1/stats, /v1/version"

// ServeHTTP answers one request. Those that did not come through Serve have no peer and may
// only read.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := routes[r.URL.Path]
	if !ok {
		refuse(w, http.StatusNotFound, "no such path %.80q: ask for %s", r.URL.Path, paths)
		return
	}
	if r.Method != h.method {
		w.Header().Set("Allow", h.method)
		refuse(w, http.StatusMethodNotAllowed, "%s does not take %.80s: use %s", r.URL.Path, r.Method, h.method)
		return
	}
	if _, err := io.ReadFull(r.Body, make([]byte, 1)); err != io.EOF {
		w.Header().Set("Connection", "close")
		refuse(w, http.StatusBadRequest, "%s takes no body", r.URL.Path)
		return
	}
	// From here on a read only notices that the client went away; a watch may last for months.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad query: %v", err)
		return
	}
	for name, values := range query {
		if !slices.Contains(h.params, name) || len(values) != 1 {
			refuse(w, http.StatusBadRequest, "%s does not take the parameter %.80q, or only once: it knows [%s]",
				r.URL.Path, name, strings.Join(h.params, " "))
			return
		}
	}
	h.serve(s, w, r, query)
}

func answer(what func(Source) any) func(*Server, http.ResponseWriter, *http.Request, url.Values) {
	return func(s *Server, w http.ResponseWriter, _ *http.Request, _ url.Values) {
		write(w, http.StatusOK, what(s.Source))
	}
}

func order(v Verb) func(*Server, http.ResponseWriter, *http.Request, url.Values) {
	return func(s *Server, w http.ResponseWriter, r *http.Request, query url.Values) {
		peer, _ := peerOf(r.Context())
		if err := s.entitled(peer); err != nil {
			refuse(w, http.StatusForbidden, "%s: %v", v, err)
			return
		}
		o := Order{Verb: v, By: peer}
		if v == Found {
			n, err := strconv.ParseUint(query.Get("abandon"), 10, 32)
			if err != nil || n == 0 {
				refuse(w, http.StatusBadRequest,
					"found: abandon=%.80q: name the number of the instance that is dead, from 1", query.Get("abandon"))
				return
			}
			o.Abandon = uint32(n)
		}
		if v == Readmit {
			if o.Node = query.Get("node"); o.Node == "" || len(o.Node) > view.NameMax {
				refuse(w, http.StatusBadRequest, "readmit: node=%.80q: name the node that may come back", o.Node)
				return
			}
		}
		ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
		defer cancel()
		if err := s.Source.Do(ctx, o); err != nil {
			refuse(w, http.StatusConflict, "%s: %v", v, err)
			return
		}
		write(w, http.StatusAccepted, map[string]string{"order": string(v)})
	}
}

func (s *Server) group(w http.ResponseWriter, r *http.Request, query url.Values) {
	which := query.Get("group")
	if len(which) > view.NameMax {
		refuse(w, http.StatusBadRequest, "group: group=%.80q: give a name or number", which)
		return
	}
	d, err := s.Source.Group(r.Context(), which)
	if err != nil {
		refuse(w, http.StatusNotFound, "group: %v", err)
		return
	}
	write(w, http.StatusOK, d)
}

func (s *Server) tree(w http.ResponseWriter, r *http.Request, _ url.Values) {
	write(w, http.StatusOK, s.Source.Tree(r.Context()))
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, _ url.Values) {
	write(w, http.StatusOK, s.Source.Status(r.Context()))
}

func (s *Server) diff(w http.ResponseWriter, _ *http.Request, query url.Values) {
	var epochs [2]uint64
	for i, name := range []string{"from", "to"} {
		n, err := strconv.ParseUint(query.Get(name), 10, 64)
		if err != nil || n == 0 {
			refuse(w, http.StatusBadRequest, "diff: %s=%.80q: give an epoch, from 1", name, query.Get(name))
			return
		}
		epochs[i] = n
	}
	d, err := s.Source.Diff(epochs[0], epochs[1])
	if err != nil {
		refuse(w, http.StatusNotFound, "diff: %v", err)
		return
	}
	write(w, http.StatusOK, d)
}

func (s *Server) verify(w http.ResponseWriter, r *http.Request, _ url.Values) {
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	d, err := s.Source.Verify(ctx)
	if err != nil {
		refuse(w, http.StatusConflict, "verify: %v", err)
		return
	}
	write(w, http.StatusOK, d)
}

func (s *Server) node(w http.ResponseWriter, r *http.Request, query url.Values) {
	name := query.Get("name")
	d, ok := s.Source.Node(r.Context(), name)
	if !ok {
		refuse(w, http.StatusNotFound, "node: nobody here knows of %.80q: rollcall view has the names", name)
		return
	}
	write(w, http.StatusOK, d)
}

func (s *Server) events(w http.ResponseWriter, r *http.Request, query url.Values) {
	since := uint64(0)
	if v := query.Get("since"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			refuse(w, http.StatusBadRequest, "events: since=%.80q: give the number of the last event seen", v)
			return
		}
		since = n
	}
	switch v := query.Get("follow"); v {
	case "1":
		s.follow(w, r, since)
	case "", "0":
		list := s.Source.Events(since)
		if list == nil {
			list = []EventDocument{}
		}
		write(w, http.StatusOK, list)
	default:
		refuse(w, http.StatusBadRequest, "events: follow=%.80q: give 0 or 1", v)
	}
}

func write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "encode the answer: %v", err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	// A recorder in a test has no deadlines to set.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	write(w, status, ErrorDocument{Error: fmt.Sprintf(format, args...)})
}
