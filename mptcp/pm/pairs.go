package pm

import (
	"net/netip"
	"slices"

	"mpsim/mptcp"
)

// maxPairs bounds the pairs of addresses that a path manager remembers: eight
// addresses on either side, of two families (MPTCP_MAX_ADDR of out-of-tree Linux).
const maxPairs = 2 * maxAddrs * maxAddrs

// tried remembers the pairs of addresses that subflows were ordered for, so that
// none is tried twice (RFC 8684 section 3.9.3) but those to an address that the peer
// announces again (section 3.4.1), and those of an address that went and came back.
type tried struct{ list []triedPair }

type triedPair struct {
	local  netip.Addr
	remote netip.AddrPort
}

// onEvent forgets the pairs that an event makes new.
func (m *tried) onEvent(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	switch ev.Kind {
	case mptcp.PathLocalDown:
		m.forget(ev.Local)
	case mptcp.PathAddrRemoved:
		m.forgetGone(act)
	case mptcp.PathAddrAdded:
		m.forgetGone(act) // an id may have changed its address
		if ev.Again {
			m.drop(func(p triedPair) bool { return p.remote == ev.Remote })
		}
	}
}

// add notes a pair and reports whether it is new. Beyond the bound none is.
func (m *tried) add(local netip.Addr, remote netip.AddrPort) bool {
	p := triedPair{local, remote}
	for _, q := range m.list {
		if p == q {
			return false
		}
	}
	if len(m.list) >= maxPairs {
		return false
	}
	m.list = append(m.list, p)
	return true
}

// forget makes the pairs of a local address new.
func (m *tried) forget(local netip.Addr) {
	m.drop(func(p triedPair) bool { return p.local == local })
}

// forgetGone makes the pairs of addresses new that the peer has withdrawn.
func (m *tried) forgetGone(act *mptcp.PathActions) {
	m.drop(func(p triedPair) bool { return !reachable(act, p.remote) })
}

func (m *tried) drop(which func(triedPair) bool) { m.list = slices.DeleteFunc(m.list, which) }

// openAll opens a subflow for up to n pairs that have none and were not tried, the
// peer's addresses in turn, and returns how many it ordered.
func (m *tried) openAll(act *mptcp.PathActions, n int) (ordered int) {
	for i := range act.Remote {
		r := &act.Remote[i]
		for k := range act.Local {
			l := &act.Local[k]
			if ordered >= n {
				return ordered
			}
			if may(act, l, r) && !linked(act, l.Addr, r) && m.add(l.Addr, r.Addr) {
				open(act, l, r)
				ordered++
			}
		}
	}
	return ordered
}

// left reports whether openAll would order something.
func (m *tried) left(act *mptcp.PathActions) bool {
	for i := range act.Remote {
		r := &act.Remote[i]
		for k := range act.Local {
			l := &act.Local[k]
			if may(act, l, r) && !linked(act, l.Addr, r) && !m.has(l.Addr, r.Addr) && len(m.list) < maxPairs {
				return true
			}
		}
	}
	return false
}

func (m *tried) has(local netip.Addr, remote netip.AddrPort) bool {
	for _, q := range m.list {
		if q.local == local && q.remote == remote {
			return true
		}
	}
	return false
}
