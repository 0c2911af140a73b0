package mptcp

import (
	"net/netip"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ICMPError is an ICMP error about a segment that the endpoint has sent.
type ICMPError struct {
	// Tuple and Seq are those of the quoted segment, as it was sent.
	Tuple wire.Tuple
	Seq   wire.Seq
	// Kind and Code are the message's; IPv6 says from which version of ICMP.
	Kind wire.ICMPKind
	Code uint8
	IPv6 bool
	// MTU is that of the next link in a message of kind ICMPTooBig, in bytes of IP; 0: the
	// message does not say it. Length is that of the quoted packet.
	MTU, Length int
}

// Codes of destination unreachable (RFC 792, RFC 4443).
const (
	icmpNet, icmpHost, icmpPort = 0, 1, 3
	icmp6NoRoute, icmp6Address  = 0, 3
	icmp6Port                   = 4
)

// unreachable reports whether the error says that the host cannot be reached at
// present, and not that it does not want us.
func (e *ICMPError) unreachable() bool {
	switch {
	case e.Kind == wire.ICMPTimeExceeded:
		return true
	case e.IPv6:
		return e.Code == icmp6NoRoute || e.Code == icmp6Address
	}
	return e.Code == icmpNet || e.Code == icmpHost
}

func (e *ICMPError) reason() trace.Reason {
	if e.Kind == wire.ICMPUnreachable && (!e.IPv6 && e.Code == icmpPort || e.IPv6 && e.Code == icmp6Port) {
		return trace.Refused
	}
	return trace.Unreachable
}

// HandleICMP takes in an ICMP error. As in Linux it ends a connection or subflow
// that is being opened; about an established one it is advice (RFC 1122 section
// 4.2.3.9), which fails a subflow if the profile says so. Errors that quote
// nothing of ours, or nothing in flight, are ignored.
func (e *Endpoint) HandleICMP(now sim.Time, m *ICMPError) {
	e.reap()
	if m.Kind != wire.ICMPUnreachable && m.Kind != wire.ICMPTimeExceeded && m.Kind != wire.ICMPTooBig {
		return
	}
	f := e.flows.get(e.flows.names.byTuple[m.Tuple])
	if f == nil {
		return
	}
	if m.Kind == wire.ICMPTooBig {
		e.tooBig(now, f, m)
		return
	}
	out := f.tcp.HandleICMP(now, m.Seq, m.reason(), m.unreachable())
	if out == tcp.ICMPIgnored {
		return
	}
	id := sched.NoFlow
	if f.sub != nil {
		id = f.sub.id
	}
	e.emit(now, f.sock, id, trace.ICMPError, m.reason(), int64(m.Kind), int64(m.Code), int64(out), 0, 0)
	if f.sub != nil && out == tcp.ICMPSoft {
		f.sub.unreachable(now)
	}
	e.settle(now, f)
}

// tooBig takes in what a router says of the MTU: the subflow that it is about sends
// shorter segments, and so do later connections between the same two addresses.
func (e *Endpoint) tooBig(now sim.Time, f *flow, m *ICMPError) {
	if !f.tcp.HandleTooBig(now, m.Seq, m.MTU, m.Length) {
		return
	}
	id := sched.NoFlow
	if f.sub != nil {
		id = f.sub.id
	}
	e.emit(now, f.sock, id, trace.ICMPError, trace.PathMTU, int64(m.Kind), int64(m.Code), int64(tcp.ICMPSoft), 0, 0)
	e.rememberMTU(now, &m.Tuple, f.tcp.PathMTU())
	e.settle(now, f)
}

// maxPathMTUs bounds the paths whose MTU is remembered; the oldest makes room (Linux
// keeps them as exceptions of a route, five for each bucket).
const maxPathMTUs = 256

// pathMTU is what a router said of a path.
type pathMTU struct {
	local, remote netip.Addr
	mtu           int
	until         sim.Time
}

func (e *Endpoint) rememberMTU(now sim.Time, t *wire.Tuple, mtu int) {
	l := e.pathMTUs
	row := pathMTU{t.Src.Addr(), t.Dst.Addr(), mtu, now.Add(e.profile.TCP.PathMTUExpiry)}
	for i := range l {
		if l[i].local == row.local && l[i].remote == row.remote {
			l[i] = row
			return
		}
	}
	if len(l) >= maxPathMTUs {
		l = l[:copy(l, l[1:])]
	}
	e.pathMTUs = append(l, row)
}

// knownMTU tells a new connection what is remembered of its path.
func (f *flow) knownMTU() {
	for _, r := range f.e.pathMTUs {
		if r.local == f.tuple.Src.Addr() && r.remote == f.tuple.Dst.Addr() {
			f.tcp.SetPathMTU(r.mtu, r.until)
		}
	}
}

// unreachable acts on an ICMP error about an established subflow: it has failed
// (RFC 8684 section 3.3.6), if another one can take its data over.
func (f *subflow) unreachable(now sim.Time) {
	c := f.conn
	if !c.p.ICMPFailsSubflow || !f.established() {
		return
	}
	for _, g := range c.subs {
		if g != f && g.usable() && !g.failed {
			f.reset(now, rstNone, trace.Unreachable)
			return
		}
	}
}
