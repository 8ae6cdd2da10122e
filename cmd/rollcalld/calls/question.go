package calls

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// get asks an agent for a document of at most max bytes.
func get[D any](ctx context.Context, s *Sender, to, path string, max int64) (*D, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+to+path, nil)
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
	d := new(D)
	if err := json.NewDecoder(io.LimitReader(answer.Body, max)).Decode(d); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", to, err)
	}
	return d, nil
}

// known serves those alone who have the cluster's key.
func (s *Server) known(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.Identity.peerName(r.TLS); err != nil {
			w.Header().Set("Connection", "close")
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		serve(w, r)
	}
}

func reply(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // who asked may have gone away
}
