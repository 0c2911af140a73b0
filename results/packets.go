package results

import (
	"encoding/binary"
	"io"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// PacketsName is the capture of all places in a run directory.
const PacketsName = "packets.pcapng"

// Packets is a capture (pcapng) of every packet at every place that it passes: it leaves a
// node or box (outbound) or reaches it (inbound). The option epb_packetid tells which packet
// it is: it has one number from the node or box that made it to its end, however it was
// changed between (pcapng, section 4.3: "if the same packet is seen by two interfaces ... the
// same epb_packetid value must be used"). Where a packet is dropped it is seen once more, without a
// direction and with a comment "dropped: REASON".
//
// Interfaces are named "node.iface" (described as "host" or "router"), as a box (described
// as "box TYPE"), or as a direction of a link that dropped something ("link to PLACE", a node
// or box); a packet that a node drops without a link is seen at the node's name.
//
// It is a simnet.Watcher. A packet number (simnet.PacketID) is taken again once its packet
// has ended, and not everybody says when that is; therefore the same number means the same
// packet only where it can have come from where it was last. Fragments have numbers of their
// own, and so has a packet that was put together of them.
type Packets struct {
	c      *Capture
	points map[any]int // by interface, box, link or node
	boxes  map[simnet.Box]NamedBox
	last   []spot // by packet number
	serial uint64
	opts   []byte
}

// NamedBox tells what a box of the network is called.
type NamedBox struct {
	Box        simnet.Box
	Name, Type string
}

// spot is where a packet was last seen: a node that it has entered, a box that has taken it, or
// the interface on the wire side of which it travels.
type spot struct {
	serial uint64 // 0: its packet has ended
	place  any
}

// Options of a block.
const (
	commentOption = 1
	serialOption  = 5 | 8<<16 // epb_packetid: code and length
)

// NewPackets returns a capture of a network that is complete, which writes to w.
func NewPackets(w io.Writer, info CaptureInfo, n *simnet.Network, boxes []NamedBox) *Packets {
	p := &Packets{c: NewCapture(w, info, 0), points: map[any]int{}, boxes: map[simnet.Box]NamedBox{}}
	for _, nd := range n.Nodes() {
		for _, ifc := range nd.Interfaces() {
			if ifc.Out() != nil {
				p.points[ifc] = p.c.addPoint(nd.Name()+"."+ifc.Name(), nodeKind(nd))
			}
		}
	}
	for _, b := range boxes {
		p.boxes[b.Box] = b
		p.points[b.Box] = p.c.addPoint(b.Name, "box "+b.Type)
	}
	n.SetWatcher(p)
	return p
}

func nodeKind(nd *simnet.Node) string {
	if nd.Forwards() {
		return "router"
	}
	return "host"
}

// Flush writes what is buffered and returns the first error.
func (p *Packets) Flush() error { return p.c.Flush() }

// at returns the number of the packet that is seen now, if it was before at a place, or a new
// one.
func (p *Packets) at(id simnet.PacketID, place any) *spot {
	for int(id) >= len(p.last) {
		p.last = append(p.last, spot{})
	}
	s := &p.last[id]
	if s.serial == 0 || s.place != place {
		p.serial++
		s.serial = p.serial
	}
	return s
}

// Left implements simnet.Watcher.
func (p *Packets) Left(now sim.Time, ifc *simnet.Interface, id simnet.PacketID) {
	nd := ifc.Node()
	var from any = nd
	if nd.Network().Segment(id).Hop == 0 {
		from = nil // of the node itself
	}
	s := p.at(id, from)
	s.place = ifc
	p.write(now, p.points[ifc], flagsOutbound, nd.Network(), id, s.serial, "")
}

// Entered implements simnet.Watcher.
func (p *Packets) Entered(now sim.Time, ifc *simnet.Interface, id simnet.PacketID) {
	s := p.at(id, p.before(ifc, id))
	s.place = ifc.Node()
	p.write(now, p.points[ifc], flagsInbound, ifc.Node().Network(), id, s.serial, "")
}

// before returns the place that a packet is known from that comes to an interface, or is
// between its boxes: this interface, or the one at the other end.
func (p *Packets) before(ifc *simnet.Interface, id simnet.PacketID) any {
	if int(id) < len(p.last) && p.last[id].place == any(ifc) || ifc.In() == nil {
		return ifc
	}
	return ifc.In().From()
}

// Taken implements simnet.Watcher.
func (p *Packets) Taken(now sim.Time, ifc *simnet.Interface, b simnet.Box, d simnet.Dir, id simnet.PacketID) {
	var from any = ifc
	if d == simnet.In {
		from = p.before(ifc, id)
	}
	s := p.at(id, from)
	s.place = b
	p.write(now, p.points[b], flagsInbound, ifc.Node().Network(), id, s.serial, "")
}

// Given implements simnet.Watcher.
func (p *Packets) Given(now sim.Time, ifc *simnet.Interface, b simnet.Box, _ simnet.Dir, id simnet.PacketID) {
	s := p.at(id, b)
	s.place = ifc
	p.write(now, p.points[b], flagsOutbound, ifc.Node().Network(), id, s.serial, "")
}

// Made implements simnet.Watcher.
func (p *Packets) Made(id simnet.PacketID) {
	if int(id) < len(p.last) {
		p.last[id] = spot{}
	}
}

// Dropped implements simnet.Watcher.
func (p *Packets) Dropped(now sim.Time, nd *simnet.Node, lk *simnet.Link, b simnet.Box, id simnet.PacketID, why trace.Reason) {
	var point int
	var place any = nd
	switch {
	case lk != nil && lk.From() == nil:
		return // of the node to itself
	case lk != nil:
		point, place = p.point(lk, lk.Name(), "link to "+p.beyond(lk)), lk.From()
	case b != nil:
		point, place = p.points[b], b
	default:
		point = p.point(nd, nd.Name(), nodeKind(nd))
	}
	s := p.at(id, place)
	p.write(now, point, 0, nd.Network(), id, s.serial, "dropped: "+why.String())
	*s = spot{}
}

// point returns the capture point of something that need not have one yet.
func (p *Packets) point(of any, name, description string) int {
	k, ok := p.points[of]
	if !ok {
		k = p.c.addPoint(name, description)
		p.points[of] = k
	}
	return k
}

// beyond names the place that packets of a link come to: the outermost box of the interface
// at its end, or its node.
func (p *Packets) beyond(lk *simnet.Link) string {
	if b := lk.To().OuterBox(); b != nil {
		return p.boxes[b].Name
	}
	return lk.To().Node().Name()
}

func (p *Packets) write(now sim.Time, point int, flags uint32, n *simnet.Network, id simnet.PacketID, serial uint64, comment string) {
	s := n.Segment(id)
	var tuple *wire.Tuple = n.Tuple(simnet.RouteID(s.Route))
	frame, length := p.c.frame(point, flags == flagsOutbound, tuple, s, n.Options(id))
	le := binary.LittleEndian
	b := le.AppendUint32(p.opts[:0], flagsOption)
	b = le.AppendUint32(b, flags)
	b = le.AppendUint32(b, serialOption)
	b = le.AppendUint64(b, serial)
	if comment != "" {
		b = le.AppendUint32(b, commentOption|uint32(len(comment))<<16)
		b = append(b, comment...)
		b = append(b, 0, 0, 0)[:(len(b)+3)&^3]
	}
	p.opts = b
	p.c.block(now, point, frame, length, b)
}
