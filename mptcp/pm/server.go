package pm

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// server lets the side that did not open the connection open the subflows, which
// RFC 8684 allows (section 3.2: "either host") and deployed stacks leave to the
// client, since clients stand behind NATs and firewalls (RFC 8041 section 3.3;
// draft-boucadair-mptcp-symmetric).
//
//   - The passive side opens a subflow from each of its addresses to each of the
//     client's: that of the initial subflow, and those that the client announces.
//     A pair is tried once, and again when the client announces the address again.
//   - The client announces its addresses (announce), and opens nothing.
//
// What must be so for it to work is not the path manager's business: nothing in the
// path drops the SYN, and the client's stack takes a join at a port where it does
// not listen (Linux does not: Profile.JoinNeedsListener).

var serverParams = []cc.Param{
	{Name: "announce", Doc: "1: the client announces its other addresses", Default: 1, Max: 1, Whole: true},
	{Name: "delay", Doc: "seconds until a new pair is connected", Max: 3600},
}

var serverSpec = Spec{
	Name:   "server",
	Doc:    "the side that was dialled opens the subflows",
	Params: serverParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &serverOpens{announces: p.Get(serverParams, "announce") == 1, delay: duration(p, serverParams, "delay")}
	},
}

type serverOpens struct {
	announces bool
	delay     sim.Duration
	announcer announcer
	tried     tried
	waiting   bool
}

// OnEvent implements mptcp.PathManager.
func (m *serverOpens) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if act.Client {
		if m.announces {
			m.announcer.onEvent(&ev, act)
		}
		return
	}
	m.tried.onEvent(&ev, act)
	switch ev.Kind {
	case mptcp.PathTimer:
		m.waiting = false
		m.tried.openAll(act, maxPairs)
		return
	case mptcp.PathEstablished, mptcp.PathLocalUp, mptcp.PathAddrAdded:
	default:
		return
	}
	if !act.Established {
		return
	}
	if m.delay == 0 {
		m.tried.openAll(act, maxPairs)
	} else if !m.waiting {
		m.waiting = true
		act.After(m.delay, 0)
	}
}
