package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"rollcall/cmd/internal/key"
	"rollcall/cmd/internal/version"
	"rollcall/cmd/rollcalld/calls"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// daemon is the agent of a node: the loop, and what goes on beside it.
type daemon struct {
	plan      *plan
	log       zerolog.Logger
	plane     dataplane.Plane
	publisher *publish.Publisher
	sender    *calls.Sender
	called    *calls.Server
	keys      *keyring
	source    *source
	agent     *agent
	loop      *loop
}

// run is the daemon from start to end: it returns nil once ctx has ended and everything was
// let go in order. The kernel goes on answering for the node.
func run(ctx context.Context, p *plan, log zerolog.Logger) error {
	if err := openState(p.cfg, &p.control.Record); err != nil {
		return err
	}
	l, err := p.listen()
	if err != nil {
		return err
	}
	defer l.close()
	var may granted
	may.realtime = prefer(p.cfg.Priority, log)
	plane, err := dataplane.Open(p.options)
	if err != nil {
		return err
	}
	defer plane.Close()
	may.locked = keepMemory(log) // not before: what loading needs for a moment is given back
	if err := resume(plane, &p.control.Held); err != nil {
		return err
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	beside, ctx := errgroup.WithContext(ctx)
	d, err := newDaemon(ctx, p, plane, may, log)
	if err != nil {
		return err
	}
	defer d.sender.Close()
	d.serve(ctx, beside, l)
	about := plane.Describe()
	d.announce(&about, may)

	priority := 0
	if may.realtime {
		priority = p.cfg.Priority
	}
	err = drive(ctx, d.loop, priority)
	d.publisher.Retire()
	stop()
	close(d.agent.rosters)
	if failed := beside.Wait(); err == nil {
		err = failed
	}
	switch {
	case err != nil:
	case about.Plane == "kernel":
		log.Info().Msg("rollcalld stops; the kernel goes on answering for this node")
	default:
		log.Info().Msg("rollcalld stops; nothing answers for this node until it is started again")
	}
	return err
}

// newDaemon puts a daemon together; nothing runs yet. What it sets going later ends with ctx.
func newDaemon(ctx context.Context, p *plan, plane dataplane.Plane, may granted, log zerolog.Logger) (*daemon, error) {
	page, err := openRegister(plane.Pages())
	if err != nil {
		return nil, err
	}
	publisher, err := publish.NewPublisher(plane.Pages().ViewPage)
	if err != nil {
		return nil, err
	}
	d := &daemon{plan: p, log: log, plane: plane, publisher: publisher, sender: calls.NewSender(p.identity, log)}
	d.sender.Know(&p.control.Self)

	s := &source{cfg: p.cfg, plane: plane, register: page.read, now: dataplane.Now, granted: may, started: time.Now()}
	s.recorder = newRecorder(s.show, s.askLeader, s.rank)
	d.source = s
	d.agent = &agent{
		cfg: p.cfg, log: log, source: s, recorder: s.recorder, sender: d.sender, publisher: publisher, notifier: newNotifier(),
		held: p.control.Held, rosters: make(chan [control.Places][]*control.Roster, 1), pacing: pacingTold{log: log},
	}
	for _, rosters := range p.control.Held {
		d.agent.know(rosters)
	}
	d.loop = newLoop(control.NewHost(p.control), plane, d.agent)
	d.keys = &keyring{
		file: p.cfg.KeyFile, log: log, register: page.read, plane: d.loop.setKeys, wait: withdrawal, held: p.keys,
		calls: func(r key.Ring) error {
			defer d.sender.Reconnect()
			return p.identity.Use(r)
		},
	}
	d.called = &calls.Server{
		Cluster: p.cfg.Cluster, Identity: p.identity, Log: log, Held: s.held, Led: s.led, Structure: s.knownAbove,
		Take: func(m control.Message) error {
			d.sender.Know(&m.From)
			return d.loop.offer(input{HostInput: control.HostInput{Message: &m}})
		},
	}
	s.loop, s.offer, s.called, s.sender = d.loop, d.loop.offer, d.called, d.sender
	s.ask, s.askChange, s.askStructure = d.sender.Ask, d.sender.AskChange, d.sender.AskStructure
	s.reload = func() error { return d.keys.reload(ctx) } // what it sets going outlives the request
	return d, nil
}

// serve sets going all that goes on beside the loop.
func (d *daemon) serve(ctx context.Context, beside *errgroup.Group, l *listeners) {
	beside.Go(func() error { return (&publish.Server{Source: d.source}).Serve(ctx, l.api) })
	beside.Go(func() error { return publish.ServePages(ctx, l.pages, readerPages(d.plane.Pages())) })
	for _, agents := range l.agents {
		beside.Go(func() error { return d.called.Serve(ctx, agents) })
	}
	beside.Go(func() error { d.agent.notifier.run(ctx); return nil })
	beside.Go(func() error { d.keys.follow(ctx); return nil })
	beside.Go(func() error { d.source.recorder.run(ctx); return nil })
	beside.Go(func() error { d.agent.saveRosters(); return nil })
}

// announce logs what runs, and how.
func (d *daemon) announce(about *dataplane.Description, may granted) {
	cfg := d.plan.cfg
	line := d.log.Info().Str("version", version.String()).Str("cluster", cfg.Cluster).
		Str("plane", about.Plane).Str("attach", about.Attach).Str("transport", about.Transport).
		Strs("interfaces", cfg.Interfaces).Strs("addresses", addressesOf(about.Rails)).Str("rpc", d.plan.control.Self.RPC).
		Bool("adopted", about.Adopted).Bool("realtime", may.realtime).Bool("locked", may.locked)
	if len(about.Refused) > 0 {
		line = line.Strs("refused", about.Refused)
	}
	line.Msg("rollcalld serves")
	if about.Warning != "" {
		d.log.Warn().Str("attach", about.Attach).Msg(about.Warning)
	}
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
