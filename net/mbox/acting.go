package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Acting is what a box of another package has in common with those here: the
// filter, the count of what it has done, and the records of it.
type Acting struct {
	base
	counts []uint64 // of what was told, by reason
}

// NewActing returns the common part of a box.
func NewActing(f Filter, env *Env) Acting { return Acting{base: base{Filter: f, env: env}} }

// Env returns where the box works.
func (a *Acting) Env() *Env { return a.env }

// Picks reports whether the filter lets a packet through, and counts it.
func (a *Acting) Picks(now sim.Time, p *simnet.Packet, d simnet.Dir) bool { return a.picks(now, p, d) }

// Note records that the box has acted on a packet.
func (a *Acting) Note(now sim.Time, p *simnet.Packet, what trace.Reason) {
	a.count(what)
	a.note(now, p, what)
}

// Tell records something about a packet.
func (a *Acting) Tell(now sim.Time, p *simnet.Packet, what trace.Reason) {
	a.count(what)
	a.tell(now, p, what)
}

func (a *Acting) count(what trace.Reason) {
	for int(what) >= len(a.counts) {
		a.counts = append(a.counts, 0)
	}
	a.counts[what]++
}

// Count returns how often the box has done something for a reason.
func (a *Acting) Count(why trace.Reason) uint64 {
	if int(why) < len(a.counts) {
		return a.counts[why]
	}
	return 0
}

// IsTCP reports whether a packet is a whole TCP segment.
func IsTCP(p *simnet.Packet) bool { return isTCP(p) }

// Opposite returns the other direction.
func Opposite(d simnet.Dir) simnet.Dir { return opposite(d) }

// FlowTable finds the state that a box keeps for each direction of a flow, for up to
// 16384 of them.
type FlowTable[T any] struct{ t flowTable[T] }

// Get returns the state of a route, or nil.
func (f *FlowTable[T]) Get(r simnet.RouteID) *T { return f.t.get(r) }

// Add returns the state of a route, new and empty if there was none; nil if the
// table is full. Pointers to other states are invalid afterwards.
func (f *FlowTable[T]) Add(r simnet.RouteID) *T { return f.t.add(r) }

// EditSACK changes both ends of every block of a packet's SACK option.
func EditSACK(p *simnet.Packet, f func(wire.Seq) wire.Seq) {
	if p.Options().Has(wire.OptSACK) {
		editSACK(p, f)
	}
}
