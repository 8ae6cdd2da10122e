package scale

import (
	"time"

	"rollcall/control"
)

// kind of an event.
type kind uint8

const (
	kindStep    kind = iota // the host's agent looks
	kindBeat                // a leader's beat of a level is due
	kindAsk                 // a batch of asks arrives
	kindAnswers             // the answers to a batch arrive
	kindSilent              // a register's leader may be silent
	kindLetter
	kindTold // the letters of one leader to agents that are put away arrive
	kindDo   // a fault, or whatever else a run does
)

type event struct {
	at    time.Duration
	order uint64
	kind  kind
	place control.Place
	token uint32 // the event counts only while the host's token of that kind is this one
	host  *host
	of    any // *batch, *letter, *telling or func()
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// queue is a heap of four branches a node; container/heap would box every event. That of package sim is
// its like: one for both, generic, made the runs of sim slower rather than not.
type queue struct{ list []event }

func (q *queue) push(e event) {
	q.list = append(q.list, e)
	i := len(q.list) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&q.list[up]) {
			break
		}
		q.list[i] = q.list[up]
		i = up
	}
	q.list[i] = e
}

func (q *queue) pop() event {
	first := q.list[0]
	n := len(q.list) - 1
	e := q.list[n]
	q.list[n] = event{}
	q.list = q.list[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		least := 4*i + 1
		if least >= n {
			break
		}
		for c := least + 1; c < min(4*i+5, n); c++ {
			if q.list[c].before(&q.list[least]) {
				least = c
			}
		}
		if !q.list[least].before(&e) {
			break
		}
		q.list[i] = q.list[least]
		i = least
	}
	q.list[i] = e
	return first
}
