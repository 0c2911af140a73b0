package mptcp

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Dial opens a connection. A zero local address is chosen among those that are
// up, in the order in which they were added; port 0 is an ephemeral one.
func (e *Endpoint) Dial(now sim.Time, local, remote netip.AddrPort, o *SocketOptions) (ConnID, error) {
	e.reap()
	opt, err := o.complete(e.profile)
	if err != nil {
		return 0, err
	}
	if local, err = e.bind(local, remote); err != nil {
		return 0, err
	}
	s := e.newSocket(now, opt)
	if opt.Protocol == MPTCP {
		if v := e.offer(now, opt.Versions, remote.Addr()); v != noVersion && e.disabled(now, local.Addr(), remote.Addr()) {
			e.count(now, s, mpCapableSYNTXDisabled)
		} else if v != noVersion {
			s.conn = e.newConnection(now, s, v)
			s.conn.connect(now, local, remote)
			return s.id, nil
		}
		s.notOffered = true
	}
	f := e.newFlow(s, local, remote, nil)
	s.flow = f
	f.tcp.Connect(now)
	e.settle(now, f)
	return s.id, nil
}

// Ephemeral ports (Linux ip_local_port_range).
const (
	firstPort = 32768
	lastPort  = 60999
)

// bind completes a local address for a flow to remote.
func (e *Endpoint) bind(local, remote netip.AddrPort) (netip.AddrPort, error) {
	addr := local.Addr()
	if !addr.IsValid() || addr.IsUnspecified() {
		if addr = e.sourceFor(remote.Addr()); !addr.IsValid() {
			return netip.AddrPort{}, ErrNoAddress
		}
	}
	if p := local.Port(); p != 0 {
		local = netip.AddrPortFrom(addr, p)
		if !e.free(local, remote) {
			return local, ErrAddrInUse
		}
		return local, nil
	}
	// A random start, then the next free one (RFC 6056 section 3.3.1).
	const n = lastPort - firstPort + 1
	start := e.rnd.ports.IntN(n)
	for i := range uint64(n) {
		local = netip.AddrPortFrom(addr, uint16(firstPort+(start+i)%n))
		if e.free(local, remote) && e.socks.listenerFor(local) == nil {
			return local, nil
		}
	}
	return local, ErrNoPort
}

func (e *Endpoint) free(local, remote netip.AddrPort) bool {
	return e.flows.names.byTuple[wire.Tuple{Src: local, Dst: remote, Proto: wire.ProtoTCP}] == 0
}
