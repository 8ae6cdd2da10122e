package publish

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
)

// stream writes JSON objects, one a line. A reader that does not read blocks its own request
// and nothing else.
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "application/x-ndjson")
	c := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	_ = c.Flush()
	return &stream{w: w, c: c}
}

func (s *stream) line(b []byte) bool {
	if _, err := s.w.Write(append(b, '\n')); err != nil {
		return false
	}
	return s.c.Flush() == nil
}

// watch tells the current view and, whenever it changed, the newest: what a slow reader
// missed in between is skipped, since every line is whole.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, _ url.Values) {
	out := newStream(w)
	var last []byte
	for {
		changed := s.Source.Changed()
		d := s.Source.View()
		lease := d.LeaseMS
		d.LeaseMS = 0 // differs every time
		key, err := json.Marshal(d)
		if err != nil {
			return
		}
		if !bytes.Equal(key, last) {
			last = key
			d.LeaseMS = lease
			b, err := json.Marshal(d)
			if err != nil || !out.line(b) {
				return
			}
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// follow tells the events kept and then each new one.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, since uint64) {
	out := newStream(w)
	for {
		changed := s.Source.Changed()
		for _, e := range s.Source.Events(since) {
			b, err := json.Marshal(e)
			if err != nil || !out.line(b) {
				return
			}
			since = e.Number
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
