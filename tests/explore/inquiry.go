package explore

import (
	"fmt"

	"rollcall/tests/explore/search"
)

// Inquiry is one search: from where, what may happen, and how far.
type Inquiry struct {
	Opening string
	Limits  search.Limits
	Depth   int
	Whole   bool // nothing more can happen after so many events
}

// Run searches.
func (q *Inquiry) Run() search.Report {
	return search.Search(Named(q.Opening).World(), q.Limits, q.Depth)
}

// String says what was searched for.
func (q *Inquiry) String() string {
	s := q.Opening + ":"
	for k, n := range q.Limits {
		switch {
		case n == search.Always:
			s += fmt.Sprintf(" %v", search.Kind(k))
		case n > 0:
			s += fmt.Sprintf(" %v×%d", search.Kind(k), n)
		}
	}
	return s
}

// toTheEnd is the depth of a search that ends by itself.
const toTheEnd = 100

// onlyRounds has nobody do anything but take what is on its way, and whoever asks go on for
// some rounds.
func onlyRounds(ticks, more uint8) search.Limits {
	return search.Limits{search.Deliver: search.Always, search.Tick: ticks, search.Again: more}
}

// anything lets everything happen.
func anything() search.Limits {
	return search.Limits{search.Deliver: search.Always, search.Read: search.Always, search.Tick: 3, search.Sleep: 2, search.Leave: 1, search.Back: 1, search.Crash: 1, search.Boot: 1, search.Restart: 1, search.Again: search.Always}
}

// atLeisure is anything, and agents take their time once they are woken, while the kernel goes on to beat.
func atLeisure() search.Limits {
	l := anything()
	l[search.Look], l[search.Beat] = search.Always, 2
	return l
}

// Inquiries are the searches of every test run.
func Inquiries() []Inquiry {
	return []Inquiry{
		{"two stand", anything(), 8, false},
		{"three stand", onlyRounds(3, search.Always), toTheEnd, true},
		{"three, one is being removed", onlyRounds(3, search.Always), toTheEnd, true},
		{"three, a candidate stands", onlyRounds(2, 0), toTheEnd, true},
		{"three, the third comes in", onlyRounds(1, 0), toTheEnd, true},
		{"three, two stand while one is being removed", onlyRounds(0, 0), toTheEnd, true},
		{"three, two stand while one is being removed", onlyRounds(2, search.Always), 8, false},
		{"three stand", anything(), 7, false},
		{"three, one is being removed", anything(), 7, false},
		{"three, a candidate stands", anything(), 6, false},
		{"three, the third comes in", anything(), 7, false},
		{"three, the leader slept while one was replaced", anything(), 7, false},
		{"three, the leader hands over while another stands", anything(), 6, false},
		{"three found, the third comes late", anything(), 7, false},
		{"four, two stand", onlyRounds(1, search.Always), 11, false},
		{"four, one comes in while one is removed", anything(), 6, false},
		{"five, two stand", onlyRounds(1, search.Always), 9, false},
		{"five, the founders lost their memory", anything(), 5, false},
		{"three stand", atLeisure(), 6, false},
		{"three, the third comes in", atLeisure(), 6, false},
	}
}
