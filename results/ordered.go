package results

import (
	"cmp"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"

	simnet "mpsim/net"
)

// Several parts of one run (see docs/PARALLEL.md) observe at the same time. Each keeps
// what it has observed, with its place in the order of the run, until all parts rest;
// then it is written in that order, which is the one that a single thread writes in.

// Where returns the place of the event that a part is carrying out: its time, its key,
// and the step of the timeline, of which all parts carry out the same events.
type Where func() (at sim.Time, key sim.Key, step uint32)

// observed is what one part has observed since the parts last rested.
type observed struct {
	where   Where
	entries []observation
	data    []byte
}

// observation is one line or frame.
type observation struct {
	at    sim.Time
	key   sim.Key
	step  uint32
	point int32 // of a frame
	out   bool
	// length is that of the packet, end where the octets end in data.
	length, end int
}

func (o *observed) add(x observation, octets []byte) {
	x.at, x.key, x.step = o.where()
	o.data = append(o.data, octets...)
	x.end = len(o.data)
	o.entries = append(o.entries, x)
}

// inOrder gives out what several parts have observed, and forgets it.
func inOrder(parts []*observed, write func(x *observation, octets []byte)) {
	next := make([]int, len(parts))
	for {
		var first *observation
		from := 0
		for i, p := range parts {
			if next[i] == len(p.entries) {
				continue
			}
			x := &p.entries[next[i]]
			if first == nil || cmp.Or(cmp.Compare(x.at, first.at), cmp.Compare(x.key, first.key), cmp.Compare(x.step, first.step)) < 0 {
				first, from = x, i
			}
		}
		if first == nil {
			break
		}
		begin := 0
		if next[from] > 0 {
			begin = parts[from].entries[next[from]-1].end
		}
		write(first, parts[from].data[begin:first.end])
		next[from]++
	}
	for _, p := range parts {
		p.entries, p.data = p.entries[:0], p.data[:0]
	}
}

// eventsPart is the event log of one part of a run.
type eventsPart struct {
	observed
	line Events
}

// Emit implements trace.Sink.
func (e *eventsPart) Emit(r *trace.Record) { e.add(observation{}, e.line.text(r)) }

// Part returns a sink for the records of one part of a run; Merge writes them.
func (e *Events) Part(names Namer, where Where) trace.Sink {
	p := &eventsPart{observed: observed{where: where}, line: Events{names: names}}
	e.parts = append(e.parts, &p.observed)
	return p
}

// Merge writes the records that the parts have emitted since the last call, in the order
// of the run.
func (e *Events) Merge() { inOrder(e.parts, func(_ *observation, line []byte) { e.write(line) }) }

// CapturePart captures the packets of one part of a run.
type CapturePart struct {
	observed
	frames Capture
}

// Part returns a capture for one part of a run; Merge writes its packets. Its points are
// those of c.
func (c *Capture) Part(where Where) *CapturePart {
	p := &CapturePart{observed: observed{where: where}, frames: Capture{snap: c.snap}}
	c.parts = append(c.parts, &p.observed)
	return p
}

// Attach captures the packets of an interface from now on, as a point of the whole
// capture.
func (p *CapturePart) Attach(ifc *simnet.Interface, point int) {
	ifc.AddTap(&tap{c: p, point: point})
}

func (p *CapturePart) packet(_ sim.Time, point int, out bool, t *wire.Tuple, s *wire.Segment, o *wire.Options) {
	frame, length := p.frames.frame(point, out, t, s, o)
	p.add(observation{point: int32(point), out: out, length: length}, frame)
}

// Merge writes the packets that the parts have captured since the last call, in the
// order of the run.
func (c *Capture) Merge() {
	inOrder(c.parts, func(x *observation, frame []byte) { c.write(x.at, int(x.point), x.out, frame, x.length) })
}
