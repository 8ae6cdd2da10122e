package calls

import (
	"context"
	"net/http"

	"rollcall/view/publish"
)

// StructurePath is where an agent is asked who leads the groups and who has seats above them.
const StructurePath = "/rpc/v1/structure"

// structureMax bounds an answer: the leaders of 248 groups and the seats fit.
const structureMax = 64 << 10

// AskStructure asks an agent who leads the groups and who has seats above them.
func (s *Sender) AskStructure(ctx context.Context, to string) (*publish.Structure, error) {
	return get[publish.Structure](ctx, s, to, StructurePath, structureMax)
}

// structure answers who leads and who has seats, where this agent knows.
func (s *Server) structure(w http.ResponseWriter, _ *http.Request) {
	d, err := s.Structure()
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	reply(w, d)
}
