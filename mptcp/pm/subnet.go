package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// subnet prefers subflows within a subnet (RFC 8041 section 3.4, figure 3): two
// hosts on two switches use host1-switch1-host2 and host1-switch2-host2, and not
// the pairs that cross.
//
//   - The side that opened the connection acts, once it is established; both sides
//     announce their addresses.
//   - Each address of the host that shares a prefix with addresses of the peer gets
//     one subflow to one of them. If there are several, as where all addresses are
//     of one subnet (the case that the text calls more difficult), the n-th such
//     address of the host takes the n-th of the peer, in the order in which either
//     is known, counted in a circle.
//   - An address that shares its prefix with none of the peer's gets no subflow.
//   - on_failure says what happens when a subflow fails ("the policy should
//     probably also specify how the subflow manager should react"): 0 nothing, 1 it
//     is opened again after retry_delay, 2 a subflow is opened between the addresses
//     of different subnets that are not linked yet, the first such pair.

var subnetParams = []cc.Param{
	{Name: "prefix4", Doc: "bits of IPv4 addresses that a subnet shares", Default: 24, Min: 1, Max: 32, Whole: true},
	{Name: "prefix6", Doc: "bits of IPv6 addresses that a subnet shares", Default: 64, Min: 1, Max: 128, Whole: true},
	{Name: "on_failure", Doc: "0: nothing, 1: open the subflow again, 2: cross to another subnet", Default: 2, Max: 2, Whole: true},
	{Name: "retry_delay", Doc: "seconds until a subflow is opened again", Default: 1, Min: 0.001, Max: 3600},
}

var subnetSpec = Spec{
	Name:   "subnet",
	Doc:    "one subflow within each subnet that both hosts have an address in (RFC 8041 section 3.4)",
	Params: subnetParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &subnet{
			bits4:     int(p.Get(subnetParams, "prefix4")),
			bits6:     int(p.Get(subnetParams, "prefix6")),
			onFailure: int(p.Get(subnetParams, "on_failure")),
			delay:     duration(p, subnetParams, "retry_delay"),
		}
	},
}

type subnet struct {
	bits4, bits6, onFailure int
	delay                   sim.Duration

	started   bool
	announcer announcer
	tried     tried
	again     []netip.Addr // local addresses whose subflow is to be opened again, by timer
}

// What to do when a subflow fails.
const (
	failIgnore = iota
	failAgain
	failCross
)

// OnEvent implements mptcp.PathManager.
func (m *subnet) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	m.announcer.onEvent(&ev, act)
	if !act.Client {
		return
	}
	m.tried.onEvent(&ev, act)
	switch ev.Kind {
	case mptcp.PathEstablished:
		m.started = true
	case mptcp.PathSubflowDown:
		m.failed(&ev, act)
	case mptcp.PathTimer:
		if i := int(ev.Tag); i < len(m.again) {
			m.tried.forget(m.again[i])
		}
	}
	if m.started {
		m.link(act)
	}
}

// link opens the subflow of each address that has none.
func (m *subnet) link(act *mptcp.PathActions) {
	for i := range act.Local {
		l := &act.Local[i]
		n := 0 // place among the addresses of the subnet
		for k := range i {
			if m.same(act.Local[k].Addr, l.Addr) {
				n++
			}
		}
		r := m.partner(act, l, n)
		if r != nil && may(act, l, r) && !linked(act, l.Addr, r) && m.tried.add(l.Addr, r.Addr) {
			open(act, l, r)
		}
	}
}

// partner is the n-th address of the peer in the subnet of a local one.
func (m *subnet) partner(act *mptcp.PathActions, l *mptcp.PathLocal, n int) *mptcp.PathRemote {
	var of []*mptcp.PathRemote
	for i := range act.Remote {
		if r := &act.Remote[i]; m.same(l.Addr, r.Addr.Addr()) {
			of = append(of, r)
		}
	}
	if len(of) == 0 {
		return nil
	}
	return of[n%len(of)]
}

// same reports whether two addresses share a subnet.
func (m *subnet) same(a, b netip.Addr) bool {
	if a.Is4() != b.Is4() {
		return false
	}
	bits := m.bits6
	if a.Is4() {
		bits = m.bits4
	}
	p, err := a.Prefix(bits)
	return err == nil && p.Contains(b)
}

// failed acts on the end of a subflow.
func (m *subnet) failed(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	if !m.started || ev.Why == trace.Graceful || ev.Why == trace.PathManagerRequest || ev.HasCode && !ev.Transient {
		return
	}
	if reachable(act, ev.Remote) {
		m.tried.add(ev.Local, ev.Remote) // of the initial subflow it is new
	}
	switch m.onFailure {
	case failAgain:
		for i, a := range m.again {
			if a == ev.Local {
				act.After(m.delay, uint32(i))
				return
			}
		}
		m.again = append(m.again, ev.Local)
		act.After(m.delay, uint32(len(m.again)-1))
	case failCross:
		m.tried.openAll(act, 1)
	}
}
