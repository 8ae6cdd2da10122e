package publish

import (
	"encoding/json"
	"fmt"
	"time"

	"rollcall/view"
)

// Schema is the version of the documents' meaning.
const Schema = 1

// DefaultSocket is where the daemon's API listens unless configured otherwise.
const DefaultSocket = "/run/rollcall/rollcall.sock"

// Document is a view as users get it. Equal (Instance, Epoch) means equal Hash on every
// node; everything beside Members' names, groups, slots and incarnations is this node's own
// knowledge.
type Document struct {
	Schema   int       `json:"schema"`
	Cluster  string    `json:"cluster"`
	Instance uint32    `json:"instance"` // 0: no view was ever installed
	Epoch    uint64    `json:"epoch"`
	Hash     string    `json:"hash"` // of the agreed content, 16 hex digits
	Leader   string    `json:"leader"`
	Valid    bool      `json:"valid"`    // the lease runs
	LeaseMS  int64     `json:"lease_ms"` // what remains of it, 0 when it ended
	At       time.Time `json:"at"`       // installed here, wall clock
	MonoNS   uint64    `json:"mono_ns"`  // installed here, CLOCK_MONOTONIC
	Members  []Member  `json:"members"`  // the view's, then others that are known
	Counts   Counts    `json:"counts"`   // of Members, every state listed
}

// Member is one node in a Document. Only those with an incarnation are in the view.
type Member struct {
	Name        string     `json:"name"`
	Group       uint16     `json:"group"`
	Slot        uint16     `json:"slot"`
	State       view.State `json:"state"`
	Incarnation string     `json:"incarnation,omitempty"` // 16 hex digits
}

// NewDocument describes v. State tells how a member fares; nil means that all are alive.
// Others are known nodes that are not in the view: gone, left, joining, absent. A nil v
// gives the document of a node that has no view yet.
//
// The caller fills in Cluster where v is nil, and Valid, LeaseMS, At and MonoNS.
func NewDocument(v *view.View, state func(view.Identity) view.State, others []Member) Document {
	d := Document{Schema: Schema, Hash: Hex(0), Members: []Member{}}
	if v != nil {
		d.Cluster, d.Instance, d.Epoch = v.Cluster, v.Instance, v.Epoch
		d.Leader, d.Hash = v.Leader, Hex(v.Hash())
		for _, m := range v.Members {
			s := view.Alive
			if state != nil {
				s = state(m)
			}
			d.Members = append(d.Members, Member{
				Name: m.Name, Group: m.Group, Slot: m.Slot, State: s, Incarnation: Hex(m.Incarnation),
			})
		}
	}
	for _, m := range others {
		m.Incarnation = ""
		d.Members = append(d.Members, m)
	}
	d.Counts = Count(d.Members)
	return d
}

// Counts tells how many members are in each state.
type Counts map[view.State]int

// UnmarshalJSON counts those in states that only a newer daemon knows as unknown, as State does.
func (c *Counts) UnmarshalJSON(b []byte) error {
	var named map[string]int
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	*c = make(Counts, view.States)
	for name, n := range named {
		var s view.State
		if s.UnmarshalText([]byte(name)) != nil {
			s = view.Unknown
		}
		(*c)[s] += n
	}
	return nil
}

// Count tells how many members are in each state; every state has an entry.
func Count(members []Member) Counts {
	counts := make(Counts, view.States)
	for s := range view.States {
		counts[s] = 0
	}
	for _, m := range members {
		counts[m.State]++
	}
	return counts
}

// Hex gives hashes, digests and incarnations as documents show them: 16 hex digits.
func Hex(v uint64) string { return fmt.Sprintf("%016x", v) }

// RoleOther is the role of a node in a group that is not its own.
const RoleOther = "other"

// GroupDocument is a group as this node's register and, where it leads, its tally show it.
type GroupDocument struct {
	Schema    int          `json:"schema"`
	Cluster   string       `json:"cluster"`
	Instance  uint32       `json:"instance"`
	Level     uint8        `json:"level"`
	Group     uint16       `json:"group"`
	Name      string       `json:"name,omitempty"`
	Role      string       `json:"role"` // of this node there; other: it is not this node's group
	Leader    string       `json:"leader"`
	Ballot    string       `json:"ballot"` // promised: generation.term.slot
	Accepted  uint64       `json:"accepted"`
	Committed uint64       `json:"committed"`
	Roster    string       `json:"roster"`             // newest version held, 16 hex digits
	Round     uint64       `json:"round"`              // of the last beat taken
	Quorum    int          `json:"quorum"`             // votes needed to go on
	Key       string       `json:"key"`                // id of the key that signs this node's frames
	NextKey   string       `json:"next_key,omitempty"` // id of the one that is to, once all members hold it
	Members   []GroupEntry `json:"members"`
}

// GroupEntry is one slot of a group. What only a leader hears is zero elsewhere.
type GroupEntry struct {
	Name        string     `json:"name"`
	Slot        uint16     `json:"slot"`
	State       view.State `json:"state"`
	Incarnation string     `json:"incarnation"`
	Addresses   []string   `json:"addresses"`
	Missed      int        `json:"missed"`                 // rounds unanswered then
	EchoAgeMS   int64      `json:"echo_age_ms"`            // of the last answer, as known a second ago; -1: none heard
	AgentAgeMS  int64      `json:"agent_age_ms"`           // of its agent's last sign of life, by that answer; -1: none
	AgentExited bool       `json:"agent_exited,omitempty"` // its process is no more, as its kernel noticed
	Relayed     bool       `json:"relayed,omitempty"`      // its newest answer came through another member only
	RTTNS       uint64     `json:"rtt_ns"`
	Accepted    uint64     `json:"accepted"`
	Committed   uint64     `json:"committed"`
	Keys        []string   `json:"keys"`                 // ids of the keys that it holds
	LostRails   []string   `json:"lost_rails,omitempty"` // interfaces here that bring nothing from it, while others do
}

// NodeDocument is all that the node asked knows of one node.
type NodeDocument struct {
	Schema  int    `json:"schema"`
	Cluster string `json:"cluster"`
	Group   uint16 `json:"group"`
	// Role is leader (of the cluster, or of its group where the node asked is of the same) | member; empty: it is
	// not in the view.
	Role string `json:"role"`
	GroupEntry
	RPC    string          `json:"rpc,omitempty"`     // where its agent is called
	Wire   [2]int          `json:"wire"`              // oldest and newest frame version it speaks; 0: not heard
	Own    *StatusDocument `json:"own,omitempty"`     // where it is the node asked
	Denied *Denied         `json:"refused,omitempty"` // likewise
	Events []EventDocument `json:"events"`            // those kept that name it, the oldest first
}

// Denied is what a node was sent and did not serve, as StatsDocument counts it.
type Denied struct {
	Frames map[string]uint64 `json:"frames"` // by reason, those that never happened left out
	Calls  uint64            `json:"calls"`
}

// StatusDocument is what a node says of itself.
type StatusDocument struct {
	Schema      int       `json:"schema"`
	Cluster     string    `json:"cluster"`
	Node        string    `json:"node"`
	Role        string    `json:"role"`     // absent | joining | follower | deputy | candidate | leader | left
	Instance    uint32    `json:"instance"` // of the view installed last, 0: none yet
	Epoch       uint64    `json:"epoch"`
	Leader      string    `json:"leader"`
	Slot        uint16    `json:"slot"`
	Incarnation string    `json:"incarnation"`
	Awaiting    string    `json:"awaiting"` // what it waits for, or what the cluster lacks, in words; empty: nothing
	Waiting     int       `json:"waiting"`  // nodes beside the founders that wait for a cluster, while there is none
	Places      []Place   `json:"places"`   // in groups above its own
	Valid       bool      `json:"valid"`
	LeaseMS     int64     `json:"lease_ms"`
	Roster      string    `json:"roster"` // version, 16 hex digits
	Key         string    `json:"key"`    // id of the key that signs this node's frames
	Keys        []string  `json:"keys"`   // ids of the keys that it holds
	Profile     string    `json:"profile"`
	IntervalUS  int64     `json:"interval_us"`
	Rounds      int       `json:"rounds"`
	Plane       string    `json:"plane"`  // kernel | socket; empty while an interface is missing
	Attach      string    `json:"attach"` // native | tc | generic | socket
	Transport   string    `json:"transport"`
	Interface   string    `json:"interface"`
	Address     string    `json:"address"`
	Rails       []Rail    `json:"rails,omitempty"` // the first has Interface, Address and Attach
	Adopted     bool      `json:"adopted"`         // pinned state of an earlier agent was taken over
	PinDir      string    `json:"pin_dir,omitempty"`
	Refused     []string  `json:"refused,omitempty"` // better ways to attach, and why not
	Warning     string    `json:"warning,omitempty"` // why the way to attach that was asked for may not work
	Pacing      Pacing    `json:"pacing"`
	PID         int       `json:"pid"`
	Realtime    bool      `json:"realtime"` // SCHED_FIFO
	Locked      bool      `json:"locked"`   // memory locked
	Started     time.Time `json:"started"`
	Version     string    `json:"version"`
	Socket      string    `json:"socket"`
	Config      string    `json:"config,omitempty"`
}

// Place is a node's part in a group above its own.
type Place struct {
	Level    uint8  `json:"level"`
	Group    uint16 `json:"group"`
	Slot     uint16 `json:"slot"`
	Seat     bool   `json:"seat"` // it votes there; else it tells what the group that it leads decided
	Role     string `json:"role"` // as in StatusDocument
	Leader   string `json:"leader"`
	Awaiting string `json:"awaiting"`
}

// Rail is how one of a node's interfaces fares.
type Rail struct {
	Interface string `json:"interface"`
	Address   string `json:"address"`
	Attach    string `json:"attach"`
	// LostTo are those who are heard by other rails only: by a leader its members, else this node by its leader.
	LostTo []string `json:"lost_to,omitempty"`
}

// Pacing says who keeps the beat when this node leads. Of the kernel's clock, which ticks while
// it does, all but Pacer, Refused and CPU.
type Pacing struct {
	Pacer      string `json:"pacer"`             // kernel | thread
	Refused    string `json:"refused,omitempty"` // why it is not the kernel
	Ticking    bool   `json:"ticking"`
	CPU        int    `json:"cpu"` // where the clock ticked last, or the thread sent a beat; -1: it never did
	Ticks      uint64 `json:"ticks"`
	IntervalUS int64  `json:"interval_us"` // between ticks
	LateUS     int64  `json:"late_us"`     // of the last tick
	LatestUS   int64  `json:"latest_us"`   // the worst since it was started
	Lost       uint64 `json:"lost"`        // of its frames, two of which go round; they were replaced

	Levels []PacedLevel `json:"levels"` // that this node leads, on the kernel plane
}

// PacedLevel tells who sent the beats of a level: the kernel since the node's incarnation, the daemon's
// thread, which sends those that a decision cannot wait for, since it started.
type PacedLevel struct {
	Level      uint8  `json:"level"`
	IntervalUS int64  `json:"interval_us"`
	Kernel     uint64 `json:"kernel"`
	Thread     uint64 `json:"thread"`
}

// EventDocument is one thing that happened, as this node saw it; a view change is one with
// kind "installed". Times in ns are of CLOCK_BOOTTIME, 0 where none applies: AtNS and InstallNS of
// this host's, those of evidence, verdict and commit of the Leader's host, which is asked for what it
// alone knows. Where it did not answer, that is empty.
type EventDocument struct {
	Number         uint64     `json:"number"` // 1, 2, … since the daemon started
	Kind           string     `json:"kind"`
	At             time.Time  `json:"at"` // wall clock
	AtNS           uint64     `json:"at_ns"`
	Node           string     `json:"node"` // who saw it
	Instance       uint32     `json:"instance"`
	Level          uint8      `json:"level"` // of the group that it is about
	Group          uint16     `json:"group"` // its number in that level
	Top            bool       `json:"top"`   // it is the top group, whose numbers are the epochs
	From           uint64     `json:"from"`  // number before
	To             uint64     `json:"to"`    // number after
	Hash           string     `json:"hash,omitempty"`
	Ballot         string     `json:"ballot"` // generation.term.slot
	Leader         string     `json:"leader"`
	Joined         []string   `json:"joined,omitempty"`
	Removed        []string   `json:"removed,omitempty"`
	Suspected      []string   `json:"suspected,omitempty"` // silent, and in the view still
	Rail           string     `json:"rail,omitempty"`      // this node's, on the rail that Nodes lost, or have back
	Nodes          []string   `json:"nodes,omitempty"`     // also who is kept out, or let in again
	Why            string     `json:"why,omitempty"`
	Evidence       []Evidence `json:"evidence,omitempty"`
	RoundsUsed     int        `json:"rounds_used"`      // message rounds until it was decided
	LastEvidenceNS uint64     `json:"last_evidence_ns"` // the first missed round left
	VerdictNS      uint64     `json:"verdict_ns"`       // the removal was decided on
	CommitNS       uint64     `json:"commit_ns"`        // the votes were complete
	InstallNS      uint64     `json:"install_ns"`       // this node installed the view
}

// Evidence is why a member was removed.
type Evidence struct {
	Name       string `json:"name"`
	Slot       uint16 `json:"slot"`
	LastEchoNS uint64 `json:"last_echo_ns"` // arrival of its last answer; 0: none
	Missed     int    `json:"missed"`       // rounds it left unanswered while others answered
	Why        string `json:"why"`
}

// StatsDocument is what the node and its daemon have done since they started. Counters only
// grow; those of frames outlive the daemon.
type StatsDocument struct {
	Schema      int               `json:"schema"`
	Node        string            `json:"node"`
	Plane       string            `json:"plane"`
	MonoNS      uint64            `json:"mono_ns"` // when this was read, CLOCK_MONOTONIC
	Frames      map[string]uint64 `json:"frames"`  // by reason
	Wakes       uint64            `json:"wakes"`   // returns of the driving thread from its wait
	Steps       uint64            `json:"steps"`
	Sent        uint64            `json:"sent"`          // frames
	Letters     uint64            `json:"messages"`      // to other agents
	Taken       uint64            `json:"calls_taken"`   // of other agents
	Denied      uint64            `json:"calls_refused"` // without the cluster's key, or not understood
	Failed      uint64            `json:"calls_failed"`  // to other agents
	Views       uint64            `json:"views"`         // installed
	Voluntary   uint64            `json:"context_switches_voluntary"`
	Involuntary uint64            `json:"context_switches_involuntary"`
	UserUS      int64             `json:"cpu_user_us"`
	SystemUS    int64             `json:"cpu_system_us"`
}

// VersionDocument says what is running.
type VersionDocument struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	Kernel  string `json:"kernel"`
	Wire    [2]int `json:"wire"`   // oldest and newest frame version spoken
	Schema  int    `json:"schema"` // of the documents
}
