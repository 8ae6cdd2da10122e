package levels

import (
	"fmt"

	"rollcall/tests/explore/search"
)

// Inquiry is one search: from where, what may happen, and how far.
type Inquiry struct {
	Opening string
	Limits  search.Limits
	Depth   int
}

// Run searches.
func (q *Inquiry) Run() search.Report {
	return search.Search(Named(q.Opening).World(), q.Limits, q.Depth)
}

// String says what was searched for.
func (q *Inquiry) String() string { return fmt.Sprintf("%s: %v", q.Opening, q.Limits) }

// anything lets everything happen.
func anything() search.Limits {
	return search.Limits{
		search.Deliver: search.Always, search.Read: search.Always, search.Tick: 3, search.Sleep: 2, search.Leave: 1, search.Back: 1,
		search.Crash: 1, search.Boot: 1, search.Restart: 1, search.Again: search.Always,
	}
}

// arrivals has whatever was sent arrive, once or never, and whoever asks go on for some rounds.
func arrivals(ticks uint8) search.Limits {
	return search.Limits{search.Deliver: search.Always, search.Read: search.Always, search.Tick: ticks, search.Restart: 1}
}

// Inquiries are the searches of every test run.
func Inquiries() []Inquiry {
	return []Inquiry{
		{"two groups of one stand", anything(), 5},
		{"three groups of one stand", anything(), 4},
		{"two groups of two stand", anything(), 4},
		{"three groups, the root is lost and another begins", anything(), 4},
		{"three groups, the root is lost and another begins", arrivals(2), 6},
		{"three groups, the root slept while another was elected", anything(), 3},
		{"three groups, the root slept while another was elected", arrivals(2), 4},
		{"two groups of two, one is given to the other member when its leader comes back", anything(), 4},
		{"two groups of two, one is given to the other member when its leader comes back", arrivals(2), 6},
	}
}
