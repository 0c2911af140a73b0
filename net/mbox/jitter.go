package mbox

import (
	simnet "mpsim/net"
	"mpsim/sim"
)

// Jitter holds back each packet that leaves an interface for a random time,
// uniform from 0 to a bound, before the link gets it, without reordering:
//
//	leave(i) = max(leave(i-1), arrive(i) + U(i) x bound)
//
// It stands for the variable time that a host takes to send, which breaks the
// phase effects of drop-tail queues (Floyd, Jacobson, "On traffic phase effects
// in packet-switched gateways", Internetworking 3(3), 1992). U(i) depends on
// the number of the packet at the interface only, unless draws are correlated.
// Packets that come in pass.
type Jitter struct {
	bound  sim.Duration
	draws  simnet.Correlated
	n      uint64 // packets so far
	last   sim.Time
	held   []heldPacket // a ring; power of two
	first  int
	amount int
}

type heldPacket struct {
	packet simnet.Packet
	leave  sim.Time
}

// NewJitter returns a box with the given bound, which must not be negative, and
// correlation of successive draws, from 0 to 1. The stream is read by index and
// serves no other purpose.
func NewJitter(bound sim.Duration, correlation float64, rnd *sim.Rand) *Jitter {
	if bound < 0 {
		sim.Bugf("negative jitter")
	}
	return &Jitter{bound: bound, draws: simnet.NewCorrelated(rnd, correlation, 1<<63), held: make([]heldPacket, 64)}
}

// Process implements simnet.Box.
func (j *Jitter) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if d == simnet.In {
		out.Emit(p, d)
		return
	}
	leave := max(j.last, now.Add(sim.Duration(j.draws.At(j.n)*float64(j.bound))))
	j.n++
	j.last = leave
	if leave == now && j.amount == 0 {
		out.Emit(p, d)
		return
	}
	if j.amount == len(j.held) {
		ring := make([]heldPacket, 2*len(j.held))
		for i := range j.amount {
			ring[i] = j.held[(j.first+i)&(len(j.held)-1)]
		}
		j.held, j.first = ring, 0
	}
	j.held[(j.first+j.amount)&(len(j.held)-1)] = heldPacket{*p, leave}
	j.amount++
}

// NextTimeout implements simnet.Box.
func (j *Jitter) NextTimeout() sim.Time {
	if j.amount == 0 {
		return sim.Never
	}
	return j.held[j.first].leave
}

// HandleTimeout implements simnet.Box.
func (j *Jitter) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for j.amount > 0 && j.held[j.first].leave <= now {
		out.Emit(&j.held[j.first].packet, simnet.Out)
		j.first = (j.first + 1) & (len(j.held) - 1)
		j.amount--
	}
}
