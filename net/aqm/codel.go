package aqm

import (
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// CoDel (RFC 8289, section 5): packets are dropped at the head of the queue once they
// have all waited longer than a target for an interval, at times that come closer by a
// square-root law until they do not,
//
//	next = next + interval / sqrt(count)
//
// variant = "ref" is the pseudocode of the RFC, in nanoseconds, with the correctly
// rounded square root: a packet may be dropped when now >= the time at which the
// interval is over, and not while the queue holds at most the largest packet seen.
// variant = "linux" is include/net/codel_impl.h: now > that time, `mtu` in place of the
// largest packet, times in units of 1024 ns, and the inverse square root in 16 bits by
// one step of Newton's method for each drop.
//
// With ecn, an ECN-capable packet is marked where another one would be dropped, and goes
// into service (codel_impl.h; the RFC leaves ECN open).
//
// Not modelled: Linux's ce_threshold, and the wrap of its clock after 73 minutes.

var codelSpec = Spec{
	Name:   "codel",
	Doc:    "controlled delay: drops at the head when packets have waited too long for too long (RFC 8289)",
	Params: codelParams(false),
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		c := &codel{fifo: fifo{port: p}}
		c.rules.init(v, p, &c.list.Bytes)
		return c
	},
}

// codelParams are the parameters of the disciplines that CoDel is part of.
func codelParams(ecn bool) []Param {
	return []Param{
		{Name: "target", Kind: Span, Default: 5e6, Min: 1, Max: 60e9, Doc: "waiting time that is acceptable"},
		{Name: "interval", Kind: Span, Default: 100e6, Min: 1, Max: 60e9, Doc: "for how long packets must have waited longer: about the largest round-trip time"},
		flag("ecn", "1: ECN-capable packets are marked instead of dropped", ecn),
		{Name: "variant", Kind: Choice, Choices: []string{"ref", "linux"}, Doc: "pseudocode of the RFC, or the integers of the Linux kernel"},
		{Name: "mtu", Kind: Length, Default: 1514, Min: 1, Max: 65535, Doc: "with variant linux, octets in the queue up to which nothing is dropped"},
	}
}

// codelRules are the parameters of CoDel and what its queues share.
type codelRules struct {
	port             *simnet.Port
	target, interval int64 // in units of the clock
	clock            uint  // log2 of a unit of the clock, in nanoseconds
	ecn, linux       bool
	largest          int  // packet seen, or the MTU
	backlog          *int // octets that wait, for the floor
}

func (r *codelRules) init(v *Values, p *simnet.Port, backlog *int) {
	*r = codelRules{port: p, ecn: v.on("ecn"), linux: v.text("variant") == "linux", backlog: backlog}
	if r.linux {
		r.clock, r.largest = 10, int(v.int("mtu"))
	}
	r.target, r.interval = int64(v.span("target"))>>r.clock, int64(v.span("interval"))>>r.clock
}

// codelState is the state of one queue under CoDel. Times are in units of the clock.
type codelState struct {
	firstAbove int64 // when the interval is over; 0: the last packet waited less than the target
	dropNext   int64
	count      uint32 // drops since the dropping state was entered
	lastCount  uint32 // count when it was entered last
	inverse    uint32 // linux: 2^16/sqrt(count)
	dropping   bool
}

// take takes the first packet of a queue and reports whether CoDel may drop it.
func (c *codelState) take(now int64, r *codelRules, list *simnet.Waiting) (id simnet.PacketID, may bool) {
	id = list.Pop(r.port)
	if id == 0 {
		c.firstAbove = 0
		return 0, false
	}
	size := r.port.Size(id)
	if r.backlog != &list.Bytes {
		*r.backlog -= size
	}
	if !r.linux {
		r.largest = max(r.largest, size)
	}
	waited := now - int64(r.port.Since(id))>>r.clock
	switch {
	case waited < r.target || *r.backlog <= r.largest:
		c.firstAbove = 0
	case c.firstAbove == 0:
		c.firstAbove = now + r.interval
	case r.linux:
		return id, now > c.firstAbove
	default:
		return id, now >= c.firstAbove
	}
	return id, false
}

// dequeue returns the packet of a queue that goes next, after the drops that are due.
func (c *codelState) dequeue(at sim.Time, r *codelRules, list *simnet.Waiting) simnet.PacketID {
	now := int64(at) >> r.clock
	id, may := c.take(now, r, list)
	if !c.dropping {
		if may {
			id = c.enter(at, now, r, list, id)
		}
		return id
	}
	if !may {
		c.dropping = false
	}
	for c.dropping && now >= c.dropNext {
		c.count++
		c.step(r)
		if r.ecn && r.port.Mark(id) {
			c.dropNext += c.distance(r)
			return id
		}
		r.port.Drop(at, id, trace.SojournDrop)
		if id, may = c.take(now, r, list); may {
			c.dropNext += c.distance(r)
		} else {
			c.dropping = false
		}
	}
	return id
}

// enter begins the dropping state with a drop. If the last one ended not long ago, the
// distance of the drops begins near to what it was then.
func (c *codelState) enter(at sim.Time, now int64, r *codelRules, list *simnet.Waiting, id simnet.PacketID) simnet.PacketID {
	if !r.ecn || !r.port.Mark(id) {
		r.port.Drop(at, id, trace.SojournDrop)
		id, _ = c.take(now, r, list)
	}
	c.dropping = true
	if delta := c.count - c.lastCount; int32(delta) > 1 && now-c.dropNext < 16*r.interval {
		c.count = delta
		c.step(r)
	} else {
		c.count, c.inverse = 1, 1<<16-1
	}
	c.lastCount = c.count
	c.dropNext = now + c.distance(r)
	return id
}

// distance is the time between two drops.
func (c *codelState) distance(r *codelRules) int64 {
	if r.linux {
		return r.interval * int64(c.inverse) >> 16
	}
	return int64(float64(r.interval) / sim.Sqrt(float64(c.count)))
}

// step is Linux's step of Newton's method for 1/sqrt(count).
func (c *codelState) step(r *codelRules) {
	if !r.linux {
		return
	}
	x := uint64(c.inverse) << 16
	val := 3<<32 - uint64(c.count)*(x*x>>32)
	c.inverse = uint32((val>>2)*x>>31) >> 16
}

// codel is CoDel on the queue of a link.
type codel struct {
	fifo
	rules codelRules
	state codelState
}

// Dequeue implements simnet.Discipline.
func (c *codel) Dequeue(now sim.Time) (simnet.PacketID, sim.Time) {
	return c.state.dequeue(now, &c.rules, &c.list), sim.Never
}
