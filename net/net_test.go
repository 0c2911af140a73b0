package simnet_test

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// lab is a network under test: it sends packets at given times and records
// where they arrive.
type lab struct {
	t   fataler
	sim *sim.Sim
	run *trace.Run
	net *simnet.Network

	script  []func()
	handler sim.HandlerID
	arrived []arrival
}

// fataler is a test or a check of a property.
type fataler interface {
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// arrival is one packet that reached a receiver.
type arrival struct {
	At  sim.Time
	Seq wire.Seq
}

func newLab(t fataler) *lab { return newSeededLab(t, 1) }

func newSeededLab(t fataler, seed uint64) *lab {
	b := &lab{t: t, sim: sim.New(seed, 0), run: new(trace.Run)}
	b.net = simnet.New(b.sim, b.run)
	b.handler = b.sim.Register(b)
	return b
}

// OnEvent runs an action of the script.
func (b *lab) OnEvent(_ sim.Time, arg uint64) { b.script[arg]() }

// at runs f at the given time, before everything else that happens then.
func (b *lab) at(t sim.Time, f func()) {
	b.script = append(b.script, f)
	b.sim.Schedule(t, b.sim.NextKey(sim.Scenario), b.handler, uint32(len(b.script)-1))
}

// host makes a node whose packets are recorded and freed.
func (b *lab) host(name string) *simnet.Node {
	nd := b.net.AddNode(name)
	nd.SetReceiver(sink{b})
	return nd
}

type sink struct{ b *lab }

func (s sink) Receive(now sim.Time, id simnet.PacketID) {
	s.b.arrived = append(s.b.arrived, arrival{now, s.b.net.Segment(id).Seq})
	s.b.net.Free(id)
}

// pair is two hosts a (10.0.0.1) and b (10.0.0.2) with one link.
type pair struct {
	*lab
	a, b     *simnet.Node
	ab, ba   *simnet.Link
	forth    simnet.RouteID
	sequence wire.Seq
}

func newPair(t fataler, cfg simnet.LinkConfig) *pair { return pairIn(newLab(t), cfg) }

func pairIn(b *lab, cfg simnet.LinkConfig) *pair {
	p := &pair{lab: b, a: b.host("a"), b: b.host("b")}
	ia, ib := p.a.AddInterface("eth0"), p.b.AddInterface("eth0")
	ia.AddAddr(netip.MustParsePrefix("10.0.0.1/24"))
	ib.AddAddr(netip.MustParsePrefix("10.0.0.2/24"))
	p.ab, p.ba = b.net.Connect("l", ia, ib, cfg, cfg)
	p.forth = b.net.Intern(udp("10.0.0.1:1", "10.0.0.2:2"))
	return p
}

// send sends one packet of the given IP length from a to b now; the packets are
// numbered from 1 on in their sequence number.
func (p *pair) send(size int) {
	p.sequence++
	p.lab.send(p.a, p.forth, p.sequence, size)
}

// send sends a packet of the given IP length now.
func (b *lab) send(from *simnet.Node, r simnet.RouteID, seq wire.Seq, size int) {
	id := b.net.Alloc()
	s := b.net.Segment(id)
	s.Route, s.Seq, s.TTL, s.Flags = uint32(r), seq, 64, wire.ACK
	header := wire.HeaderLen(b.net.Tuple(r), s, nil)
	if size < header {
		b.t.Fatalf("a packet of %d octets has no room for %d of header", size, header)
	}
	s.Len = uint16(size - header)
	from.Send(b.sim.Now(), id)
}

// finish runs until nothing is left to do and checks that nothing leaks.
func (b *lab) finish() {
	b.sim.Run(sim.Never-1, 1<<40)
	if n := b.net.Allocated(); n != 0 {
		b.t.Errorf("%d packets are left without an owner", n)
	}
}

func udp(src, dst string) wire.Tuple { return tuple(src, dst, wire.ProtoUDP) }
func tcp(src, dst string) wire.Tuple { return tuple(src, dst, wire.ProtoTCP) }

func tuple(src, dst string, proto uint8) wire.Tuple {
	return wire.Tuple{Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst), Proto: proto}
}

func (b *lab) times() []sim.Time {
	var out []sim.Time
	for _, a := range b.arrived {
		out = append(out, a.At)
	}
	return out
}

const (
	us = sim.Time(sim.Microsecond)
	ms = sim.Time(sim.Millisecond)
	s  = sim.Time(sim.Second)
)

type seqNumber = wire.Seq
