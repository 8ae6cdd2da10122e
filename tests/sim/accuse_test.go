package sim

import (
	"testing"

	"rollcall/control"
)

// TestSecondCampaignOfOneBallot: an agent is killed before anybody hears of its campaign, and the next one campaigns by
// the same ballot, after another leader. Whom that one accused may be removed.
func TestSecondCampaignOfOneBallot(t *testing.T) {
	first, second := control.NewBallot(1, 43, 3), control.NewBallot(1, 44, 2)
	own := control.NewBallot(1, 45, 8)
	g := control.Register{BeatBallot: first, BeatAt: 100}
	var r record
	r.campaign(own, &g)
	r.heard(control.ReasonPromiseTaken, 5, 0, 110)
	if r.campaign(own, &g); !r.promised.Has(5) {
		t.Error("a prepare that is sent once more begins another campaign")
	}
	g.BeatBallot, g.BeatAt = second, 200
	if r.campaign(own, &g); r.follows != second || r.silent != 200 || !r.promised.Empty() {
		t.Errorf("follows %v, silent since %d, promises of %s; want %v, 200, none", r.follows, r.silent, slots(r.promised), second)
	}
}
