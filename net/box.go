package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Box is a middlebox at an interface: one packet in, none, one or many out, in
// either direction, and timers of its own. NATs, firewalls and normalisers are
// boxes.
type Box interface {
	// Process takes a packet that travels in direction d. The box owns it: it
	// emits it, drops it, or copies *p and keeps the packet for later.
	Process(now sim.Time, p *Packet, d Dir, out Emitter)
	// NextTimeout returns when HandleTimeout is to be called, or sim.Never. It
	// is asked after each call of the other two.
	NextTimeout() sim.Time
	HandleTimeout(now sim.Time, out Emitter)
}

// Emitter is how a box sends and drops packets. It is valid during the call
// that it was given to; what is emitted goes on after that call has returned,
// in the order of emission, so that a box is never entered twice.
type Emitter interface {
	// Emit sends a packet on, away from the box in direction d. Its size is
	// computed anew.
	Emit(p *Packet, d Dir)
	// Drop ends a packet.
	Drop(p *Packet, why trace.Reason)
	// New returns an empty packet of the given tuple, Clone a copy.
	New(t wire.Tuple) Packet
	Clone(p *Packet) Packet
}

// Packet is a box's handle on a packet.
type Packet struct {
	net *Network
	id  PacketID
}

// Handle returns a box's handle on a packet that was delivered to a node.
func (n *Network) Handle(id PacketID) Packet { return Packet{n, id} }

// ID returns the packet's number.
func (p *Packet) ID() PacketID { return p.id }

// Segment returns the packet's hot line, which the box may change.
func (p *Packet) Segment() *wire.Segment { return p.net.Segment(p.id) }

// Options returns the packet's cold record, which the box may change, or nil.
func (p *Packet) Options() *wire.Options { return p.net.Options(p.id) }

// AddOptions returns the cold record, attaching an empty one if there is none.
func (p *Packet) AddOptions() *wire.Options { return p.net.AddOptions(p.id) }

// DropOptions detaches and frees the cold record.
func (p *Packet) DropOptions() { p.net.DropOptions(p.id) }

// Tuple returns the packet's addresses, ports and protocol.
func (p *Packet) Tuple() *wire.Tuple { return p.net.Tuple(p.Route()) }

// SetTuple rewrites them.
func (p *Packet) SetTuple(t wire.Tuple) { p.SetRoute(p.net.Intern(t)) }

// Route returns the number of the packet's tuple.
func (p *Packet) Route() RouteID { return RouteID(p.Segment().Route) }

// SetRoute is SetTuple for a box that remembers the numbers of its tuples.
func (p *Packet) SetRoute(r RouteID) {
	s := p.Segment()
	if s.Cold != 0 { // the checksum of a first fragment is over what follows, too
		p.net.record(s.Cold).AdjustSum(p.Tuple(), p.net.Tuple(r))
	}
	s.Route = uint32(r)
}

// boxSlot is the place of a box in the chain of an interface.
type boxSlot struct {
	box   Box
	ifc   *Interface
	pos   int
	timer sim.Timer
	// rule and partial are what happens to fragments.
	rule    FragmentRule
	partial *reassembly
}

// AddBox appends a box to the chain of the interface, on its wire side: packets
// that leave the node meet the boxes in the order of their addition, packets
// that come in in the reverse order.
func (ifc *Interface) AddBox(b Box) { ifc.AddBoxWith(b, ReassembleFragments) }

// AddBoxWith is AddBox for a box that treats fragments in a way of its own.
func (ifc *Interface) AddBoxWith(b Box, rule FragmentRule) {
	t := &ifc.node.net.boxes
	s := &boxSlot{box: b, ifc: ifc, pos: len(ifc.chain), rule: rule}
	s.timer.Init(ifc.node.origin, t.handler, uint32(len(t.slots)))
	t.slots = append(t.slots, s)
	ifc.chain = append(ifc.chain, s)
	ifc.retap()
	s.timer.Set(t.net.sim, b.NextTimeout())
}

// boxTable runs the boxes of a network and is their emitter.
type boxTable struct {
	net     *Network
	handler sim.HandlerID
	slots   []*boxSlot
	running *boxSlot
	current Packet
	// queue holds what was emitted and has not gone on, innermost run last.
	queue []emission
}

type emission struct {
	id PacketID
	d  Dir
}

func (t *boxTable) init(n *Network) {
	t.net = n
	t.handler = n.sim.Register(t)
}

// OnEvent is a timeout of box number arg.
func (t *boxTable) OnEvent(now sim.Time, arg uint64) {
	s := t.slots[arg]
	if !s.timer.Expired(t.net.sim) {
		return
	}
	base := len(t.queue)
	t.running = s
	s.box.HandleTimeout(now, t)
	t.finish(now, s, base)
}

// run gives a packet to a box.
func (t *boxTable) run(now sim.Time, s *boxSlot, id PacketID, d Dir) {
	if c := t.net.Segment(id).Cold; c != 0 && t.net.record(c).IsFragment() {
		if id = t.fragment(now, s, id, d); id == 0 {
			return
		}
	}
	t.taken(now, s, d, id)
	base := len(t.queue)
	t.running = s
	t.current = Packet{t.net, id}
	s.box.Process(now, &t.current, d, t)
	t.finish(now, s, base)
}

// taken tells the watcher that a box has got a packet.
func (t *boxTable) taken(now sim.Time, s *boxSlot, d Dir, id PacketID) {
	if t.net.watch != nil {
		t.net.watch.Taken(now, s.ifc, s.box, d, id)
	}
}

// finish sends on what the box has emitted.
func (t *boxTable) finish(now sim.Time, s *boxSlot, base int) {
	t.running = nil
	s.timer.Set(t.net.sim, s.box.NextTimeout())
	end := len(t.queue)
	for i := base; i < end; i++ {
		e := t.queue[i]
		t.goOn(now, s, e)
	}
	t.queue = t.queue[:base]
}

// goOn moves an emitted packet to the next box, the wire or the node.
func (t *boxTable) goOn(now sim.Time, s *boxSlot, e emission) {
	n, ifc := t.net, s.ifc
	if n.watch != nil {
		n.watch.Given(now, ifc, s.box, e.d, e.id)
	}
	if e.d == Out {
		if s.pos+1 < len(ifc.chain) {
			t.run(now, ifc.chain[s.pos+1], e.id, Out)
			return
		}
		n.transmit(now, ifc, e.id)
		return
	}
	if s.pos > 0 {
		t.run(now, ifc.chain[s.pos-1], e.id, In)
		return
	}
	seg := n.Segment(e.id)
	if seg.Hop == 0 {
		seg.Hop = 1 // made by the box: the node receives it
	}
	if n.watch != nil {
		n.watch.Entered(now, ifc, e.id)
	}
	n.step(now, ifc.node.origin, e.id, seg)
}

// Emit implements Emitter.
func (t *boxTable) Emit(p *Packet, d Dir) {
	if t.running == nil {
		sim.Bugf("a box emits outside of its turn")
	}
	t.net.Measure(p.id)
	t.queue = append(t.queue, emission{p.id, d})
}

// Drop implements Emitter.
func (t *boxTable) Drop(p *Packet, why trace.Reason) {
	if t.running == nil {
		sim.Bugf("a box drops outside of its turn")
	}
	t.net.dropAt(t.net.sim.Now(), t.running.ifc.node, p.id, why)
}

// New implements Emitter.
func (t *boxTable) New(tuple wire.Tuple) Packet {
	id := t.made(t.net.Alloc())
	t.net.Segment(id).Route = uint32(t.net.Intern(tuple))
	return Packet{t.net, id}
}

// Clone implements Emitter.
func (t *boxTable) Clone(p *Packet) Packet { return Packet{t.net, t.made(t.net.Clone(p.id))} }

// made tells the watcher of a new packet that no node has made.
func (t *boxTable) made(id PacketID) PacketID {
	if t.net.watch != nil {
		t.net.watch.Made(id)
	}
	return id
}
