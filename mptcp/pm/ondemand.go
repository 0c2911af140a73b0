package pm

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// onDemand opens further subflows only when a connection turns out to need them
// (RFC 8684 section 3.9.2; RFC 8041 section 3.8: short flows gain nothing by
// them). The side that opened the connection acts, or with both_sides either.
//
// Any of these makes it open the subflows of a full mesh:
//
//   - delay seconds have passed since the connection was established;
//   - bytes have been delivered, in both directions together;
//   - the retransmission timeout of a subflow has grown to rto.
//
// With windows = 1 subflows are opened by the text's own rule: there are as many,
// the initial one included, as initial windows (RFC 6928) of data are buffered:
// written by the application and not acknowledged. The text adds that this rule
// alone never fires at a client that downloads; delay or bytes beside it do.
//
// From one order to the next at least interval passes, and there are never more
// than max_subflows. Pairs that failed are not tried again (RFC 8684 section
// 3.9.3).
//
// Departure: the text counts what the host has "buffered for its peer" and leaves
// open whether the initial subflow counts as the first window's. Here it does, so
// that a flow of one window needs no second subflow.

var onDemandParams = []cc.Param{
	{Name: "bytes", Doc: "delivered bytes after which further subflows are opened; 0: no such rule", Default: 100000, Max: 1e12, Whole: true},
	{Name: "delay", Doc: "seconds after which they are; 0: no such rule", Max: 3600},
	{Name: "rto", Doc: "seconds of retransmission timeout of a subflow at which they are; 0: no such rule", Max: 120},
	{Name: "windows", Doc: "1: one subflow for each initial window of buffered data", Max: 1, Whole: true},
	{Name: "interval", Doc: "least seconds from one subflow to the next", Max: 3600},
	{Name: "max_subflows", Doc: "subflows at most, the initial one included", Default: 8, Min: 1, Max: 64, Whole: true},
	{Name: "both_sides", Doc: "1: the side that did not open the connection acts, too", Max: 1, Whole: true},
}

var onDemandSpec = Spec{
	Name:   "ondemand",
	Doc:    "further subflows after some bytes, some time or a timeout, or one per initial window of buffered data (RFC 8684 section 3.9.2)",
	Params: onDemandParams,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &onDemand{
			bytes:     int64(p.Get(onDemandParams, "bytes")),
			delay:     duration(p, onDemandParams, "delay"),
			rto:       duration(p, onDemandParams, "rto"),
			windows:   p.Get(onDemandParams, "windows") == 1,
			interval:  duration(p, onDemandParams, "interval"),
			most:      int(p.Get(onDemandParams, "max_subflows")),
			bothSides: p.Get(onDemandParams, "both_sides") == 1,
		}
	},
}

type onDemand struct {
	bytes                int64
	delay, rto, interval sim.Duration
	windows, bothSides   bool
	most                 int

	started bool
	all     bool // a full mesh is wanted
	want    int  // subflows wanted for buffered data
	tried   tried
	after   sim.Time // of the next order
	waiting bool     // for it
}

// Tags of timers.
const (
	demandDelay = iota
	demandInterval
)

// Watches implements mptcp.PathWatcher.
func (m *onDemand) Watches() mptcp.PathWatch {
	if m.rto > 0 {
		return mptcp.WatchRTO
	}
	return 0
}

// OnEvent implements mptcp.PathManager.
func (m *onDemand) OnEvent(now sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client && !m.bothSides {
		return
	}
	m.tried.onEvent(&ev, act)
	switch ev.Kind {
	case mptcp.PathEstablished:
		m.start(act)
	case mptcp.PathMoved:
		m.all = true
	case mptcp.PathBuffered:
		m.want = max(m.want, int(ev.Bytes/max(act.InitialWindow, 1)))
		act.WakeBuffered(int64(m.want+1) * act.InitialWindow)
	case mptcp.PathRTO:
		m.all = m.all || m.rto > 0 && ev.RTO >= m.rto
	case mptcp.PathTimer:
		if ev.Tag == demandDelay {
			m.all = true
		} else {
			m.waiting = false
		}
	}
	if m.started {
		m.work(now, act)
	}
}

func (m *onDemand) start(act *mptcp.PathActions) {
	m.started = true
	m.tried.add(initialSource(act), act.Remote[0].Addr)
	if m.delay > 0 {
		act.After(m.delay, demandDelay)
	}
	if m.bytes > 0 {
		act.WakeMoved(m.bytes)
	}
	if m.windows {
		act.WakeBuffered(2 * act.InitialWindow)
	}
}

// work opens what is wanted, as fast as it may.
func (m *onDemand) work(now sim.Time, act *mptcp.PathActions) {
	n := m.want - len(act.Subflows)
	if m.all {
		n = maxPairs
	}
	n = min(n, m.most-len(act.Subflows))
	if n <= 0 || m.waiting || !m.tried.left(act) {
		return
	}
	if m.interval == 0 {
		m.tried.openAll(act, n)
		return
	}
	if now >= m.after {
		m.tried.openAll(act, 1)
		m.after = now.Add(m.interval)
		if n == 1 {
			return
		}
	}
	m.waiting = true
	act.After(m.after.Sub(now), demandInterval)
}
