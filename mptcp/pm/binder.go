package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// binder, of out-of-tree Linux (net/mptcp/mptcp_binder.c): one subflow through each
// gateway of a community network, beside the initial one (Boccassi, Fayed and
// Marina, "Binder: a system to aggregate multiple internet gateways in community
// networks", 2013). All go between the two initial addresses.
//
//   - The side that opened the connection acts, once, when the connection is fully
//     established: a subflow for each of gateways.
//   - The n-th gateway's subflow leaves from local port port+n, n from 1: the network
//     pins that port to the gateway's way, in a scenario by [[route]] with sport, and
//     with dport for the way back. A subflow whose port is taken is not opened.
//   - A subflow that ends is not replaced.
//
// Departure: Linux puts the gateways' addresses into a loose source route option of
// IPv4. There are no IPv4 options here; policy routing by port leads the same way,
// with none of the reasons for which routers drop source routes. So IPv6 works, too.

var binderParams = []cc.Param{
	{Name: "gateways", Doc: "gateways, each with a subflow beside the initial one", Default: 2, Min: 1, Max: 10, Whole: true},
	{Name: "port", Doc: "the n-th gateway's subflow leaves from this local port plus n", Default: 41000, Min: 1024, Max: 65000, Whole: true},
}

var binderSpec = Spec{
	Name:   "binder",
	Doc:    "a subflow through each gateway, pinned by its local port (out-of-tree Linux)",
	Params: binderParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &binder{gateways: int(p.Get(binderParams, "gateways")), port: uint16(p.Get(binderParams, "port"))}
	},
}

type binder struct {
	gateways int
	port     uint16
}

// OnEvent implements mptcp.PathManager.
func (m *binder) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if ev.Kind != mptcp.PathEstablished || !act.Client || act.JoinDenied {
		return
	}
	for i := 1; i <= m.gateways; i++ {
		act.OpenPort(netip.AddrPortFrom(initialSource(act), m.port+uint16(i)), act.Remote[0].Addr, false)
	}
}
