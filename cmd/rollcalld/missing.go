package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/config"
	"rollcall/control"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

// prepareWhenThere is prepare once all interfaces and their addresses are there: a driver may be late while a host
// boots, or an address. Meanwhile the daemon counts as started, and its API says what is missing.
func prepareWhenThere(ctx context.Context, cfg *config.Config, log zerolog.Logger) (*plan, error) {
	p, err := prepare(cfg)
	var missing *dataplane.MissingError
	if !errors.As(err, &missing) {
		return p, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed, err := dataplane.WatchLinks(ctx)
	if err != nil {
		return nil, err
	}
	l, err := publish.Listen(cfg.Socket)
	if err != nil {
		return nil, err
	}
	s := waitingSource(cfg)
	served := make(chan error, 1)
	go func() { served <- (&publish.Server{Source: s}).Serve(ctx, l) }()
	defer func() {
		cancel()
		<-served
	}()
	due, stop := watchdogDue()
	defer stop()
	said := ""
	for {
		p, err := prepare(cfg)
		if !errors.As(err, &missing) {
			return p, err
		}
		if missing.What != said {
			said = missing.What
			log.Warn().Err(missing).Msg("rollcalld waits for an interface")
			s.await(said)
		}
		select {
		case _, told := <-changed:
			if !told && ctx.Err() == nil {
				return nil, fmt.Errorf("%w; the kernel tells of no more changes, start again when it is there", missing)
			}
		case <-due:
			notifyAlive()
		case err := <-served:
			served <- nil // for the deferred wait
			return nil, err
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// waitingSource answers the API of a daemon that has no plane yet: of a node that is absent.
func waitingSource(cfg *config.Config) *source {
	return &source{
		cfg: cfg, plane: noPlane{}, register: func() control.Register { return control.Register{} }, now: dataplane.Now,
		offer:  func(input) error { return errNoPlane },
		reload: func() error { return errNoPlane },
		called: noCalls{}, sender: noCalls{}, loop: &loop{}, started: time.Now(),
	}
}

var errNoPlane = errors.New("the daemon waits for an interface: rollcall status says for which")

// await shows what is waited for.
func (s *source) await(what string) {
	s.seen.Store(&snapshot{status: control.HostStatus{Group: control.Status{Role: "absent", Awaiting: what}}})
	s.Raise()
	notifyWaits(what)
}

// noPlane serves no frames.
type noPlane struct{}

func (noPlane) Stats() (n [control.Reasons]uint64)  { return n }
func (noPlane) Describe() (d dataplane.Description) { return d }

// noCalls neither takes calls nor makes any.
type noCalls struct{}

func (noCalls) Counts() (uint64, uint64) { return 0, 0 }
