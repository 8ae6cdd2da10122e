package control_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"rollcall/control"
)

var orders = map[string]control.Order{
	"leave": control.OrderLeave, "join": control.OrderJoin, "shutdown": control.OrderShutdown,
}

// TestTranscripts plays the stories in testdata. Each begins with a situation in prose and
// goes on as commands and all that matters of the reaction; testdata/README.md says how to read
// and write them. After a change that is meant to alter a reaction,
//
//	go test ./control -run TestTranscripts -rewrite
//
// writes the new ones; commit only what you understand.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			return
		}
		var s *stage
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "group" || d.Cmd == "hosts" {
				s = newStage(t, number(t, d, "n", 0)+number(t, d, "off", 0), number(t, d, "founders", 3))
				s.kernel = d.HasArg("kernel")
				s.grace = time.Duration(number(t, d, "grace", 0)) * interval
				s.prefer, s.avoid = names(d, "prefer"), names(d, "avoid")
				s.quarantine = number(t, d, "quarantine", 0)
			}
			s.t = t
			reaction := s.perform(d)
			for _, more := range strings.Split(d.Input, "\n") { // a block is commands, a line each
				if cmd, args, err := datadriven.ParseLine(more); err != nil {
					t.Fatalf("%s: %v", d.Pos, err)
				} else if cmd != "" {
					reaction += s.perform(&datadriven.TestData{Pos: d.Pos, Cmd: cmd, CmdArgs: args})
				}
			}
			return reaction
		})
	})
}

func number(t *testing.T, d *datadriven.TestData, key string, or int) int {
	if d.HasArg(key) {
		d.ScanArgs(t, key, &or)
	}
	return or
}

func names(d *datadriven.TestData, key string) []string {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

// perform carries out one command.
func (s *stage) perform(d *datadriven.TestData) string {
	var hosts []*host
	quiet := false
	for _, a := range d.CmdArgs {
		switch {
		case a.Key == "quietly":
			quiet = true
		case len(a.Vals) == 0 && strings.HasPrefix(a.Key, "n"):
			hosts = append(hosts, s.named(a.Key))
		}
	}
	last := ""
	switch d.Cmd {
	case "hosts":
		return ""
	case "group":
		return s.group(s.hosts[:len(s.hosts)-number(s.t, d, "off", 0)])
	case "run":
		for_, err := strconv.ParseFloat(d.CmdArgs[0].Key, 64)
		if err != nil {
			s.t.Fatalf("%s: run how many intervals? %v", d.Pos, err)
		}
		s.run(s.now+time.Duration(for_*float64(interval)), nil)
	case "agree":
		last = s.agree(d, hosts)
	case "proposal":
		s.proposal(d)
	case "status":
		for _, h := range hosts {
			last += fmt.Sprintf("%s: %s\n", h.name, h.status())
		}
	default:
		for _, h := range hosts {
			s.command(d, h)
		}
	}
	if quiet {
		s.transcript()
	}
	return s.transcript() + last
}

// group boots hosts, waits until they agree, and stops half an interval after the next
// round; that round left at 0.
func (s *stage) group(hosts []*host) string {
	most := len(s.founders)/2 + 1 // these found, so that slots go by the numbers of the hosts
	for i, h := range hosts {
		if i == most {
			s.stand(hosts[:most])
		}
		h.boot()
		s.run(s.now+interval, nil)
	}
	s.stand(hosts)
	s.run(s.now+10*interval, nil)
	lead := hosts[0]
	s.run(s.now+2*interval, func() bool { return lead.reg.BeatAt == lead.clock() })
	s.zero = s.now
	s.run(s.now+interval/2, nil)
	s.transcript()
	return fmt.Sprintf("view %d %s stands, led by %s under ballot %v; a round left at 0, now it is 0.50\n",
		lead.view.Epoch, memberNames(lead.view), lead.view.Leader, lead.reg.Promised)
}

func (s *stage) stand(hosts []*host) {
	if !s.run(s.now+1000*interval, func() bool { return agreed(hosts) }) {
		s.t.Fatalf("no group stands\n%s", s.transcript())
	}
}

// agree runs until the hosts trust one view of themselves.
func (s *stage) agree(d *datadriven.TestData, hosts []*host) string {
	within := time.Duration(number(s.t, d, "within", 300)) * interval
	if !s.run(s.now+within, func() bool { return agreed(hosts) }) {
		s.t.Fatalf("%s: no agreement within %v\n%s", d.Pos, within, s.transcript())
	}
	s.run(s.now+2*frameLatency, nil) // so that no answer is cut in two
	v := hosts[0].view
	return fmt.Sprintf("%7s  agreed: view %d of instance %d is %s\n", s.time(s.now), v.Epoch, v.Instance, memberNames(v))
}

// proposal runs until some leader sends a round with a new proposal.
func (s *stage) proposal(d *datadriven.TestData) {
	seen := len(s.lines)
	if !s.run(s.now+1000*interval, func() bool {
		for _, l := range s.lines[seen:] {
			if strings.Contains(l.what, "proposes view") {
				return true
			}
		}
		return false
	}) {
		s.t.Fatalf("%s: nobody proposed anything", d.Pos)
	}
}

// readKeys has a host read a key file, of which the newest key stands last.
func (h *host) readKeys(d *datadriven.TestData) {
	ids := control.KeyIDs{0x10, 0x21}
	h.keys = control.Command{Kind: control.CommandKeys}
	for i, a := range d.CmdArgs[len(d.CmdArgs)-1].Vals {
		number := uint8(a[0] - '0')
		h.keys.Keys[number], h.keys.Newest = ids[number], number
		if i == 0 {
			h.keys.Key = number
		}
	}
	control.Apply(&h.keys, &h.reg, h.tally)
	h.poke() // the agent looks after it has read a file
}

// command does one thing to one host.
func (s *stage) command(d *datadriven.TestData, h *host) {
	switch d.Cmd {
	case "boot":
		h.boot()
	case "crash":
		h.crash()
	case "kill":
		h.kill()
	case "start":
		h.start()
	case "stop":
		h.stopped = true
	case "cont":
		h.stopped = false
		h.pace()
		h.poke()
	case "cut":
		h.mute, h.deaf = true, true
	case "mute":
		h.mute = true
	case "apart":
		h.apart = true
	case "heal":
		h.mute, h.deaf, h.apart = false, false, false
	case "unread":
		h.unread = true
	case "read":
		h.unread = false
	case "keys":
		h.readKeys(d)
	case "readmit":
		h.order, h.readmit = control.OrderReadmit, d.CmdArgs[len(d.CmdArgs)-1].Vals[0]
		h.poke()
	case "leave", "join", "shutdown":
		h.order = orders[d.Cmd]
		h.poke()
	default:
		s.t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
	}
}
