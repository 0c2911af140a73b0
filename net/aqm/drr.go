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
		return &drr{port: p, index: make([]uint16, v.int("flows")), quantum: int32(v.int("quantum")), turn: drrList{none, none}, free: none}
	},
}

// drr keeps only the queues that hold something, so that a card with few flows at a time
// takes few cache lines.
type drr struct {
	index   []uint16 // by class: its queue, if that is of the class
	queues  []drrQueue
	turn    drrList // of the queues that hold something
	port    *simnet.Port
	quantum int32
	free    int32 // list of the others
}

type drrQueue struct {
	row     simnet.Row
	class   uint32 // noClass: the queue is free
	deficit int32
	next    int32 // behind it on the list
}

type drrList struct{ head, tail int32 }

const (
	none    = int32(-1)
	noClass = ^uint32(0)
)

// Enqueue implements simnet.Discipline.
func (d *drr) Enqueue(_ sim.Time, id simnet.PacketID) trace.Reason {
	if d.port.Full(d.port.Size(id)) {
		return trace.QueueFull
	}
	hi, lo := bits.Mul64(d.port.FlowHash(id), 0x9E3779B97F4A7C15)
	class, _ := bits.Mul64(hi^lo, uint64(len(d.index)))
	i := int32(d.index[class])
	if int(i) >= len(d.queues) || d.queues[i].class != uint32(class) {
		i = d.take()
		d.index[class] = uint16(i)
		d.queues[i] = drrQueue{class: uint32(class), deficit: d.quantum}
		d.append(i)
	}
	d.queues[i].row.Push(d.port, id)
	return trace.NoReason
}

// Dequeue implements simnet.Discipline.
func (d *drr) Dequeue(sim.Time) (simnet.PacketID, sim.Time) {
	for d.turn.head >= 0 {
		i := d.turn.head
		q := &d.queues[i]
		size := int32(d.port.Size(q.row.Head()))
		if size > q.deficit {
			q.deficit += d.quantum
			if q.next >= 0 {
				d.turn.head = q.next
				d.append(i)
			}
			continue
		}
		q.deficit -= size
		return d.pop(), sim.Never
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
	return d.pop()
}

// pop takes the first packet of the first queue, which is free if it was the last.
func (d *drr) pop() simnet.PacketID {
	i := d.turn.head
	q := &d.queues[i]
	id := q.row.Pop(d.port)
	if q.row.Head() == 0 {
		if d.turn.head = q.next; q.next < 0 {
			d.turn.tail = none
		}
		q.class, q.next = noClass, d.free
		d.free = i
	}
	return id
}

// take returns a queue that is free. There are as many as classes at most.
func (d *drr) take() int32 {
	i := d.free
	if i >= 0 {
		d.free = d.queues[i].next
		return i
	}
	d.queues = append(d.queues, drrQueue{})
	return int32(len(d.queues) - 1)
}

// append puts a queue at the end of the list.
func (d *drr) append(i int32) {
	d.queues[i].next = none
	if d.turn.tail >= 0 {
		d.queues[d.turn.tail].next = i
	} else {
		d.turn.head = i
	}
	d.turn.tail = i
}
