package nat

import (
	"mpsim/net/mbox"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// gateway takes the packets that are addressed to a router at which translators
// stand: requests to their PCP servers, and packets from inside to an outside
// address that the router itself has, which are hairpinned. All others find no
// socket.
type gateway struct {
	net  *simnet.Network
	node *simnet.Node
	nats []*NAT
	now  sim.Time
	// current is the packet that was delivered.
	current simnet.Packet
}

// joinGateway makes a translator one of those at its router.
func joinGateway(env *mbox.Env, n *NAT) {
	g, ok := env.Node.Receiver().(*gateway)
	if !ok {
		g = &gateway{net: env.Net, node: env.Node}
		env.Node.SetReceiver(g)
		env.Node.SetForwarding(true)
	}
	g.nats = append(g.nats, n)
}

// Receive implements simnet.Receiver.
func (g *gateway) Receive(now sim.Time, id simnet.PacketID) {
	g.now = now
	g.current = g.net.Handle(id)
	p := &g.current
	t := *p.Tuple()
	for _, n := range g.nats {
		switch {
		case n.off || !n.translatesFrom(t.Src.Addr()):
		case n.forPCP(&t):
			n.servePCP(now, p, g)
			return
		case n.owns(t.Dst.Addr()):
			n.hairpin(now, p, g)
			return
		}
	}
	g.node.Drop(now, id, trace.NoSocket)
}

// hairpin translates a packet from inside that the router took for its own.
func (n *NAT) hairpin(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	if p.Segment().TTL <= 1 {
		out.Drop(p, trace.TTLExpired)
		return
	}
	p.Segment().TTL--
	n.Process(now, p, simnet.Out, out)
}

// Emit implements simnet.Emitter: whatever the direction, the router sends the
// packet on its way.
func (g *gateway) Emit(p *simnet.Packet, _ simnet.Dir) { g.node.Send(g.now, p.ID()) }

// Drop implements simnet.Emitter.
func (g *gateway) Drop(p *simnet.Packet, why trace.Reason) { g.node.Drop(g.now, p.ID(), why) }

// New implements simnet.Emitter.
func (g *gateway) New(t wire.Tuple) simnet.Packet {
	id := g.net.Alloc()
	g.net.Segment(id).Route = uint32(g.net.Intern(t))
	return g.net.Handle(id)
}

// Clone implements simnet.Emitter.
func (g *gateway) Clone(p *simnet.Packet) simnet.Packet { return g.net.Handle(g.net.Clone(p.ID())) }
