package calls

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"rollcall/view/publish"
)

// ChangePath is where the agent that led a change of the view is asked for its record.
const ChangePath = "/rpc/v1/change"

// changeMax bounds an answer: the evidence against a whole group fits.
const changeMax = 1 << 20

// Change names a change of a group's view by the view that it led to.
type Change struct {
	Instance uint32
	To       uint64
	Hash     string // 16 hex digits
}

// AskChange asks the agent of a leader for its record of a change.
func (s *Sender) AskChange(ctx context.Context, leader string, c Change) (*publish.EventDocument, error) {
	q := url.Values{"instance": {strconv.FormatUint(uint64(c.Instance), 10)}, "to": {strconv.FormatUint(c.To, 10)}, "hash": {c.Hash}}
	return get[publish.EventDocument](ctx, s, leader, ChangePath+"?"+q.Encode(), changeMax)
}

// change answers with the record of a change that this agent led.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	instance, err := strconv.ParseUint(q.Get("instance"), 10, 32)
	if err != nil {
		http.Error(w, fmt.Sprintf("instance=%.80q: give its number", q.Get("instance")), http.StatusBadRequest)
		return
	}
	to, err := strconv.ParseUint(q.Get("to"), 10, 64)
	if err != nil {
		http.Error(w, fmt.Sprintf("to=%.80q: give the number of a view", q.Get("to")), http.StatusBadRequest)
		return
	}
	d, err := s.Led(r.Context(), Change{Instance: uint32(instance), To: to, Hash: q.Get("hash")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	reply(w, d)
}
