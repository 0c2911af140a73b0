package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// duration returns a parameter in seconds as a duration.
func duration(p cc.Params, params []cc.Param, name string) sim.Duration {
	return sim.Duration(p.Get(params, name) * float64(sim.Second))
}

// initialSource is the local address of the initial subflow.
func initialSource(act *mptcp.PathActions) netip.Addr {
	for _, f := range act.Subflows {
		if f.Flow == 0 {
			return f.Local
		}
	}
	return netip.Addr{}
}

// known reports whether an address is up on the host.
func known(act *mptcp.PathActions, a netip.Addr) bool {
	for _, l := range act.Local {
		if l.Addr == a {
			return true
		}
	}
	return false
}

// reachable reports whether an address and port is one of the peer's: that of the
// initial subflow, or announced and not withdrawn.
func reachable(act *mptcp.PathActions, a netip.AddrPort) bool {
	for i := range act.Remote {
		if act.Remote[i].Addr == a {
			return true
		}
	}
	return false
}

// linked reports whether a subflow joins two addresses, whoever opened it.
func linked(act *mptcp.PathActions, local netip.Addr, r *mptcp.PathRemote) bool {
	for i := range act.Subflows {
		f := &act.Subflows[i]
		if f.Local == local && (f.Remote.Addr() == r.Addr.Addr() || r.ID != 0 && f.RemoteID == r.ID) {
			return true
		}
	}
	return false
}

// open orders a subflow between two addresses of the view.
func open(act *mptcp.PathActions, l *mptcp.PathLocal, r *mptcp.PathRemote) {
	act.OpenTo(l.Addr, r.Addr, r.ID, l.Flags&mptcp.AddrBackup != 0)
}

// may reports whether the peer takes subflows to an address, and the families
// agree.
func may(act *mptcp.PathActions, l *mptcp.PathLocal, r *mptcp.PathRemote) bool {
	return l.Addr.Is4() == r.Addr.Addr().Is4() && (r.ID != 0 || !act.JoinDenied)
}

// announcer tells the peer of the host's addresses beside that of the initial
// subflow, once each as long as they are up.
type announcer struct{ told []netip.Addr }

// onEvent announces what is new.
func (m *announcer) onEvent(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	switch ev.Kind {
	case mptcp.PathLocalDown:
		for i, a := range m.told {
			if a == ev.Local {
				m.told = append(m.told[:i], m.told[i+1:]...)
				return
			}
		}
	case mptcp.PathKeyed, mptcp.PathEstablished, mptcp.PathLocalUp:
		for _, l := range act.Local {
			if l.Addr != initialSource(act) && !m.knows(l.Addr) {
				m.told = append(m.told, l.Addr)
				act.Announce(l.ID, netip.AddrPortFrom(l.Addr, 0))
			}
		}
	}
}

func (m *announcer) knows(a netip.Addr) bool {
	for _, b := range m.told {
		if a == b {
			return true
		}
	}
	return false
}
