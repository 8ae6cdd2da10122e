// Command lab-memberlist is a user-space peer to compare with: one agent of
// github.com/hashicorp/memberlist, which rollcall-lab torture runs on every node beside the
// daemon. It prints a line of JSON whenever its list changes.
//
// It is a module of its own, so that nothing that is shipped depends on memberlist.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"
	"golang.org/x/sys/unix"
)

func main() {
	name := flag.String("name", "", "this node's `name`")
	address := flag.String("address", "", "its IPv4 `address`")
	contacts := flag.String("contacts", "", "`addresses` of others to join, separated by commas")
	probe := flag.Duration("probe", stable, "`time` between probes; all other times follow from it")
	flag.Parse()
	if err := run(*name, *address, strings.Split(*contacts, ","), *probe); err != nil {
		fmt.Fprintln(os.Stderr, "lab-memberlist:", err)
		os.Exit(1)
	}
}

// stable is the fastest setting at which 16 agents on two processors, beside daemons and one more process, removed none
// of their kind in 30 s while nothing was wrong. At 100 ms they removed 12.
const stable = 150 * time.Millisecond

// config is as fast as memberlist can be for the time between probes: a probe that is not
// answered within half of it is tried through others, and who was suspected must object
// within twice that time.
func config(name, address string, probe time.Duration) *memberlist.Config {
	c := memberlist.DefaultLocalConfig()
	c.Name, c.BindAddr, c.AdvertiseAddr = name, address, address
	c.ProbeInterval, c.ProbeTimeout = probe, probe/2
	c.IndirectChecks = 3
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = 2, 1
	c.RetransmitMult = 4
	c.GossipInterval, c.GossipNodes = probe/10, 3
	c.DisableTcpPings = true
	c.TCPTimeout = time.Second
	c.EnableCompression = false
	c.DeadNodeReclaimTime = time.Nanosecond // whoever reboots is let in at once
	c.LogOutput = io.Discard
	return c
}

func run(name, address string, contacts []string, probe time.Duration) error {
	if name == "" || address == "" || probe <= 0 {
		return errors.New("--name, --address and a positive --probe are needed")
	}
	c := config(name, address, probe)
	c.Events = &teller{json.NewEncoder(os.Stdout)}
	list, err := memberlist.Create(c)
	if err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	for list.NumMembers() < 2 { // until one of the contacts is up
		_, _ = list.Join(contacts)
		select {
		case <-end:
			return list.Shutdown()
		case <-time.After(100 * time.Millisecond):
		}
	}
	<-end
	return list.Shutdown()
}

// teller prints changes. memberlist calls it one at a time.
type teller struct{ out *json.Encoder }

// change is what is printed.
type change struct {
	Kind string `json:"kind"` // joined | removed
	Node string `json:"node"`
	AtNS uint64 `json:"at_ns"` // CLOCK_BOOTTIME
}

func (t *teller) tell(kind string, n *memberlist.Node) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return
	}
	_ = t.out.Encode(change{kind, n.Name, uint64(now.Nano())})
}

func (t *teller) NotifyJoin(n *memberlist.Node)   { t.tell("joined", n) }
func (t *teller) NotifyLeave(n *memberlist.Node)  { t.tell("removed", n) }
func (t *teller) NotifyUpdate(n *memberlist.Node) {}
