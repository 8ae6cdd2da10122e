package sim

import (
	"slices"
	"time"

	"rollcall/control"
)

// shrinking looks for a smaller run that breaks the same guarantee.
type shrinking struct {
	best      Options
	guarantee string
	outcome   Outcome
	end       time.Duration // when the best run broke it
	newNode   func(control.Config) Node
	tries     int // left
}

// reseeds is how many other dice a smaller run gets: with one mishap less the same dice fall on
// other frames.
const reseeds = 3

// Shrink leaves out of a run that broke a guarantee what it can do without: mishaps, hosts,
// weather, time. It gives up after so many tries; a run that breaks nothing it returns as it is.
func Shrink(o Options, newNode func(control.Config) Node, tries int) (Options, Result) {
	r := Run(o, newNode, nil)
	if r.Violation == nil {
		return o, r
	}
	s := shrinking{best: r.Options, guarantee: r.Violation.Guarantee, outcome: r.Outcome, end: r.Violation.At, newNode: newNode, tries: tries}
	if s.best.Plan == nil { // it never came to the safety phase
		s.best.Plan = []Mishap{}
	}
	s.best.Faults = [faults]float64{} // they are in the plan
	for smaller := true; smaller && s.tries > 0; {
		smaller = s.fewerHosts()
		smaller = s.fewerMishaps() || smaller
		smaller = s.fairWeather() || smaller
		smaller = s.shorter() || smaller
	}
	return s.best, Run(s.best, newNode, nil)
}

// holds reports whether the options still break the guarantee, and keeps them if so.
func (s *shrinking) holds(o Options) bool {
	for range reseeds {
		if s.tries--; s.tries < 0 {
			return false
		}
		if r := Run(o, s.newNode, nil); r.Violation != nil && r.Violation.Guarantee == s.guarantee && r.Outcome == s.outcome {
			s.best, s.end = o, r.Violation.At
			return true
		}
		o.Seed++
	}
	return false
}

// fewerMishaps leaves out halves of the plan, then quarters, down to single mishaps.
func (s *shrinking) fewerMishaps() (smaller bool) {
	for size := len(s.best.Plan); size > 0; size /= 2 {
		for from := 0; from < len(s.best.Plan); {
			o := s.best
			o.Plan = slices.Concat(o.Plan[:from], o.Plan[min(from+size, len(o.Plan)):])
			if s.holds(o) {
				smaller = true
			} else {
				from += size
			}
		}
	}
	return smaller
}

// fewerHosts does without the last hosts.
func (s *shrinking) fewerHosts() (smaller bool) {
	for s.best.Hosts > 1 {
		o := s.best
		o.Hosts--
		o.Founders, o.Contacts = min(o.Founders, o.Hosts), min(o.Contacts, o.Hosts)
		o.Plan = slices.DeleteFunc(slices.Clone(o.Plan), func(m Mishap) bool { return m.A >= o.Hosts || m.B >= o.Hosts })
		if !s.holds(o) {
			return smaller
		}
		smaller = true
	}
	return smaller
}

// fairWeather ends one kind of trouble after the other.
func (s *shrinking) fairWeather() (smaller bool) {
	for _, end := range []func(o *Options){
		func(o *Options) { o.Loss = 0 },
		func(o *Options) { o.Twice = 0 },
		func(o *Options) { o.Late = 0 },
		func(o *Options) { o.LetterLoss = 0 },
		func(o *Options) { o.Preempt = 0 },
		func(o *Options) { o.Drift = 0 },
		func(o *Options) { o.Multicast = false },
		func(o *Options) { o.OnStale = false },
		func(o *Options) { o.Forget = false },
		func(o *Options) { o.Settle = true },
		func(o *Options) { o.Founders = 1 },
		func(o *Options) { o.Contacts = o.Founders },
	} {
		o := s.best
		end(&o)
		was, is := s.best, o
		was.Plan, is.Plan = nil, nil
		smaller = was.String() != is.String() && s.holds(o) || smaller
	}
	return smaller
}

// shorter ends the safety phase where it no longer matters.
func (s *shrinking) shorter() bool {
	o := s.best
	o.Safety /= 2
	end := time.Duration(o.Safety) * o.Interval
	o.Plan = slices.DeleteFunc(slices.Clone(o.Plan), func(m Mishap) bool { return m.At >= end })
	return o.Safety > 0 && s.holds(o)
}
