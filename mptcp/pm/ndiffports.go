package pm

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// ndiffports, of out-of-tree Linux (net/mptcp/mptcp_ndiffports.c): several subflows
// between one pair of addresses, which differ in the client's port only, so that
// load balancing by 5-tuples spreads them (SIGCOMM'11 "Improving datacenter
// performance and robustness with Multipath TCP"; RFC 8041 section 3.4).
//
//   - Only the side that opened the connection acts, once, when the connection is
//     fully established: it opens as many subflows to the initial address as are
//     missing to num_subflows.
//   - A subflow that ends is not replaced. Addresses of either side do not count.
//
// The local ports are what the flow's port policy gives: with "same" the second
// subflow finds its port taken and gets another one.

var ndiffportsParams = []cc.Param{
	{Name: "num_subflows", Doc: "subflows, the initial one included", Default: 2, Min: 1, Max: 64, Whole: true},
}

var ndiffportsSpec = Spec{
	Name:   "ndiffports",
	Doc:    "several subflows between the two initial addresses, from different ports (out-of-tree Linux)",
	Params: ndiffportsParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &ndiffports{n: int(p.Get(ndiffportsParams, "num_subflows"))}
	},
}

type ndiffports struct{ n int }

// OnEvent implements mptcp.PathManager.
func (m *ndiffports) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if ev.Kind != mptcp.PathEstablished || !act.Client || act.JoinDenied {
		return
	}
	for i := len(act.Subflows); i < m.n; i++ {
		act.Open(initialSource(act), act.Remote[0].Addr, false)
	}
}
