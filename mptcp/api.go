package mptcp

import (
	"errors"
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
)

// The operations of RFC 6897 section 5 (the application's interface to MPTCP) by
// the names of its socket options: TCP_MULTIPATH_ENABLE is
// SocketOptions.EnableMultipath and MultipathEnabled, TCP_MULTIPATH_ADD and
// _REMOVE are AddLocal and RemoveLocal, TCP_MULTIPATH_SUBFLOWS is SubflowAddrs,
// TCP_MULTIPATH_CONNID is ConnectionID. What getsockname and getpeername return
// (RFC 8684 section 4) is SocketAddrs.

// Errors of AddLocal and RemoveLocal.
var (
	ErrNotMultipath = errors.New("the connection does not speak MPTCP")
	ErrNotAllowed   = errors.New("no further subflow is allowed")
	ErrNotUsed      = errors.New("no subflow uses the address")
)

// EnableMultipath says whether connections of the socket shall speak MPTCP
// (TCP_MULTIPATH_ENABLE, RFC 6897 section 5.3.1).
func (o *SocketOptions) EnableMultipath(on bool) {
	o.Protocol = TCP
	if on {
		o.Protocol = MPTCP
	}
}

// MultipathEnabled reports whether a connection speaks MPTCP: it was asked for,
// the peer does too, and it has not fallen back.
func (e *Endpoint) MultipathEnabled(c ConnID) bool { return e.multipath(c) != nil }

// AddLocal opens a subflow from one local address more to the peer's initial one
// (TCP_MULTIPATH_ADD, RFC 6897 section 5.3.2). Port 0 leaves the port to the
// profile.
func (e *Endpoint) AddLocal(now sim.Time, id ConnID, local netip.AddrPort) error {
	c := e.multipath(id)
	if c == nil {
		return ErrNotMultipath
	}
	first := &c.subs[0].flow.tuple
	l := e.localAddr(local.Addr())
	switch {
	case l == nil || !l.up || local.Addr().Is4() != first.Dst.Addr().Is4():
		return ErrNoAddress
	case !c.mayJoin(true) || c.joinDenied:
		return ErrNotAllowed
	case c.openSubflow(now, local, first.Dst, 0, l.flags&AddrBackup != 0) == nil:
		return ErrAddrInUse
	}
	c.settle(now)
	return nil
}

// RemoveLocal tells the peer that a local address is not used any more and closes
// the subflows from it (TCP_MULTIPATH_REMOVE, RFC 6897 section 5.3.3).
func (e *Endpoint) RemoveLocal(now sim.Time, id ConnID, local netip.Addr) error {
	c := e.multipath(id)
	if c == nil {
		return ErrNotMultipath
	}
	for _, f := range c.subs {
		if !f.dead && !f.closing && f.flow.tuple.Src.Addr() == local {
			c.withdraw(now, f.localID)
			c.retireLocal(now, f.localID)
			c.settle(now)
			return nil
		}
	}
	return ErrNotUsed
}

// SubflowAddrs appends the pairs of addresses of the subflows that are in use to
// buf, ours first (TCP_MULTIPATH_SUBFLOWS, RFC 6897 section 5.3.4). A connection
// that does not speak MPTCP has the pair of its TCP connection.
func (e *Endpoint) SubflowAddrs(id ConnID, buf []wire.Tuple) []wire.Tuple {
	s := e.open(id)
	switch {
	case s == nil || s.closed:
	case s.conn == nil:
		buf = append(buf, s.flow.tuple)
	default:
		for _, f := range s.conn.subs {
			if f.opened() {
				buf = append(buf, f.flow.tuple)
			}
		}
	}
	return buf
}

// ConnectionID returns a number that no other connection of the host has
// (TCP_MULTIPATH_CONNID, RFC 6897 section 5.3.5): our token. False: the
// connection does not speak MPTCP.
func (e *Endpoint) ConnectionID(id ConnID) (uint32, bool) {
	c := e.multipath(id)
	if c == nil {
		return 0, false
	}
	return c.local.token, true
}

// SocketAddrs returns the local and the remote address of a connection: those of
// the initial subflow, whether it still exists or not (RFC 8684 section 4, RFC
// 6897 section 3.2.2).
func (e *Endpoint) SocketAddrs(id ConnID) (local, remote netip.AddrPort) {
	s := e.open(id)
	switch {
	case s == nil:
		return
	case s.conn == nil:
		return s.flow.tuple.Src, s.flow.tuple.Dst
	}
	t := &s.conn.subs[0].flow.tuple
	return t.Src, t.Dst
}

// multipath returns a connection that speaks MPTCP, or nil.
func (e *Endpoint) multipath(id ConnID) *connection {
	s := e.open(id)
	if s == nil || s.conn == nil || s.closed || s.conn.over || s.conn.fallback.on || !s.conn.remote.known {
		return nil
	}
	return s.conn
}
