package nat

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file lets a firewall follow FTP, as the helper of Linux's connection tracking
// does (net/netfilter/nf_conntrack_ftp.c): the server may come to the end that a client
// inside has announced to it, and the client to that which a server inside has announced
// (227, 229), once, within five minutes. Of each control connection only
// the last announcement counts (ftp_exp_policy: max_expected 1), and none when it is
// over.

// expectation is one connection that may come in.
type expectation struct {
	control simnet.RouteID // of what the client sends
	end     netip.AddrPort // that it announced
	other   netip.Addr     // who may come
	until   sim.Time
}

// follow looks at what the host inside sends over a control connection.
func (f *Firewall) follow(now sim.Time, p *simnet.Packet) {
	if p.Segment().Len == 0 {
		return
	}
	f.line = mbox.AppendPayload(f.line[:0], p)
	t := p.Tuple()
	c, ok := f.cfg.announced(f.line, t)
	if !ok {
		return
	}
	e := f.expectationOf(p.Route())
	*e = expectation{p.Route(), c.end, t.Dst.Addr(), now.Add(ftpExpectation)}
	f.tell(now, p, trace.MappingExpected)
}

// expectationOf returns the place for what a control connection announces: its own, one
// that is over, or a new one. There are no more than sessions.
func (f *Firewall) expectationOf(control simnet.RouteID) *expectation {
	var free *expectation
	for i := range f.expected {
		switch e := &f.expected[i]; {
		case e.control == control:
			return e
		case find(f.byInside, e.control) == 0:
			free = e
		}
	}
	if free == nil {
		f.expected = append(f.expected, expectation{})
		free = &f.expected[len(f.expected)-1]
	}
	return free
}

// expects returns the expectation that a SYN from outside fulfils, or nil.
func (f *Firewall) expects(now sim.Time, t *wire.Tuple) *expectation {
	if t.Proto != wire.ProtoTCP {
		return nil
	}
	for i := range f.expected {
		e := &f.expected[i]
		if e.end == t.Dst && e.other == t.Src.Addr() && now < e.until && find(f.byInside, e.control) != 0 {
			return e
		}
	}
	return nil
}
