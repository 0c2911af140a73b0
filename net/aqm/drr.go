package aqm

import (
	"math/bits"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Deficit round robin (Shreedhar and Varghese, SIGCOMM'95): each flow has a queue, and
// the queues that hold something take turns; in its turn a queue may send `quantum`
// octets more than before, and what it could not use because its next packet is larger
// it keeps until it is empty. With packets of one size it is round robin packet by packet, which
// the network cards of hosts do in htsim (fairpullqueue.h, FairPriorityQueue).
//
// Flows are told apart by a hash of their tuple into `flows` queues, so that two may
// share one. The limit holds for all queues together; what comes to a full one is
// dropped (the paper drops from the longest queue).

var drrSpec = Spec{
	Name: "drr",
	Doc:  "deficit round robin among flows, drop-tail: as the network card of a host takes turns",
	Params: []Param{
		{Name: "flows", Kind: Whole, Default: 128, Min: 1, Max: 65536, Doc: "number of queues, into which flows are hashed"},
		{Name: "quantum", Kind: Length, Default: 1500, Min: 1, Max: 1 << 20, Doc: "octets that a queue may send in its turn"},
	},
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		return &drr{port: p, flows: make([]drrFlow, v.int("flows")), quantum: int(v.int("quantum")), turn: drrList{-1, -1}}
	},
}

type drr struct {
	port    *simnet.Port
	flows   []drrFlow
	turn    drrList // of the queues that hold something
	quantum int
}

type drrFlow struct {
	list    simnet.Waiting
	deficit int32
	next    int32 // behind it on the list, -1: none
}

type drrList struct{ head, tail int32 } // -1: empty

// Enqueue implements simnet.Discipline.
func (d *drr) Enqueue(_ sim.Time, id simnet.PacketID) trace.Reason {
	if d.port.Full(d.port.Size(id)) {
		return trace.QueueFull
	}
	hi, lo := bits.Mul64(d.port.FlowHash(id), 0x9E3779B97F4A7C15)
	hi, _ = bits.Mul64(hi^lo, uint64(len(d.flows)))
	q := &d.flows[hi]
	if q.list.Packets == 0 {
		q.deficit = int32(d.quantum)
		d.append(int32(hi))
	}
	q.list.Push(d.port, id)
	return trace.NoReason
}

// Dequeue implements simnet.Discipline.
func (d *drr) Dequeue(sim.Time) (simnet.PacketID, sim.Time) {
	for d.turn.head >= 0 {
		i := d.turn.head
		q := &d.flows[i]
		size := d.port.Size(q.list.Head())
		if size > int(q.deficit) {
			q.deficit += int32(d.quantum)
			d.shift()
			d.append(i)
			continue
		}
		q.deficit -= int32(size)
		id := q.list.Pop(d.port)
		if q.list.Packets == 0 {
			d.shift()
		}
		return id, sim.Never
	}
	return 0, sim.Never
}

// Timeless implements simnet.Timeless.
func (d *drr) Timeless() {}

// Evict implements simnet.Discipline.
func (d *drr) Evict() simnet.PacketID {
	if d.turn.head < 0 {
		return 0
	}
	q := &d.flows[d.turn.head]
	id := q.list.Pop(d.port)
	if q.list.Packets == 0 {
		d.shift()
	}
	return id
}

// append puts a queue at the end of the list.
func (d *drr) append(i int32) {
	d.flows[i].next = -1
	if d.turn.tail >= 0 {
		d.flows[d.turn.tail].next = i
	} else {
		d.turn.head = i
	}
	d.turn.tail = i
}

// shift takes the first queue off the list.
func (d *drr) shift() {
	if d.turn.head = d.flows[d.turn.head].next; d.turn.head < 0 {
		d.turn.tail = -1
	}
}
