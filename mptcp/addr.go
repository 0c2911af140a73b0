package mptcp

import (
	"math/bits"
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
	AddrImplicit                       // known only because a subflow uses it
	AddrLaminar                        // source of subflows to announced addresses
)

// localAddr is an address of the host.
type localAddr struct {
	addr  netip.Addr
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
		e.addrs = append(e.addrs, localAddr{addr: a})
		l = &e.addrs[len(e.addrs)-1]
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

// sourceFor chooses the source address towards remote; invalid: there is none.
func (e *Endpoint) sourceFor(remote netip.Addr) netip.Addr {
	for i := range e.addrs {
		if l := &e.addrs[i]; l.up && l.addr.Is4() == remote.Is4() {
			return l.addr
		}
	}
	return netip.Addr{}
}

// sourceNear chooses the source address towards remote by the longest common
// prefix (RFC 6724 section 5, rule 8), the first of equals: the endpoint knows no
// routes. It returns the zero address if none of the family is up.
func (e *Endpoint) sourceNear(remote netip.Addr) (best netip.Addr) {
	longest := -1
	for i := range e.addrs {
		if l := &e.addrs[i]; l.up && l.addr.Is4() == remote.Is4() {
			if n := commonPrefix(l.addr, remote); n > longest {
				best, longest = l.addr, n
			}
		}
	}
	return best
}

// commonPrefix returns how many leading bits two addresses share.
func commonPrefix(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 128
}
