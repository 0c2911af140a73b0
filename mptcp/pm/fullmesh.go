package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// fullMesh, the path manager of out-of-tree Linux (net/mptcp/mptcp_fullmesh.c)
// on which most papers were measured: a subflow between each of the client's
// addresses and each of the server's.
//
//   - Only the side that opened the connection acts, from when the connection is
//     fully established.
//   - For each address of the peer in turn, each local address of the family that
//     is up, in the order in which the host got them, gets num_subflows subflows.
//     The initial subflow counts.
//   - Every such pair is tried once. With create_on_err a subflow that ended by a
//     reset or a timeout is opened again after a delay; without, the pair stays
//     as it is. A subflow that could not even be sent for is tried once more
//     after the delay.
//   - A local address that comes (back) is meshed at once; one that goes takes its
//     pairs with it.
//   - Subflows from addresses with the backup flag are backups.
//   - At most eight addresses on either side and family count.
//
// Departures: Linux gathers address events for 500 ms and opens subflows from a
// worker, one at a time; here both happen at once. Announcing our addresses to
// the peer belongs to ADD_ADDR.

var fullMeshParams = []cc.Param{
	{Name: "num_subflows", Doc: "subflows per pair of addresses", Default: 1, Min: 1, Max: 8, Whole: true},
	{Name: "create_on_err", Doc: "1: open a subflow again that was reset or timed out", Max: 1, Whole: true},
	{Name: "retry_delay", Doc: "seconds until it is opened again", Default: 1, Min: 0.001, Max: 3600},
}

var fullMeshSpec = Spec{
	Name:   "fullmesh",
	Doc:    "a subflow between each pair of the client's and the server's addresses (out-of-tree Linux)",
	Params: fullMeshParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &fullMesh{
			perPair:     int(p.Get(fullMeshParams, "num_subflows")),
			createOnErr: p.Get(fullMeshParams, "create_on_err") == 1,
			delay:       sim.Duration(p.Get(fullMeshParams, "retry_delay") * float64(sim.Second)),
		}
	},
}

// maxAddrs bounds the addresses of a side and family (MPTCP_MAX_ADDR).
const maxAddrs = 8

type fullMesh struct {
	perPair     int
	createOnErr bool
	delay       sim.Duration
	started     bool
	pairs       []pair
}

// pair is a local and a remote address that have been looked at.
type pair struct {
	local  netip.Addr
	remote netip.AddrPort
	due    int  // subflows still to be ordered
	again  bool // that could not be sent for was tried again
}

// OnEvent implements mptcp.PathManager.
func (m *fullMesh) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client {
		return
	}
	switch ev.Kind {
	case mptcp.PathEstablished:
		if !known(act, initialSource(act)) {
			return // not one of the host's addresses: stay away (Linux)
		}
		m.started = true
	case mptcp.PathSubflowDown:
		m.down(ev, act)
	case mptcp.PathLocalDown:
		m.forget(ev.Local)
	case mptcp.PathTimer:
		if i := int(ev.Tag); i < len(m.pairs) {
			m.pairs[i].due = max(m.pairs[i].due, 1)
		}
	}
	if m.started {
		m.mesh(act)
	}
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

// mesh orders what is due.
func (m *fullMesh) mesh(act *mptcp.PathActions) {
	for _, r := range first(act.Remote, func(r mptcp.PathRemote) bool { return r.Addr.Addr().Is4() }) {
		for _, l := range first(act.Local, func(l mptcp.PathLocal) bool { return l.Addr.Is4() }) {
			if l.Addr.Is4() != r.Addr.Addr().Is4() {
				continue
			}
			p := m.pair(l.Addr, r.Addr, act)
			for ; p.due > 0; p.due-- {
				act.Open(l.Addr, r.Addr, l.Flags&mptcp.AddrBackup != 0)
			}
		}
	}
}

// first returns the first addresses of each family.
func first[T any](all []T, is4 func(T) bool) []T {
	var n4, n6 int
	var out []T
	for _, a := range all {
		n := &n6
		if is4(a) {
			n = &n4
		}
		if *n < maxAddrs {
			*n++
			out = append(out, a)
		}
	}
	return out
}

// pair returns the entry of two addresses. A new one is due for as many subflows
// as it lacks.
func (m *fullMesh) pair(local netip.Addr, remote netip.AddrPort, act *mptcp.PathActions) *pair {
	for i := range m.pairs {
		if p := &m.pairs[i]; p.local == local && p.remote == remote {
			return p
		}
	}
	due := m.perPair
	for _, f := range act.Subflows {
		if f.Local == local && f.Remote == remote {
			due--
		}
	}
	m.pairs = append(m.pairs, pair{local: local, remote: remote, due: max(due, 0)})
	return &m.pairs[len(m.pairs)-1]
}

// down decides whether a subflow that has ended is opened again.
func (m *fullMesh) down(ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !m.started {
		return
	}
	p := m.pair(ev.Local, ev.Remote, act)
	again := false
	switch ev.Why {
	case trace.Graceful, trace.PathManagerRequest:
	case trace.Unreachable:
		again = m.createOnErr || !p.again
		p.again = true
	default:
		again = m.createOnErr
	}
	if !again || !known(act, ev.Local) {
		return
	}
	for i := range m.pairs {
		if &m.pairs[i] == p {
			act.After(m.delay, uint32(i))
		}
	}
}

// forget makes the pairs of a local address new.
func (m *fullMesh) forget(local netip.Addr) {
	for i := range m.pairs {
		if m.pairs[i].local == local {
			// The entry stays, because timers name it by its index.
			m.pairs[i] = pair{}
		}
	}
}
