package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/key"
	"rollcall/cmd/internal/version"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// plan is everything that is settled before anything starts.
type plan struct {
	cfg     *config.Config
	keys    key.Ring
	options dataplane.Options
	control control.HostConfig
}

// prepare reads what the configuration names and settles the plan. It changes nothing. The error is a
// dataplane.MissingError where only an interface is missing, or its address.
func prepare(cfg *config.Config) (*plan, error) {
	ring, err := key.Load(cfg.KeyFile)
	if err != nil {
		return nil, err
	}
	frames, err := ring.Frames()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.KeyFile, err)
	}
	p := &plan{cfg: cfg, keys: ring, options: dataplane.Options{
		Cluster: cfg.Cluster, ClusterID: dataplane.ClusterID(cfg.Cluster), Rails: rails(cfg),
		Port: cfg.Port, EtherType: cfg.EtherType, DSCP: int(cfg.DSCP),
		Transport: cfg.Transport, Attach: cfg.Attach, Keys: frames, PinDir: cfg.PinDir,
		Pacer: cfg.Pacer, Interval: cfg.Interval, Routed: len(cfg.Groups) > 1,
	}}
	own, err := dataplane.LocalEndpoints(p.options)
	if err != nil {
		return nil, err
	}
	rpc := cfg.RPC
	if !rpc.Addr().IsValid() {
		rpc = netip.AddrPortFrom(own[0].UDP.Addr(), rpc.Port())
	}
	if !rpc.Addr().IsValid() {
		return nil, &dataplane.MissingError{What: fmt.Sprintf("interface %s has no address for calls between agents", cfg.Interfaces[0]), Remedy: "give it one, or set rpc to one of this host"}
	}
	record, err := loadRecord(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	group := cfg.Own()
	p.options.ViewSize = viewSize(cfg)
	p.control = control.HostConfig{Held: loadRosters(cfg.StateDir)}
	if len(cfg.Groups) > 1 {
		p.control.Top = 1
	}
	p.control.Config = control.Config{
		Cluster: cfg.Cluster, ClusterID: p.options.ClusterID, Group: group.ID, Allowed: group.Nodes,
		Self:     control.Peer{Name: cfg.Node, RPC: rpc.String(), Rails: own},
		Interval: cfg.Interval, Rounds: cfg.Rounds, JoinWindow: cfg.JoinWindow, FoundWait: cfg.FoundWait,
		AgentGrace: cfg.AgentGrace, RemoveStale: cfg.OnStale == "remove", Quarantine: cfg.Quarantine,
		Prefer: cfg.Prefer, Avoid: cfg.Avoid, Founders: cfg.Founders, Contacts: cfg.Contacts, Record: record, WriteBehind: true,
	}
	return p, nil
}

// run is the daemon from start to end: it returns nil once ctx has ended and everything was
// let go in order. The kernel goes on answering for the node.
func run(ctx context.Context, p *plan, log zerolog.Logger) error {
	cfg := p.cfg
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil && cfg.Founder() {
		return fmt.Errorf("make the founder's state_dir: %w", err)
	}
	if cfg.Founder() { // now, not when the cluster waits for this node's vote
		if err := saveRecord(cfg.StateDir, &p.control.Record); err != nil {
			return err
		}
	}
	for _, name := range cfg.Interfaces {
		claimed, err := claim(name)
		if err != nil {
			return err
		}
		defer claimed.Close()
	}
	identity, err := calls.NewIdentity(p.keys, cfg.Cluster, cfg.Node)
	if err != nil {
		return err
	}
	open := []func() (net.Listener, error){
		func() (net.Listener, error) { return publish.Listen(cfg.Socket) },
		func() (net.Listener, error) { return publish.Listen(publish.ViewSocket(cfg.Socket)) },
	}
	for _, at := range p.agentAddresses() {
		open = append(open, func() (net.Listener, error) { return calls.Listen(at) })
	}
	listeners := make([]net.Listener, len(open)) // closed by their servers too: closing twice harms nobody
	for i, open := range open {
		if listeners[i], err = open(); err != nil {
			return err
		}
		defer listeners[i].Close()
	}

	realtime := prefer(cfg.Priority, log)
	plane, err := dataplane.Open(p.options)
	if err != nil {
		return err
	}
	defer plane.Close()
	about := plane.Describe()
	s := &source{cfg: cfg, now: dataplane.Now, started: time.Now(), realtime: realtime}
	s.locked = keepMemory(log) // not before: what loading needs for a moment is given back
	page, err := openRegister(plane.Pages())
	if err != nil {
		return err
	}
	if err := resume(plane, &p.control.Held); err != nil {
		return err
	}
	publisher, err := publish.NewPublisher(plane.Pages().ViewPage)
	if err != nil {
		return err
	}
	sender := calls.NewSender(identity, log)
	defer sender.Close()
	sender.Know(&p.control.Self)

	s.recorder = newRecorder(s.show, s.askLeader, s.rank)
	a := &agent{cfg: cfg, log: log, source: s, recorder: s.recorder, sender: sender, publisher: publisher, notifier: newNotifier(), held: p.control.Held, rosters: make(chan [control.Places][]*control.Roster, 1), pacing: pacingTold{log: log}}
	for _, rosters := range p.control.Held {
		a.know(rosters)
	}
	l := newLoop(control.NewHost(p.control), plane, a)
	s.plane, s.register, s.offer, s.ask, s.askChange, s.askStructure, s.loop = plane, page.read, l.offer, sender.Ask, sender.AskChange, sender.AskStructure, l

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var servers sync.WaitGroup
	defer servers.Wait()
	serve := func(what func() error) {
		servers.Go(func() {
			if err := what(); err != nil {
				cancel(err)
			}
		})
	}
	defer close(a.rosters)
	defer cancel(nil)
	keys := &keyring{
		file: cfg.KeyFile, log: log, register: page.read, plane: l.setKeys, wait: withdrawal, held: p.keys,
		calls: func(r key.Ring) error {
			defer sender.Reconnect()
			return identity.Use(r)
		},
	}
	s.reload = func() error { return keys.reload(ctx) } // what it sets going outlives the request
	api := &publish.Server{Source: s}
	agents := &calls.Server{Cluster: cfg.Cluster, Identity: identity, Log: log, Held: s.held, Led: s.led, Structure: s.knownAbove, Take: func(m control.Message) error {
		sender.Know(&m.From)
		return l.offer(input{HostInput: control.HostInput{Message: &m}})
	}}
	s.called, s.sender = agents, sender
	serve(func() error { return api.Serve(ctx, listeners[0]) })
	serve(func() error { return publish.ServePages(ctx, listeners[1], readerPages(plane.Pages())) })
	for _, l := range listeners[2:] {
		serve(func() error { return agents.Serve(ctx, l) })
	}
	serve(func() error { a.notifier.run(ctx); return nil })
	serve(func() error { keys.follow(ctx); return nil })
	serve(func() error { s.recorder.run(ctx); return nil })
	serve(func() error { a.saveRosters(); return nil })

	line := log.Info().Str("version", version.String()).Str("cluster", cfg.Cluster).Str("plane", about.Plane).Str("attach", about.Attach).
		Str("transport", about.Transport).Strs("interfaces", cfg.Interfaces).Strs("addresses", addressesOf(about.Rails)).Str("rpc", p.control.Self.RPC).
		Bool("adopted", about.Adopted).Bool("realtime", s.realtime).Bool("locked", s.locked)
	if len(about.Refused) > 0 {
		line = line.Strs("refused", about.Refused)
	}
	line.Msg("rollcalld serves")
	if about.Warning != "" {
		log.Warn().Str("attach", about.Attach).Msg(about.Warning)
	}

	priority := 0
	if s.realtime {
		priority = cfg.Priority
	}
	err = drive(ctx, l, priority)
	if why := context.Cause(ctx); err == nil && !errors.Is(why, context.Canceled) {
		err = why
	}
	publisher.Retire()
	switch {
	case err != nil:
	case about.Plane == "kernel":
		log.Info().Msg("rollcalld stops; the kernel goes on answering for this node")
	default:
		log.Info().Msg("rollcalld stops; nothing answers for this node until it is started again")
	}
	return err
}

// resume tells a plane that goes on where an earlier agent stopped who has which slot. An
// older roster than the register's would make strangers of members; the host will fetch
// the right one.
func resume(plane dataplane.Plane, held *[control.Places][]*control.Roster) error {
	for p, rosters := range held {
		place := control.Place(p)
		var r control.Register
		plane.Snapshot(place, &r, nil, control.Bitmap{})
		if !place.Votes() || len(rosters) == 0 || r.State == control.RegisterVacant || rosters[0].Version() != r.Rosters[0] {
			continue
		}
		if err := plane.Name(place.Level(), rosters[0]); err != nil {
			return fmt.Errorf("name the slots of the group at level %d: %w", place.Level(), err)
		}
	}
	return nil
}

// viewSize is how large the page must be in which views are published: it holds two of all that
// the inventory has, encoded.
func viewSize(cfg *config.Config) int {
	const each, around = 16, 4096 // bytes beside a name, and beside all members
	size := around
	for i := range cfg.Groups {
		for _, name := range cfg.Groups[i].Nodes {
			size += each + len(name)
		}
	}
	page := os.Getpagesize()
	return max(dataplane.DefaultViewSize, (2*size+page-1)/page*page)
}

// drive runs the loop on a thread of its own, with real-time priority unless that is 0.
func drive(ctx context.Context, l *loop, priority int) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the loop
		if priority > 0 {
			if err := preferLoop(priority); err != nil {
				done <- err
				return
			}
		}
		done <- l.run(ctx)
	}()
	return <-done
}

// prefer gives the process the processors it needs to be on time, as far as it is let. It does so before programs
// are loaded: among other work, the half second that the kernel verifies them for may be half a minute's
// share, and the agent of a leader is to be back within its grace.
func prefer(priority int, log zerolog.Logger) (realtime bool) {
	runtime.GOMAXPROCS(min(processors, runtime.NumCPU()))
	if priority == 0 {
		return false
	}
	if err := preferThreads(priority); err != nil {
		log.Warn().Err(err).Msg("the daemon may have to wait for a processor")
		return false
	}
	return true
}

// keepMemory locks what the process uses into memory, if it is let.
func keepMemory(log zerolog.Logger) (locked bool) {
	if err := lockMemory(); err != nil {
		log.Warn().Err(err).Msg("the daemon may have to wait for memory")
		return false
	}
	return true
}
