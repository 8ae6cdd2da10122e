package calls

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"rollcall/view/publish"
)

// HeldPath is where an agent is asked which views are held, by whom.
const HeldPath = "/rpc/v1/held"

// heldMax bounds an answer: the names of 63,488 nodes fit.
const heldMax = 16 << 20

// Scope is of whom an agent is asked.
type Scope string

// The scopes.
const (
	OfNode    Scope = "node"    // itself
	OfGroup   Scope = "group"   // the members of its group
	OfCluster Scope = "cluster" // everybody
)

// Ask asks an agent which views are held in a part of the cluster.
func (s *Sender) Ask(ctx context.Context, to string, of Scope) (*publish.VerifyDocument, error) {
	return get[publish.VerifyDocument](ctx, s, to, HeldPath+"?of="+url.QueryEscape(string(of)), heldMax)
}

// held answers who holds which view.
func (s *Server) held(w http.ResponseWriter, r *http.Request) {
	of := Scope(r.URL.Query().Get("of"))
	if of != OfNode && of != OfGroup && of != OfCluster {
		http.Error(w, fmt.Sprintf("of=%.80q: node, group or cluster", of), http.StatusBadRequest)
		return
	}
	d, err := s.Held(r.Context(), of)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	reply(w, d)
}
