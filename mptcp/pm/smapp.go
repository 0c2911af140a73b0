package pm

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// The controllers of Hesmans et al., "SMAPP: Towards Smart Multipath TCP-enabled
// Applications" (CoNEXT'15; RFC 8041 section 3.4): path managers in user space,
// which the kernel tells of events, timeouts among them, through netlink. Each
// acts at the side that opened the connection.
//
//   - smapp-backup: a second subflow is opened only when the retransmission timeout
//     of one has grown to rto; with close = 1 the slow one is reset when the new
//     one is up.
//   - smapp-fullmesh: a full mesh whose subflows are opened again after they fail,
//     after a delay that depends on the error.
//   - smapp-stream: an application sends a block each period. If less than
//     share of the block has been delivered check seconds into the period, a second
//     subflow is opened. Subflows whose timeout has grown to rto are reset if there
//     is another one.
//   - smapp-refresh: of num_subflows subflows between the same addresses, as of
//     ndiffports, the one with the lowest rate is closed each period, and another
//     one opened from a fresh port, which load balancing may send a better way.
//
// Departures: the block of smapp-stream begins when the connection is established
// and then with each period, and progress is what both directions have delivered;
// the paper's controller knows its application. The rate of a subflow is its
// congestion window over its round-trip time, that of Linux' pacing without the
// factor of 2 or 1.2, which is the same for all but those in slow start.

var smappBackupParams = []cc.Param{
	{Name: "rto", Doc: "seconds of retransmission timeout at which a second subflow is opened", Default: 1, Min: 0.001, Max: 120},
	{Name: "close", Doc: "1: the slow subflow is reset when the new one is up", Max: 1, Whole: true},
	netlinkParam,
}

var smappBackupSpec = Spec{
	Name:   "smapp-backup",
	Doc:    "a second subflow when the timeout of the first has grown (CoNEXT'15, smart backup)",
	Params: smappBackupParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &smappBackup{
			netlink: netlink{latency: duration(p, smappBackupParams, "latency")},
			rto:     duration(p, smappBackupParams, "rto"),
			closes:  p.Get(smappBackupParams, "close") == 1,
		}
	},
}

type smappBackup struct {
	netlink
	rto    sim.Duration
	closes bool
	tried  tried
	slow   cc.FlowID
	opened bool // in place of slow
}

// Watches implements mptcp.PathWatcher.
func (m *smappBackup) Watches() mptcp.PathWatch { return mptcp.WatchRTO }

// OnEvent implements mptcp.PathManager.
func (m *smappBackup) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client || !m.arrive(&ev, act) {
		return
	}
	m.tried.onEvent(&ev, act)
	switch ev.Kind {
	case mptcp.PathEstablished:
		m.tried.add(initialSource(act), act.Remote[0].Addr)
	case mptcp.PathRTO:
		if ev.RTO >= m.rto && m.tried.openAll(act, 1) > 0 {
			m.slow, m.opened = ev.Flow, true
		}
	case mptcp.PathSubflowUp:
		if m.opened && m.closes {
			act.Reset(m.slow)
		}
		m.opened = false
	}
}

var smappFullMeshParams = []cc.Param{
	{Name: "reset_delay", Doc: "seconds until a subflow is opened again that was reset", Default: 1, Min: 0.001, Max: 3600},
	{Name: "timeout_delay", Doc: "seconds until one is that timed out or had no route", Default: 5, Min: 0.001, Max: 3600},
	netlinkParam,
}

var smappFullMeshSpec = Spec{
	Name:   "smapp-fullmesh",
	Doc:    "a full mesh that opens failed subflows again after a delay by error (CoNEXT'15, smart full mesh)",
	Params: smappFullMeshParams,
	New: func(p cc.Params, rnd *sim.Rand) mptcp.PathManager {
		reset := duration(p, smappFullMeshParams, "reset_delay")
		return &smappFullMesh{
			netlink: netlink{latency: duration(p, smappFullMeshParams, "latency")},
			mesh: fullMesh{
				perPair: 1, createOnErr: true, delay: reset, rnd: rnd,
				later: duration(p, smappFullMeshParams, "timeout_delay") - reset,
			},
		}
	},
}

type smappFullMesh struct {
	netlink
	mesh fullMesh
}

// OnEvent implements mptcp.PathManager.
func (m *smappFullMesh) OnEvent(now sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if act.Client && m.arrive(&ev, act) {
		m.mesh.OnEvent(now, ev, act)
	}
}

var smappStreamParams = []cc.Param{
	{Name: "block", Doc: "bytes that the application sends each period", Default: 65536, Min: 1, Max: 1e9, Whole: true},
	{Name: "period", Doc: "seconds from one block to the next", Default: 1, Min: 0.002, Max: 3600},
	{Name: "check", Doc: "seconds into the period at which progress is looked at", Default: 0.5, Min: 0.001, Max: 3600},
	{Name: "share", Doc: "share of the block that is to be delivered by then", Default: 0.5, Min: 0.01, Max: 1},
	{Name: "rto", Doc: "seconds of retransmission timeout at which a subflow beside another one is reset; 0: never", Default: 1, Max: 120},
	netlinkParam,
}

var smappStreamSpec = Spec{
	Name:   "smapp-stream",
	Doc:    "a second subflow when a block is behind its schedule (CoNEXT'15, smart streaming)",
	Params: smappStreamParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		m := &smappStream{
			netlink: netlink{latency: duration(p, smappStreamParams, "latency")},
			period:  duration(p, smappStreamParams, "period"),
			rto:     duration(p, smappStreamParams, "rto"),
			need:    int64(p.Get(smappStreamParams, "block") * p.Get(smappStreamParams, "share")),
		}
		m.check = min(duration(p, smappStreamParams, "check"), m.period-1)
		return m
	},
}

type smappStream struct {
	netlink
	period, check, rto sim.Duration
	need               int64
	tried              tried
	base               int64 // delivered when the block began
}

// Tags of timers.
const (
	streamCheck = iota
	streamBlock
)

// Watches implements mptcp.PathWatcher.
func (m *smappStream) Watches() mptcp.PathWatch { return mptcp.WatchRTO }

// OnEvent implements mptcp.PathManager.
func (m *smappStream) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client || !m.arrive(&ev, act) {
		return
	}
	m.tried.onEvent(&ev, act)
	switch ev.Kind {
	case mptcp.PathEstablished:
		m.tried.add(initialSource(act), act.Remote[0].Addr)
		m.begin(act)
	case mptcp.PathTimer:
		if ev.Tag == streamBlock {
			m.begin(act)
			return
		}
		if act.Moved-m.base < m.need {
			m.tried.openAll(act, 1)
		}
		act.After(m.period-m.check, streamBlock)
	case mptcp.PathRTO:
		if m.rto > 0 && ev.RTO >= m.rto && usableBeside(act, ev.Flow) {
			act.Reset(ev.Flow)
		}
	}
}

func (m *smappStream) begin(act *mptcp.PathActions) {
	m.base = act.Moved
	act.After(m.check, streamCheck)
}

// usableBeside reports whether another subflow can carry data and has not timed
// out.
func usableBeside(act *mptcp.PathActions, not cc.FlowID) bool {
	for i := range act.Subflows {
		if f := &act.Subflows[i]; f.Flow != not && f.Usable && !f.Failed {
			return true
		}
	}
	return false
}

var smappRefreshParams = []cc.Param{
	{Name: "num_subflows", Doc: "subflows, the initial one included", Default: 5, Min: 2, Max: 64, Whole: true},
	{Name: "period", Doc: "seconds from one replacement to the next", Default: 2.5, Min: 0.001, Max: 3600},
	netlinkParam,
}

var smappRefreshSpec = Spec{
	Name:   "smapp-refresh",
	Doc:    "ndiffports that replaces the slowest subflow each period (CoNEXT'15, refresh)",
	Params: smappRefreshParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &smappRefresh{
			netlink: netlink{latency: duration(p, smappRefreshParams, "latency")},
			n:       int(p.Get(smappRefreshParams, "num_subflows")),
			period:  duration(p, smappRefreshParams, "period"),
		}
	},
}

type smappRefresh struct {
	netlink
	n      int
	period sim.Duration
}

// OnEvent implements mptcp.PathManager.
func (m *smappRefresh) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client || act.JoinDenied || !m.arrive(&ev, act) {
		return
	}
	switch ev.Kind {
	case mptcp.PathEstablished:
		for i := len(act.Subflows); i < m.n; i++ {
			act.Open(initialSource(act), act.Remote[0].Addr, false)
		}
	case mptcp.PathTimer:
		m.replace(act)
	default:
		return
	}
	act.After(m.period, 0)
}

// replace closes the subflow with the lowest rate, the oldest of equals, and opens
// another one from the same address.
func (m *smappRefresh) replace(act *mptcp.PathActions) {
	var slow *mptcp.PathSubflow
	usable := 0
	for i := range act.Subflows {
		f := &act.Subflows[i]
		if !f.Usable {
			continue
		}
		usable++
		if slow == nil || f.Rate < slow.Rate {
			slow = f
		}
	}
	if usable >= 2 && usable >= m.n {
		act.Close(slow.Flow)
		act.Open(slow.Local, act.Remote[0].Addr, false)
	} else if usable > 0 && len(act.Subflows) < m.n {
		act.Open(slow.Local, act.Remote[0].Addr, false)
	}
}
