package sim

import (
	"testing"
	"time"
)

// TestSlowDisk: founders whose disks take as long as twenty rounds decide on a crash as soon as others, and
// keep the lead, while they write down who was removed before, and who is to come in.
func TestSlowDisk(t *testing.T) {
	o := defaults(1)
	o.Hosts, o.Contacts, o.Kernel, o.Disk = 8, 3, true, 20*o.Interval
	s := standAs(t, o)
	s.expect("all is on disk", func() bool { return s.writing() == 0 })
	elections, victims := s.Elections, s.hosts[o.Founders:]
	crash := func(victim *host) {
		t.Helper()
		removals, bound := s.removals(), s.now+Instant(s.Rounds+3)*Instant(s.Interval)
		writing := s.leader().agent.writing != nil
		victim.powerOff()
		s.expect("the crash is decided on", func() bool { return len(removals()) > 0 })
		if s.now > bound {
			t.Errorf("%v later than %d intervals after the crash of %s; the leader was writing: %v", time.Duration(s.now-bound), s.Rounds+3, victim.name, writing)
		}
	}
	crash(victims[0])
	s.expect("the leader writes down who is gone", func() bool { return s.leader().agent.writing != nil })
	crash(victims[1])
	s.expect("all is on disk", func() bool { return s.writing() == 0 })
	victims[0].powerOn()
	s.expect("the leader writes down who is to come in", func() bool { return s.leader().agent.writing != nil })
	crash(victims[2])
	s.expect("the others agree", func() bool { return s.agreed(s.but(victims[1], victims[2])) })
	if s.Elections != elections {
		t.Errorf("leadership moved %d times", s.Elections-elections)
	}
}

// writing counts the hosts whose record is not on disk yet.
func (s stage) writing() (n int) {
	for _, h := range s.hosts {
		if h.agent.writing != nil {
			n++
		}
	}
	return n
}
