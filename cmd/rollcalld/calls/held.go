package calls

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+to+HeldPath+"?of="+url.QueryEscape(string(of)), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", to, err)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err // names method and address
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, complaintMax))
		return nil, fmt.Errorf("ask %s: %s: %s", to, answer.Status, bytes.TrimSpace(why))
	}
	d := new(publish.VerifyDocument)
	if err := json.NewDecoder(io.LimitReader(answer.Body, heldMax)).Decode(d); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", to, err)
	}
	return d, nil
}

// held answers who holds which view.
func (s *Server) held(w http.ResponseWriter, r *http.Request) {
	if _, err := s.Identity.peerName(r.TLS); err != nil {
		w.Header().Set("Connection", "close")
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
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
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(d) // who asked may have gone away
}
