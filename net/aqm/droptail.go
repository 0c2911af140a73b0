package aqm

import (
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// First in, first out, with the limit of the link in packets or octets. What does
// not fit is dropped (droptail), or waiting packets are dropped from the head until
// it fits (drophead, as mahimahi has it: src/packet/drop_head_packet_queue.hh). The
// packet in service is never dropped. A link without a discipline is drop-tail, too,
// in either mode and at less cost: droptail exists so that the two can be compared,
// and for the waiting times that only disciplines report.

var dropTailSpec = Spec{
	Name: "droptail",
	Doc:  "first in, first out; what does not fit into the limit is dropped",
	new:  func(_ *Values, p *simnet.Port) simnet.Discipline { return &plain{fifo{port: p}} },
}

var dropHeadSpec = Spec{
	Name: "drophead",
	Doc:  "first in, first out; what does not fit replaces the packets that have waited longest",
	new:  func(_ *Values, p *simnet.Port) simnet.Discipline { return &plain{fifo{port: p, head: true}} },
}

// plain is a fifo and nothing more.
type plain struct{ fifo }

// Timeless implements simnet.Timeless.
func (p *plain) Timeless() {}

// fifo is a first-in-first-out queue with the limit of the link.
type fifo struct {
	port *simnet.Port
	list simnet.Waiting
	head bool // drop from the head
}

// Enqueue implements simnet.Discipline.
func (f *fifo) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	size := f.port.Size(id)
	for f.port.Full(size) {
		if !f.head || f.list.Packets == 0 {
			return trace.QueueFull
		}
		f.port.Drop(now, f.list.Pop(f.port), trace.HeadDrop)
	}
	f.list.Push(f.port, id)
	return trace.NoReason
}

// Dequeue implements simnet.Discipline.
func (f *fifo) Dequeue(sim.Time) (simnet.PacketID, sim.Time) {
	return f.list.Pop(f.port), sim.Never
}

// Evict implements simnet.Discipline.
func (f *fifo) Evict() simnet.PacketID { return f.list.Pop(f.port) }
