package radio_test

import (
	"fmt"
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

const (
	us = sim.Microsecond
	ms = sim.Millisecond
)

// lab is a network of hosts around one access point, for tests of radio links.
type lab struct {
	sim     *sim.Sim
	net     *simnet.Network
	ap      *simnet.Node
	script  []func()
	handler sim.HandlerID
}

func newLab(seed uint64) *lab {
	s := sim.New(seed, 0)
	b := &lab{sim: s, net: simnet.New(s, new(trace.Run))}
	b.handler = s.Register(b)
	b.ap = b.net.AddNode("ap")
	return b
}

func (b *lab) OnEvent(_ sim.Time, arg uint64) { b.script[arg]() }

func (b *lab) at(t sim.Time, f func()) {
	b.script = append(b.script, f)
	b.sim.Schedule(t, b.sim.NextKey(sim.Scenario), b.handler, uint32(len(b.script)-1))
}

// host is one that a link joins to the access point.
type host struct {
	*lab
	node         *simnet.Node
	up, down     *simnet.Link // to the access point, from it
	forth, back  simnet.RouteID
	sent         wire.Seq
	atAP, atHost []arrival
	keep         int // packets that each queue is kept at; 0: none are sent by themselves
	keepDown     int
	size         int
}

type arrival struct {
	at   sim.Time
	seq  wire.Seq
	size int
}

func (b *lab) host(name string, up, down simnet.LinkConfig) *host {
	n := len(b.net.Nodes())
	h := &host{lab: b, node: b.net.AddNode(name), size: 1500}
	ih, ia := h.node.AddInterface("eth0"), b.ap.AddInterface(name)
	ih.AddAddr(netip.MustParsePrefix(fmt.Sprintf("10.0.%d.1/24", n)))
	ia.AddAddr(netip.MustParsePrefix(fmt.Sprintf("10.0.%d.2/24", n)))
	h.down, h.up = b.net.Connect(name, ia, ih, down, up)
	tuple := wire.Tuple{
		Src: netip.MustParseAddrPort(fmt.Sprintf("10.0.%d.1:1", n)), Dst: netip.MustParseAddrPort(fmt.Sprintf("10.0.%d.2:2", n)),
		Proto: wire.ProtoUDP,
	}
	h.forth = b.net.Intern(tuple)
	h.back = b.net.Reverse(h.forth)
	h.node.SetReceiver(receiver(func(now sim.Time, id simnet.PacketID) {
		h.atHost = append(h.atHost, arrival{now, b.net.Segment(id).Seq, b.net.Size(id)})
		b.net.Free(id)
		h.refill()
	}))
	return h
}

// collect delivers what arrives at the access point to the hosts that sent it.
func (b *lab) collect(hosts ...*host) {
	b.ap.SetReceiver(receiver(func(now sim.Time, id simnet.PacketID) {
		for _, h := range hosts {
			if simnet.RouteID(b.net.Segment(id).Route) == h.forth {
				h.atAP = append(h.atAP, arrival{now, b.net.Segment(id).Seq, b.net.Size(id)})
			}
		}
		b.net.Free(id)
		for _, h := range hosts {
			h.refill()
		}
	}))
}

// refill keeps the queues of the host at what is asked for.
func (h *host) refill() {
	for h.keep > 0 && h.up.QueuePackets() < int64(h.keep) {
		h.send(h.size)
	}
	for h.keepDown > 0 && h.down.QueuePackets() < int64(h.keepDown) {
		h.sendDown(h.size)
	}
}

func (h *host) send(size int)     { h.sent++; h.lab.send(h.node, h.forth, h.sent, size) }
func (h *host) sendDown(size int) { h.sent++; h.lab.send(h.ap, h.back, h.sent, size) }

func (b *lab) send(from *simnet.Node, r simnet.RouteID, seq wire.Seq, size int) {
	id := b.net.Alloc()
	s := b.net.Segment(id)
	s.Route, s.Seq, s.TTL, s.Flags = uint32(r), seq, 64, wire.ACK
	s.Len = uint16(size - wire.HeaderLen(b.net.Tuple(r), s, nil))
	from.Send(b.sim.Now(), id)
}

// run runs up to a time and returns the octets that have arrived at the access point
// and at the hosts.
func (b *lab) run(until sim.Time, hosts ...*host) (up, down int) {
	b.sim.Run(until, 1<<40)
	for _, h := range hosts {
		for _, a := range h.atAP {
			up += a.size
		}
		for _, a := range h.atHost {
			down += a.size
		}
	}
	return up, down
}

type receiver func(now sim.Time, id simnet.PacketID)

func (f receiver) Receive(now sim.Time, id simnet.PacketID) { f(now, id) }

// mbps is a rate in megabits a second.
func mbps(octets int, d sim.Duration) float64 { return float64(octets) * 8 / d.Seconds() / 1e6 }
