package mptcp

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
)

// This file fills in what schedulers see only if they ask for it, and what the
// host knows of paths.

// PathView is what an endpoint can ask its host about paths.
type PathView interface {
	// PathFacts returns what the configuration says of the path between a local
	// and a remote address. It is asked once for each subflow.
	PathFacts(local, remote netip.Addr) PathFacts
	// Device returns the octets queued at the interface by which segments of a
	// flow leave, and its rate; 0: not known. Socket is Segment.Socket of the
	// flow, t are its addresses as sent.
	Device(now sim.Time, socket uint32, t *wire.Tuple) (queue int64, rate sim.Rate)
	// MTU returns the MTU of the interface by which the host sends from a local to a
	// remote address, in octets of IP; 0: not known. It is asked once for each flow.
	MTU(local, remote netip.Addr) int
}

// PathFacts is what the configuration of a host says of a path.
type PathFacts struct {
	Cost   float64 // in any unit; 0: none given
	Weight int64   // 0: none given
}

// initFacts finds out what the scheduler asks for.
func (c *connection) initFacts() {
	c.peerFlow = sched.NoFlow
	if a, ok := c.sched.(sched.Asker); ok {
		c.asks = a.Asks()
	}
	if w, ok := c.sched.(sched.Windowed); ok {
		c.windowed = w.Windowed() && !c.p.NagleOnData
	}
}

// findPathFacts asks the host about the path of a new subflow.
func (f *subflow) findPathFacts() {
	if v := f.conn.e.view; v != nil {
		f.facts = v.PathFacts(f.flow.tuple.Src.Addr(), f.flow.tuple.Dst.Addr())
	}
}

// fillFacts fills in what the scheduler asked for of a row.
func (c *connection) fillFacts(now sim.Time, r *sched.Path, f *subflow) {
	if c.asks&sched.FactSsthresh != 0 {
		r.Ssthresh = c.cc.Ssthresh(f.id)
	}
	if c.asks&sched.FactPacing != 0 {
		r.Pacing = c.pacing(f, r.Window)
	}
	if v := c.e.view; v != nil && c.asks&sched.FactDevice != 0 {
		r.DeviceQueue, r.DeviceRate = v.Device(now, f.flow.id, &f.flow.tuple)
	}
}
