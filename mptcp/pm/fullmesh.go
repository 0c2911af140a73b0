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
//   - Subflows from addresses with the backup flag are backups; with backup = 1 all
//     are but those from the address of the initial subflow.
//   - At most eight addresses on either side and family count.
//   - Addresses that the peer announces are meshed, too. One that it announces
//     again is tried again where it failed (RFC 8684 section 3.4.1); one that it
//     withdraws takes its pairs with it.
//   - A pair whose subflow the peer has opened, from an address that it announces
//     or with the id of one, is not opened (RFC 8684 section 3.4).
//   - The initial address of a peer that denies subflows to it is left out.
//   - A reset with a reason (MP_TCPRST) is obeyed: without the flag T its pair stays
//     as it is; with it, a pair that lacked resources or performed badly waits five
//     times as long (RFC 8684 section 3.6).
//
// Departures: Linux gathers address events for 500 ms and opens subflows from a
// worker, one at a time; here both happen at once. Linux announces all addresses
// of both sides and opens from the client only; here announce and both_sides say
// so.

var fullMeshParams = []cc.Param{
	{Name: "num_subflows", Doc: "subflows per pair of addresses", Default: 1, Min: 1, Max: 8, Whole: true},
	{Name: "create_on_err", Doc: "1: open a subflow again that was reset or timed out", Max: 1, Whole: true},
	{Name: "retry_delay", Doc: "seconds until it is opened again", Default: 1, Min: 0.001, Max: 3600},
	{Name: "announce", Doc: "1: announce the other addresses of the host to the peer", Max: 1, Whole: true},
	{Name: "both_sides", Doc: "1: the side that did not open the connection opens subflows, too", Max: 1, Whole: true},
	{Name: "backup", Doc: "1: subflows from other addresses than that of the initial one are backups", Max: 1, Whole: true},
	{Name: "join_delay", Doc: "seconds; a random part of them passes before an announced address is connected to, lest both sides do", Max: 60},
}

var fullMeshSpec = Spec{
	Name:   "fullmesh",
	Doc:    "a subflow between each pair of the client's and the server's addresses (out-of-tree Linux)",
	Params: fullMeshParams,
	New: func(p cc.Params, rnd *sim.Rand) mptcp.PathManager {
		return &fullMesh{
			perPair:     int(p.Get(fullMeshParams, "num_subflows")),
			createOnErr: p.Get(fullMeshParams, "create_on_err") == 1,
			delay:       duration(p, fullMeshParams, "retry_delay"),
			announces:   p.Get(fullMeshParams, "announce") == 1,
			bothSides:   p.Get(fullMeshParams, "both_sides") == 1,
			joinDelay:   duration(p, fullMeshParams, "join_delay"),
			backups:     p.Get(fullMeshParams, "backup") == 1,
			rnd:         rnd,
		}
	},
}

// Reasons of MP_TCPRST after which a pair waits longer (RFC 8684 section 3.6).
const (
	rstResources   = 2
	rstPerformance = 5
)

// maxAddrs bounds the addresses of a side and family (MPTCP_MAX_ADDR).
const maxAddrs = 8

type fullMesh struct {
	perPair     int
	createOnErr bool
	delay       sim.Duration
	announces   bool
	bothSides   bool
	joinDelay   sim.Duration
	rnd         *sim.Rand
	started     bool
	pairs       []pair
	announcer   announcer
	// backups: all subflows are backups but those from the address of the initial
	// one, which is source.
	backups bool
	source  netip.Addr
	// later is how much longer than after a reset it takes until a subflow is opened
	// again that timed out or had no route.
	later sim.Duration
}

// pair is a local and a remote address that have been looked at.
type pair struct {
	local  netip.Addr
	remote netip.AddrPort
	due    int  // subflows still to be ordered
	again  bool // that could not be sent for was tried again
	wait   bool // for the random delay of an announced address
	free   bool // the entry can be used again
	// use counts how often the entry was used again: timers of an earlier pair do
	// not act on this one.
	use uint16
}

// tag is what a timer of the entry at an index is given.
func (p *pair) tag(index int) uint32 { return uint32(p.use)<<16 | uint32(index) }

// OnEvent implements mptcp.PathManager.
func (m *fullMesh) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if m.announces {
		m.announcer.onEvent(&ev, act)
	}
	if !act.Client && !m.bothSides {
		return
	}
	switch ev.Kind {
	case mptcp.PathEstablished:
		if !known(act, initialSource(act)) {
			return // not one of the host's addresses: stay away (Linux)
		}
		m.started = true
		m.source = initialSource(act)
	case mptcp.PathSubflowDown:
		m.down(ev, act)
	case mptcp.PathLocalDown:
		m.forget(func(p *pair) bool { return p.local == ev.Local })
	case mptcp.PathAddrRemoved:
		m.forgetGone(act)
	case mptcp.PathAddrAdded:
		m.forgetGone(act) // an id may have changed its address
		if ev.Again {
			m.refresh(ev.Remote, act)
		}
	case mptcp.PathTimer:
		if i := int(ev.Tag & 0xffff); i < len(m.pairs) && !m.pairs[i].free && m.pairs[i].tag(i) == ev.Tag {
			p := &m.pairs[i]
			p.wait = false
			p.due = m.lacking(p, idOf(p.remote, act), act)
		}
	}
	if m.started {
		m.mesh(act)
	}
}

// mesh orders what is due.
func (m *fullMesh) mesh(act *mptcp.PathActions) {
	for _, r := range first(act.Remote, func(r mptcp.PathRemote) bool { return r.Addr.Addr().Is4() }) {
		if r.ID == 0 && act.JoinDenied {
			continue
		}
		for _, l := range first(act.Local, func(l mptcp.PathLocal) bool { return l.Addr.Is4() }) {
			if l.Addr.Is4() != r.Addr.Addr().Is4() {
				continue
			}
			p := m.pair(l.Addr, r.Addr, r.ID, act)
			for ; p.due > 0; p.due-- {
				backup := l.Flags&mptcp.AddrBackup != 0 || m.backups && l.Addr != m.source
				act.OpenTo(l.Addr, r.Addr, r.ID, backup)
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
// as it lacks; one of an announced address after a random delay.
func (m *fullMesh) pair(local netip.Addr, remote netip.AddrPort, id uint8, act *mptcp.PathActions) *pair {
	place := len(m.pairs)
	for i := range m.pairs {
		p := &m.pairs[i]
		if p.free {
			place = min(place, i)
		} else if p.local == local && p.remote == remote {
			return p
		}
	}
	if place == len(m.pairs) {
		m.pairs = append(m.pairs, pair{})
	}
	p := &m.pairs[place]
	*p = pair{local: local, remote: remote, use: p.use}
	if id != 0 && m.joinDelay > 0 {
		p.wait = true
		act.After(sim.Duration(m.rnd.IntN(uint64(m.joinDelay)))+1, p.tag(place))
		return p
	}
	p.due = m.lacking(p, id, act)
	return p
}

// lacking returns how many subflows a pair lacks. One that the peer has opened
// counts by its address, or by the id that its MP_JOIN named.
func (m *fullMesh) lacking(p *pair, id uint8, act *mptcp.PathActions) int {
	n := m.perPair
	for i := range act.Subflows {
		f := &act.Subflows[i]
		if f.Local == p.local && (f.Remote == p.remote ||
			!f.Active && (f.Remote.Addr() == p.remote.Addr() || id != 0 && f.RemoteID == id)) {
			n--
		}
	}
	return max(n, 0)
}

// idOf is the id that the peer has announced an address under, or 0.
func idOf(remote netip.AddrPort, act *mptcp.PathActions) uint8 {
	for _, r := range act.Remote {
		if r.Addr == remote {
			return r.ID
		}
	}
	return 0
}

// refresh tries the pairs of an address again that have no subflow.
func (m *fullMesh) refresh(remote netip.AddrPort, act *mptcp.PathActions) {
	id := idOf(remote, act)
	for i := range m.pairs {
		if p := &m.pairs[i]; !p.free && !p.wait && p.remote == remote {
			p.due = m.lacking(p, id, act)
		}
	}
}

// down decides whether a subflow that has ended is opened again.
func (m *fullMesh) down(ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !m.started || !known(act, ev.Local) || !reachable(act, ev.Remote) {
		return // from a port of the peer's own, or an address has gone: nothing to mesh
	}
	p := m.pair(ev.Local, ev.Remote, ev.ID, act)
	again := false
	delay := m.delay
	switch ev.Why {
	case trace.Graceful, trace.PathManagerRequest, trace.AddressRemoved:
	case trace.Unreachable:
		again = m.createOnErr || !p.again
		p.again = true
		delay += m.later
	default:
		again = m.createOnErr && (!ev.HasCode || ev.Transient)
		if ev.HasCode && (ev.Code == rstResources || ev.Code == rstPerformance) {
			delay *= 5
		}
		if ev.Why == trace.TimedOut {
			delay += m.later
		}
	}
	if !again {
		return
	}
	for i := range m.pairs {
		if &m.pairs[i] == p {
			act.After(delay, p.tag(i))
		}
	}
}

// forget frees the entries of pairs, so that they are new when they are seen again.
func (m *fullMesh) forget(which func(*pair) bool) {
	for i := range m.pairs {
		if p := &m.pairs[i]; !p.free && which(p) {
			*p = pair{free: true, use: p.use + 1}
		}
	}
}

// forgetGone makes the pairs of addresses new that the peer has withdrawn.
func (m *fullMesh) forgetGone(act *mptcp.PathActions) {
	m.forget(func(p *pair) bool { return !reachable(act, p.remote) })
}
