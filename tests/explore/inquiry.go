package explore

import "fmt"

// Inquiry is one search: from where, what may happen, and how far.
type Inquiry struct {
	Opening string
	Limits  Limits
	Depth   int
	Whole   bool // nothing more can happen after so many events
}

// Run searches.
func (q *Inquiry) Run() Report { return Search(Named(q.Opening).World(), q.Limits, q.Depth) }

// String says what was searched for.
func (q *Inquiry) String() string {
	s := q.Opening + ":"
	for k, n := range q.Limits {
		switch {
		case n == always:
			s += fmt.Sprintf(" %v", kind(k))
		case n > 0:
			s += fmt.Sprintf(" %v×%d", kind(k), n)
		}
	}
	return s
}

// toTheEnd is the depth of a search that ends by itself.
const toTheEnd = 100

// onlyRounds has nobody do anything but take what is on its way, and whoever asks go on for
// some rounds.
func onlyRounds(ticks, more uint8) Limits {
	return Limits{deliver: always, tick: ticks, again: more}
}

// anything lets everything happen.
func anything() Limits {
	return Limits{deliver: always, read: always, tick: 3, sleep: 2, leave: 1, back: 1, crash: 1, boot: 1, restart: 1, again: always}
}

// atLeisure is anything, and agents take their time once they are woken, while the kernel goes on to beat.
func atLeisure() Limits {
	l := anything()
	l[look], l[beat] = always, 2
	return l
}

// Inquiries are the searches of every test run.
func Inquiries() []Inquiry {
	return []Inquiry{
		{"two stand", anything(), 8, false},
		{"three stand", onlyRounds(3, always), toTheEnd, true},
		{"three, one is being removed", onlyRounds(3, always), toTheEnd, true},
		{"three, a candidate stands", onlyRounds(2, 0), toTheEnd, true},
		{"three, the third comes in", onlyRounds(1, 0), toTheEnd, true},
		{"three, two stand while one is being removed", onlyRounds(0, 0), toTheEnd, true},
		{"three, two stand while one is being removed", onlyRounds(2, always), 8, false},
		{"three stand", anything(), 7, false},
		{"three, one is being removed", anything(), 7, false},
		{"three, a candidate stands", anything(), 6, false},
		{"three, the third comes in", anything(), 7, false},
		{"three, the leader slept while one was replaced", anything(), 7, false},
		{"three, the leader hands over while another stands", anything(), 6, false},
		{"three found, the third comes late", anything(), 7, false},
		{"four, two stand", onlyRounds(1, always), 11, false},
		{"four, one comes in while one is removed", anything(), 6, false},
		{"five, two stand", onlyRounds(1, always), 9, false},
		{"five, the founders lost their memory", anything(), 5, false},
		{"three stand", atLeisure(), 6, false},
		{"three, the third comes in", atLeisure(), 6, false},
	}
}
