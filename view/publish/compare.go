package publish

import "rollcall/view"

// DiffDocument is what changed from one epoch to another of the same instance.
type DiffDocument struct {
	Schema    int      `json:"schema"`
	Cluster   string   `json:"cluster"`
	Instance  uint32   `json:"instance"`
	From      uint64   `json:"from"` // epoch
	To        uint64   `json:"to"`
	Joined    []string `json:"joined"`
	Removed   []string `json:"removed"`
	Restarted []string `json:"restarted"` // in both, with another incarnation or place
}

// NewDiff describes the way from one view to another.
func NewDiff(from, to *view.View) DiffDocument {
	names := func(list []view.Identity) []string {
		names := []string{}
		for i := range list {
			names = append(names, list[i].Name)
		}
		return names
	}
	d := view.Compare(from, to)
	return DiffDocument{
		Schema: Schema, Cluster: to.Cluster, Instance: to.Instance, From: from.Epoch, To: to.Epoch,
		Joined: names(d.Joined), Removed: names(d.Removed), Restarted: names(d.Restarted),
	}
}

// VerifyDocument is what all daemons said, asked at one moment, of their views.
type VerifyDocument struct {
	Schema  int       `json:"schema"`
	Cluster string    `json:"cluster"`
	Asked   int       `json:"asked"`
	Agree   bool      `json:"agree"` // no two that answered hold different content for the same instance and epoch
	Views   []Verdict `json:"views"` // the newest first
	Silent  []string  `json:"silent"`
}

// Verdict is one content that daemons hold.
type Verdict struct {
	Instance uint32   `json:"instance"`
	Epoch    uint64   `json:"epoch"`
	Hash     string   `json:"hash"`
	Valid    bool     `json:"valid"` // their leases run
	Nodes    []string `json:"nodes"`
}
