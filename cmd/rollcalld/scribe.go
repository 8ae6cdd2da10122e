package main

import (
	"sync"
	"time"

	"rollcall/control"
)

// scribe writes the founder's records one after the other, while the loop goes on. Of records that
// wait the newest is written, which knows all that the others know.
type scribe struct {
	write func(*control.InstanceRecord) error // returns when it is on disk
	wrote func()                              // when nothing is left to write, or writing failed

	mu    sync.Mutex
	next  *control.InstanceRecord // waits for the one that is being written
	since time.Time               // when the loop was first ahead of the disk; zero: it is not
	err   error                   // the first; nothing is written after it
}

// diskPatience is for how long the loop goes ahead of a disk. What a founder did with a view it should
// know after it lost its power: with a disk that is stuck it stands still, and is seen to.
const diskPatience = 10 * time.Second

// put has a record written.
func (s *scribe) put(r *control.InstanceRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.since.IsZero()
	s.next = r
	if idle {
		s.since = time.Now()
		go s.run()
	}
}

func (s *scribe) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.next != nil && s.err == nil {
		r := s.next
		s.next = nil
		s.mu.Unlock()
		err := s.write(r)
		s.mu.Lock()
		s.err = err
	}
	s.since = time.Time{}
	s.wrote()
}

// behind reports whether a record is not on disk yet, whether that took too long, and what went wrong.
func (s *scribe) behind() (unsaved, late bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unsaved = !s.since.IsZero()
	return unsaved, unsaved && time.Since(s.since) > diskPatience, s.err
}
