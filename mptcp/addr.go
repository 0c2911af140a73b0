package mptcp

import (
	"net/netip"

	"mpsim/sim"
)

// AddrFlags say how path managers may use a local address. The names are those
// of `ip mptcp endpoint`.
type AddrFlags uint8

// The flags of an address.
const (
	AddrSignal   AddrFlags = 1 << iota // announce it to the peer
	AddrSubflow                        // open subflows from it
	AddrBackup                         // such subflows are backups
	AddrFullmesh                       // ... to every address of the peer
)

// localAddr is an address of the host. Its id is what MP_JOIN carries for it,
// unless it is that of the initial subflow, whose id is 0 (RFC 8684 section
// 3.4).
type localAddr struct {
	addr  netip.Addr
	id    uint8
	up    bool
	flags AddrFlags
}

// HandleAddr takes notice that the host has gained an address, has other flags
// for it, or has lost it. Subflows from a lost address end at once and without a
// packet; their data is sent on others. A change of AddrBackup is told to the
// peer by MP_PRIO on the subflows from that address.
func (e *Endpoint) HandleAddr(now sim.Time, a netip.Addr, up bool, f AddrFlags) {
	e.reap()
	l := e.localAddr(a)
	if l == nil {
		if !up {
			return
		}
		l = e.addLocal(a)
	}
	was := *l
	l.up, l.flags = up, f
	if was == *l {
		return
	}
	for _, s := range e.socks.slots {
		if s != nil && s.conn != nil {
			s.conn.localAddrChanged(now, l, &was)
		}
	}
}

// localAddr returns the entry of an address, or nil.
func (e *Endpoint) localAddr(a netip.Addr) *localAddr {
	for i := range e.addrs {
		if e.addrs[i].addr == a {
			return &e.addrs[i]
		}
	}
	return nil
}

// addLocal gives an address the next id.
func (e *Endpoint) addLocal(a netip.Addr) *localAddr {
	id := len(e.addrs) + 1
	if id > 255 {
		sim.Bugf("more than 255 addresses on a host")
	}
	e.addrs = append(e.addrs, localAddr{addr: a, id: uint8(id)})
	return &e.addrs[id-1]
}

// sourceFor chooses the source address towards remote; invalid: there is none.
func (e *Endpoint) sourceFor(remote netip.Addr) netip.Addr {
	for i := range e.addrs {
		if l := &e.addrs[i]; l.up && l.addr.Is4() == remote.Is4() {
			return l.addr
		}
	}
	return netip.Addr{}
}
