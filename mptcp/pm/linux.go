package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// linux, the in-kernel path manager of upstream Linux 6.18
// (net/mptcp/pm_kernel.c). It works by the host's configuration: the addresses of
// Endpoint.AddAddr with their flags, and the limits of Endpoint.SetPathLimits.
//
//   - Once the connection is established, addresses with the flag signal are
//     announced one after the other: the next when the last was echoed, was
//     repeated in vain, or when a subflow came up. That of the initial subflow is
//     not announced.
//   - From each address with the flag subflow a subflow is opened to the address
//     of the initial one; with fullmesh to every address of the peer that a subflow
//     goes to. Addresses with both signal and subflow do both.
//   - An announced address is connected to if the limits allow: from whatever
//     address the route gives, or from all addresses with fullmesh, or from the
//     first unused one with laminar.
//   - Each address is used once in a connection; a subflow that failed is not
//     opened again. It makes room for the next address.
//   - If the peer denies subflows to its initial address (flag C), only announced
//     addresses are used; on a host whose limits accept none, one is, from the
//     addresses with subflow.
//   - Addresses that are configured, removed or changed take effect on
//     connections that are established.
//
// Both sides do all this. Departures: addresses are per host, not per network
// namespace and device; the source address towards an announced one is chosen by
// the longest common prefix.

var linuxSpec = Spec{
	Name: "linux",
	Doc:  "the in-kernel path manager of Linux 6.18: by the endpoints and limits of the host",
	New:  func(cc.Params, *sim.Rand) mptcp.PathManager { return &linux{} },
}

// linux is struct mptcp_pm_data with what pm_kernel.c does to it.
type linux struct {
	started bool
	used    [256]bool // id_avail_bitmap, inverted
	// announced are the ids told to the peer, by the id of the endpoint.
	announced [256]bool
	// mpcID is the configured id of the address of the initial subflow; accounted:
	// it was looked up.
	mpcID     uint8
	accounted bool

	signaled  int  // add_addr_signaled
	localUsed int  // local_addr_used
	accepted  int  // add_addr_accepted
	pending   bool // work_pending
	accept    bool // accept_addr
	opened    int  // subflows ordered in this call
}

// OnEvent implements mptcp.PathManager.
func (m *linux) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	m.opened = 0
	if !m.started {
		m.start(act)
	}
	switch ev.Kind {
	case mptcp.PathKeyed, mptcp.PathEstablished, mptcp.PathSubflowUp, mptcp.PathAddrEchoed, mptcp.PathAddrLost:
		if m.pending {
			m.work(act)
		}
	case mptcp.PathSubflowDown:
		if m.checkPending(act) {
			m.work(act)
		}
	case mptcp.PathAddrAdded:
		m.addrAdded(&ev, act)
	case mptcp.PathAddrRemoved:
		m.addrRemoved(&ev, act)
	case mptcp.PathEndpointAdded:
		if m.accounted && m.mpcID == 0 && ev.Endpoint.Addr == initialSource(act) {
			m.mpcID = ev.Endpoint.ID
		}
		m.work(act)
	case mptcp.PathEndpointRemoved:
		m.endpointRemoved(&ev.Endpoint, act)
	case mptcp.PathEndpointChanged:
		m.endpointChanged(&ev, act)
	}
}

// start is mptcp_pm_data_reset.
func (m *linux) start(act *mptcp.PathActions) {
	m.started = true
	m.pending = count(act, mptcp.AddrSubflow) > 0 && act.Limit > 0 || count(act, mptcp.AddrSignal) > 0
	m.accept = act.AddAddrAccepted > 0 && act.Limit > 0
}

// count returns how many endpoints have a flag (endp_signal_max and its like).
func count(act *mptcp.PathActions, f mptcp.AddrFlags) (n int) {
	for i := range act.Endpoints {
		if act.Endpoints[i].Flags&f != 0 {
			n++
		}
	}
	return n
}

// extra is pm.extra_subflows: every subflow but the initial one that either side
// has opened; those that the peer is opening do not count yet.
func (m *linux) extra(act *mptcp.PathActions) int {
	n := m.opened
	for i := range act.Subflows {
		if f := &act.Subflows[i]; f.Joined && !f.HalfOpen {
			n++
		}
	}
	return n
}

// work is mptcp_pm_create_subflow_or_signal_addr.
func (m *linux) work(act *mptcp.PathActions) {
	m.accountInitial(act)
	both := m.announce(act)
	if m.denied(act) || !act.Established {
		return // to be continued when an event says so
	}
	for m.localUsed < count(act, mptcp.AddrSubflow) && m.extra(act) < act.Limit {
		e := both
		both = nil
		if e == nil {
			if e = m.unused(act, mptcp.AddrSubflow); e == nil {
				break
			}
		}
		m.used[e.ID] = true
		if e.ID != m.mpcID {
			m.localUsed++ // not for id 0
		}
		m.openFrom(e, act)
	}
	m.checkPending(act)
}

// accountInitial marks the endpoint of the initial subflow's address as used
// (mptcp_mpc_endpoint_setup), and tells the peer if it is a backup.
func (m *linux) accountInitial(act *mptcp.PathActions) {
	if m.accounted {
		return
	}
	m.accounted = true
	a := initialSource(act)
	for i := range act.Endpoints {
		e := &act.Endpoints[i]
		if e.Addr != a || e.Port != 0 {
			continue
		}
		m.used[e.ID] = true
		m.mpcID = e.ID
		if e.Flags&mptcp.AddrBackup != 0 {
			act.SetBackup(0, true)
		}
		return
	}
}

// announce tells the peer of one address more, and returns its endpoint if
// subflows are to come from it, too.
func (m *linux) announce(act *mptcp.PathActions) (both *mptcp.AddrConfig) {
	if m.signaled >= count(act, mptcp.AddrSignal) {
		return nil
	}
	e := m.unused(act, mptcp.AddrSignal)
	if e == nil {
		return nil
	}
	m.used[e.ID] = true
	m.announced[e.ID] = true
	m.signaled++
	act.Announce(m.wireID(e.ID), netip.AddrPortFrom(e.Addr, e.Port))
	if e.Flags&mptcp.AddrSubflow != 0 {
		return e
	}
	return nil
}

// unused returns the first endpoint with a flag that the connection has not used.
func (m *linux) unused(act *mptcp.PathActions, f mptcp.AddrFlags) *mptcp.AddrConfig {
	for i := range act.Endpoints {
		if e := &act.Endpoints[i]; e.Flags&f != 0 && !m.used[e.ID] {
			return e
		}
	}
	return nil
}

// wireID is the address id that the peer knows an endpoint by.
func (m *linux) wireID(id uint8) uint8 {
	if id == m.mpcID {
		return 0
	}
	return id
}

// openFrom opens subflows from an endpoint (fill_remote_addresses_vec).
func (m *linux) openFrom(e *mptcp.AddrConfig, act *mptcp.PathActions) {
	first := act.Remote[0].Addr
	if e.Flags&mptcp.AddrFullmesh == 0 {
		if !act.JoinDenied && sameFamily(e.Addr, first.Addr()) {
			m.open(e, first, 0, act)
		}
		return
	}
	var taken [256]bool // ids of the peer that a subflow from here goes to
	id := m.wireID(e.ID)
	for i := range act.Subflows {
		if f := &act.Subflows[i]; f.LocalID == id {
			taken[f.RemoteID] = true
		}
	}
	for i := range act.Subflows {
		f := &act.Subflows[i]
		if taken[f.RemoteID] || act.JoinDenied && f.RemoteID == 0 || !sameFamily(e.Addr, f.Remote.Addr()) {
			continue
		}
		if m.extra(act) >= act.Limit {
			return
		}
		taken[f.RemoteID] = true
		m.open(e, f.Remote, f.RemoteID, act)
	}
}

func (m *linux) open(e *mptcp.AddrConfig, to netip.AddrPort, id uint8, act *mptcp.PathActions) {
	m.opened++
	act.OpenTo(e.Addr, to, id, e.Flags&mptcp.AddrBackup != 0)
}

func sameFamily(a, b netip.Addr) bool { return a.Is4() == b.Is4() }

// denied is mptcp_pm_add_addr_c_flag_case: the peer denies subflows to its
// initial address, and announced ones are not accepted by the limits.
func (m *linux) denied(act *mptcp.PathActions) bool {
	return act.JoinDenied && m.localUsed == 0 && act.AddAddrAccepted == 0 && m.extra(act) < act.Limit
}

// checkPending is mptcp_pm_nl_check_work_pending.
func (m *linux) checkPending(act *mptcp.PathActions) bool {
	m.pending = false
	if m.extra(act) != act.Limit {
		for i := range act.Endpoints {
			if !m.used[act.Endpoints[i].ID] {
				m.pending = true
			}
		}
	}
	return m.pending
}

// addrAdded is mptcp_pm_add_addr_received and mptcp_pm_nl_add_addr_received.
func (m *linux) addrAdded(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	if ev.ID == 0 && ev.Remote != act.Remote[0].Addr || ev.ID > 0 && !m.accept && !m.denied(act) {
		return
	}
	m.accountInitial(act)
	for i := range act.Subflows {
		// lookup_subflow_by_daddr
		if act.Subflows[i].Remote == ev.Remote {
			return
		}
	}
	if !m.connectTo(ev, act) {
		return
	}
	if ev.ID != 0 {
		m.accepted++
	}
	if m.accepted >= act.AddAddrAccepted || m.extra(act) >= act.Limit {
		m.accept = false
	}
}

// connectTo opens subflows to an announced address (fill_local_addresses_vec),
// and reports whether it did.
func (m *linux) connectTo(ev *mptcp.PathEvent, act *mptcp.PathActions) bool {
	denied := ev.ID != 0 && m.denied(act)
	before := m.opened
	switch {
	case count(act, mptcp.AddrFullmesh) > 0:
		m.connectFrom(ev, act, mptcp.AddrFullmesh, denied)
	case count(act, mptcp.AddrLaminar) > 0:
		m.connectFrom(ev, act, mptcp.AddrLaminar, denied)
	case denied:
		m.connectFrom(ev, act, mptcp.AddrSubflow, denied)
	case m.extra(act) < act.Limit:
		m.opened++
		act.OpenTo(netip.Addr{}, ev.Remote, ev.ID, false)
	}
	return m.opened > before
}

// connectFrom opens subflows from endpoints with a flag: all with fullmesh, the
// first unused one with laminar, all unused ones where the peer denies its
// initial address.
func (m *linux) connectFrom(ev *mptcp.PathEvent, act *mptcp.PathActions, flag mptcp.AddrFlags, denied bool) {
	for i := range act.Endpoints {
		e := &act.Endpoints[i]
		if e.Flags&flag == 0 || !sameFamily(e.Addr, ev.Remote.Addr()) {
			continue
		}
		if m.extra(act) >= act.Limit {
			return
		}
		if flag != mptcp.AddrFullmesh {
			if m.used[e.ID] {
				continue
			}
			m.take(e)
		} else if denied && e.Flags&mptcp.AddrSubflow != 0 {
			m.take(e)
		}
		m.open(e, ev.Remote, ev.ID, act)
		if flag == mptcp.AddrLaminar {
			return
		}
	}
}

// take marks an endpoint as used for a subflow.
func (m *linux) take(e *mptcp.AddrConfig) {
	m.used[e.ID] = true
	if e.ID != m.mpcID && e.Flags&mptcp.AddrSubflow != 0 {
		m.localUsed++
	}
}

// addrRemoved is mptcp_pm_nl_rm_addr: the address was in use, so that another may
// be accepted.
func (m *linux) addrRemoved(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	if ev.ID != 0 && ev.Closed > 0 && m.accepted > 0 {
		m.accepted--
		m.accept = m.accept || m.accepted < act.AddAddrAccepted
	}
}

// endpointRemoved is mptcp_nl_remove_subflow_and_signal_addr, and for the address
// of the initial subflow, whatever its id, mptcp_nl_remove_id_zero_address.
func (m *linux) endpointRemoved(e *mptcp.AddrConfig, act *mptcp.PathActions) {
	if !e.Addr.IsValid() {
		act.Remove(0)
		act.CloseFrom(0)
		m.release(0)
		return
	}
	id := m.wireID(e.ID)
	from := false
	for i := range act.Subflows {
		from = from || act.Subflows[i].LocalID == id && act.Subflows[i].Local == e.Addr
	}
	told := m.announced[e.ID]
	if told {
		m.announced[e.ID] = false
		m.used[e.ID] = false
		m.signaled--
	}
	if told || from && e.Flags&mptcp.AddrImplicit == 0 {
		act.Remove(id)
	}
	if from {
		act.CloseFrom(id)
	}
	if e.Flags&mptcp.AddrSubflow != 0 {
		m.release(id)
	}
	if e.ID == m.mpcID {
		m.mpcID = 0
	}
}

// release is __mark_subflow_endp_available.
func (m *linux) release(id uint8) {
	e := id
	if id == 0 {
		e = m.mpcID
	}
	if m.used[e] && id != 0 && m.localUsed > 0 {
		m.localUsed--
	}
	m.used[e] = false
}

// endpointChanged is mptcp_pm_nl_set_flags_all: one subflow from the address
// tells the peer of its priority; a change of fullmesh opens them anew.
func (m *linux) endpointChanged(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	e := &ev.Endpoint
	if ev.Changed&mptcp.AddrBackup != 0 {
		for i := range act.Subflows {
			if f := &act.Subflows[i]; f.Local == e.Addr && !f.HalfOpen {
				act.SetBackup(f.Flow, e.Flags&mptcp.AddrBackup != 0)
				break
			}
		}
	}
	if ev.Changed&mptcp.AddrFullmesh != 0 && e.Flags&mptcp.AddrSubflow != 0 {
		id := m.wireID(e.ID)
		act.CloseFrom(id)
		m.release(id)
		rest := act.Subflows[:0]
		for _, f := range act.Subflows {
			if f.LocalID != id {
				rest = append(rest, f)
			}
		}
		act.Subflows = rest // those that are being closed do not count
		m.work(act)
	}
}
