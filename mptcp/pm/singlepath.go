package pm

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// singlePath, the single-path mode of Paasch et al., "Exploring Mobile/WiFi
// Handover with Multipath TCP" (CellNet'12), RFC 8041 section 2.2: break before
// make. The connection has one subflow at a time, so that other interfaces stay
// idle.
//
//   - Only the side that opened the connection acts.
//   - When the last subflow has ended, one is opened from the next address of the
//     host, in the order in which it got them; the address that failed comes last.
//     bring_up passes before, in which a radio wakes up.
//   - If there is no other address, or none of the right family, the connection
//     waits for one: RFC 8684 lets it live without subflows, and both sides keep
//     it for their close timeout. Data stays in the send queue.
//   - An attempt that fails is followed by one from the next address, retry_delay
//     later.
//   - Silent loss shows only in retransmission timeouts: with rto the subflow is
//     reset when its timeout has grown to that. 0 leaves it to the host to notice
//     that an address is gone, as in the paper.
//   - With prefer_first, when the address of the initial subflow comes back, the
//     present subflow is closed by a FIN and, when it is over, replaced by one from
//     there.
//
// Subflows always go to the initial address of the peer, or to the first one it has
// announced if it denies that.

var singlePathParams = []cc.Param{
	{Name: "bring_up", Doc: "seconds until an idle interface can send", Max: 60},
	{Name: "retry_delay", Doc: "seconds from a failed attempt to the next", Default: 1, Min: 0.001, Max: 3600},
	{Name: "rto", Doc: "seconds of retransmission timeout at which the subflow is given up; 0: never", Max: 120},
	{Name: "prefer_first", Doc: "1: return to the address of the initial subflow when it comes back", Default: 1, Max: 1, Whole: true},
}

var singlePathSpec = Spec{
	Name:   "singlepath",
	Doc:    "one subflow at a time, break before make (CellNet'12)",
	Params: singlePathParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &singlePath{
			bringUp:     duration(p, singlePathParams, "bring_up"),
			retryDelay:  duration(p, singlePathParams, "retry_delay"),
			rto:         duration(p, singlePathParams, "rto"),
			preferFirst: p.Get(singlePathParams, "prefer_first") == 1,
		}
	},
}

type singlePath struct {
	bringUp, retryDelay, rto sim.Duration
	preferFirst              bool

	started   bool
	source    netip.Addr // of the initial subflow
	last      netip.Addr // of the subflow that there is, or that failed last
	next      netip.Addr // to be used when the timer fires
	armed     bool
	timer     uint32 // tag of that timer; others are void
	attempt   bool   // a subflow was ordered and is not up yet
	returning bool   // to source, when what there is has ended
}

// Watches implements mptcp.PathWatcher.
func (m *singlePath) Watches() mptcp.PathWatch {
	if m.rto > 0 {
		return mptcp.WatchRTO
	}
	return 0
}

// OnEvent implements mptcp.PathManager.
func (m *singlePath) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client {
		return
	}
	switch ev.Kind {
	case mptcp.PathEstablished:
		m.started = true
		m.source = initialSource(act)
		m.last = m.source
	case mptcp.PathTimer:
		if m.armed && ev.Tag == m.timer {
			m.open(act)
		}
		return
	case mptcp.PathRTO:
		if m.rto > 0 && ev.RTO >= m.rto {
			m.last = ev.Local
			act.Reset(ev.Flow)
		}
		return
	case mptcp.PathLocalUp:
		if m.started && m.preferFirst && ev.Local == m.source && len(act.Subflows) > 0 {
			m.back(act)
			return
		}
	case mptcp.PathSubflowUp:
		m.attempt = false
		return
	}
	if m.returning && ev.Kind != mptcp.PathSubflowDown {
		return // until the FIN is through
	}
	if m.started && len(act.Subflows) == 0 {
		m.replace(&ev, act)
	}
}

// replace sees to the next subflow.
func (m *singlePath) replace(ev *mptcp.PathEvent, act *mptcp.PathActions) {
	if m.armed && known(act, m.next) {
		return
	}
	delay := m.bringUp
	if ev.Kind == mptcp.PathSubflowDown {
		m.last = ev.Local
		if m.attempt {
			m.attempt = false
			delay += m.retryDelay
		}
	}
	m.armed = false
	m.next = m.choose(act)
	switch {
	case !m.next.IsValid():
		return
	case m.next == m.last && ev.Kind == mptcp.PathSubflowDown:
		delay = max(delay, m.retryDelay) // there is no other
	}
	m.returning = false
	m.armed = true
	m.timer++
	if delay > 0 {
		act.After(delay, m.timer)
		return
	}
	m.open(act)
}

// choose returns the next address: that of the initial subflow on the way back to
// it, else the one that follows the last in a circle.
func (m *singlePath) choose(act *mptcp.PathActions) netip.Addr {
	if m.returning && known(act, m.source) {
		return m.source
	}
	from := 0
	for i := range act.Local {
		if act.Local[i].Addr == m.last {
			from = i + 1
		}
	}
	for i := range act.Local {
		l := &act.Local[(from+i)%len(act.Local)]
		if m.target(act, l) != nil {
			return l.Addr
		}
	}
	return netip.Addr{}
}

// target is the address of the peer to go to.
func (m *singlePath) target(act *mptcp.PathActions, l *mptcp.PathLocal) *mptcp.PathRemote {
	for i := range act.Remote {
		if may(act, l, &act.Remote[i]) {
			return &act.Remote[i]
		}
	}
	return nil
}

// open opens the subflow that is due.
func (m *singlePath) open(act *mptcp.PathActions) {
	m.armed = false
	for i := range act.Local {
		if l := &act.Local[i]; l.Addr == m.next {
			if r := m.target(act, l); r != nil && len(act.Subflows) == 0 {
				m.attempt = true
				m.last = l.Addr
				act.OpenTo(l.Addr, r.Addr, r.ID, false)
			}
			return
		}
	}
}

// back closes what there is, to be replaced by a subflow from the first address.
func (m *singlePath) back(act *mptcp.PathActions) {
	for i := range act.Subflows {
		if act.Subflows[i].Local == m.source {
			return
		}
	}
	m.returning = true
	for i := range act.Subflows {
		act.Close(act.Subflows[i].Flow)
	}
}
