package main

import (
	"io"
	"net"

	"rollcall/cmd/rollcalld/calls"
	"rollcall/view/publish"
)

// listeners are where the daemon can be reached. No two daemons of a host can have the same.
type listeners struct {
	api, pages net.Listener
	agents     []net.Listener
	all        []io.Closer // and the claims of the interfaces
}

// listen opens all of them, or none.
func (p *plan) listen() (_ *listeners, err error) {
	l := &listeners{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	for _, name := range p.cfg.Interfaces {
		c, err := claim(name)
		if err != nil {
			return nil, err
		}
		l.all = append(l.all, c)
	}
	if l.api, err = l.keep(publish.Listen(p.cfg.Socket)); err != nil {
		return nil, err
	}
	if l.pages, err = l.keep(publish.Listen(publish.ViewSocket(p.cfg.Socket))); err != nil {
		return nil, err
	}
	for _, at := range p.agentAddresses() {
		agents, err := l.keep(calls.Listen(at))
		if err != nil {
			return nil, err
		}
		l.agents = append(l.agents, agents)
	}
	return l, nil
}

func (l *listeners) keep(one net.Listener, err error) (net.Listener, error) {
	if err == nil {
		l.all = append(l.all, one)
	}
	return one, err
}

// close closes what its server has not closed already: twice harms nobody.
func (l *listeners) close() {
	for _, one := range l.all {
		one.Close()
	}
}
