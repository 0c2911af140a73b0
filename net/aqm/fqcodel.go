package aqm

import (
	"math/bits"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// FQ-CoDel (RFC 8290; net/sched/sch_fq_codel.c): packets are hashed by their tuple into
// queues, each under CoDel. A round-robin with deficits of a quantum of octets serves
// them, first the list of new queues, then that of old ones; a queue that has become
// empty goes from the new list to the end of the old one before it is forgotten, so that
// nobody comes back as new at once. When the limit is reached, packets are dropped from
// the head of the queue that holds the most octets: half of them, at most 64 packets, and
// CoDel of that queue counts them.
//
// The hash is salted by the random stream. The floor of CoDel (no drop while so little
// waits) is over all queues together, as in Linux. Octets are those of IP, where Linux
// counts an Ethernet header of 14 more: the quantum is the usual 1514 all the same.
//
// Not modelled: filters that classify, the limit of kernel memory (32 MB), ce_threshold.

var fqCodelSpec = Spec{
	Name: "fq_codel",
	Doc:  "flow queueing with CoDel on each queue (RFC 8290)",
	Params: append(codelParams(true),
		Param{Name: "flows", Kind: Whole, Default: 1024, Min: 1, Max: 65536, Doc: "number of queues"},
		Param{Name: "quantum", Kind: Length, Default: 1514, Min: 1, Max: 1 << 20, Doc: "octets that a queue may send in its turn"},
		Param{Name: "drop_batch", Kind: Whole, Default: 64, Min: 1, Max: 1 << 20, Doc: "packets that are dropped at most when the limit is reached"},
	),
	new: newFQCodel,
}

type fqCodel struct {
	port     *simnet.Port
	rules    codelRules
	flows    []fqFlow
	new, old fqList
	quantum  int
	batch    int
	bytes    int // that wait
	salt     uint64
}

// fqFlow is one of the queues.
type fqFlow struct {
	codelState
	list    simnet.Waiting
	deficit int
	next    int32 // behind it on its list, -1: none
	listed  bool
}

// fqList is a list of queues.
type fqList struct{ head, tail int32 } // -1: empty

func newFQCodel(v *Values, p *simnet.Port) simnet.Discipline {
	f := &fqCodel{
		port: p, flows: make([]fqFlow, v.int("flows")), quantum: int(v.int("quantum")), batch: int(v.int("drop_batch")),
		new: fqList{-1, -1}, old: fqList{-1, -1}, salt: p.Stream().Uint64(),
	}
	f.rules.init(v, p, &f.bytes)
	return f
}

// bucket returns the queue of a packet.
func (f *fqCodel) bucket(id simnet.PacketID) int32 {
	hi, lo := bits.Mul64(f.port.FlowHash(id)^f.salt, 0x9E3779B97F4A7C15)
	hi, _ = bits.Mul64(hi^lo, uint64(len(f.flows)))
	return int32(hi)
}

// Enqueue implements simnet.Discipline.
func (f *fqCodel) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	i, size := f.bucket(id), f.port.Size(id)
	for f.port.Full(size) {
		if !f.makeRoom(now, i, size) {
			return trace.QueueFull
		}
	}
	q := &f.flows[i]
	q.list.Push(f.port, id)
	f.bytes += size
	if !q.listed {
		q.listed, q.deficit = true, f.quantum
		f.append(&f.new, i)
	}
	return trace.NoReason
}

// makeRoom drops from the queue with the most octets, the packet of the given size that
// has come for queue i counted with them. It reports false if that packet itself is the
// one to go.
func (f *fqCodel) makeRoom(now sim.Time, i int32, size int) bool {
	most, fat := 0, i
	for k := range f.flows {
		n := f.flows[k].list.Bytes
		if int32(k) == i {
			n += size
		}
		if n > most {
			most, fat = n, int32(k)
		}
	}
	q := &f.flows[fat]
	for n, sum := 0, 0; n == 0 || n < f.batch && sum < most/2; n++ {
		q.count++
		id := q.list.Pop(f.port)
		if id == 0 {
			return false
		}
		sum += f.port.Size(id)
		f.bytes -= f.port.Size(id)
		f.port.Drop(now, id, trace.HeadDrop)
	}
	return true
}

// Dequeue implements simnet.Discipline.
func (f *fqCodel) Dequeue(now sim.Time) (simnet.PacketID, sim.Time) {
	for {
		from := &f.new
		if from.head < 0 {
			if from = &f.old; from.head < 0 {
				return 0, sim.Never
			}
		}
		i := from.head
		q := &f.flows[i]
		if q.deficit <= 0 {
			q.deficit += f.quantum
			f.shift(from)
			f.append(&f.old, i)
			continue
		}
		id := q.dequeue(now, &f.rules, &q.list)
		if id != 0 {
			q.deficit -= f.port.Size(id)
			return id, sim.Never
		}
		again := from == &f.new && f.old.head >= 0
		f.shift(from)
		if again {
			f.append(&f.old, i)
		} else {
			q.listed = false
		}
	}
}

// Evict implements simnet.Discipline.
func (f *fqCodel) Evict() simnet.PacketID {
	for _, l := range []*fqList{&f.new, &f.old} {
		for ; l.head >= 0; f.shift(l) {
			q := &f.flows[l.head]
			if id := q.list.Pop(f.port); id != 0 {
				f.bytes -= f.port.Size(id)
				return id
			}
			q.listed = false
		}
	}
	return 0
}

// append puts a queue at the end of a list.
func (f *fqCodel) append(l *fqList, i int32) {
	f.flows[i].next = -1
	if l.tail >= 0 {
		f.flows[l.tail].next = i
	} else {
		l.head = i
	}
	l.tail = i
}

// shift takes the first queue off a list.
func (f *fqCodel) shift(l *fqList) {
	if l.head = f.flows[l.head].next; l.head < 0 {
		l.tail = -1
	}
}
