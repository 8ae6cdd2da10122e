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

// Inquiries are the searches of every test run.
func Inquiries() []Inquiry {
	return []Inquiry{
		{"two groups of one stand", anything(), 6},
		{"three groups of one stand", anything(), 5},
		{"two groups of two stand", anything(), 5},
	}
}
