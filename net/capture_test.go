package simnet_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// tap records what it sees.
type tap struct {
	net  *simnet.Network
	seen []string
}

func (x *tap) Packet(now sim.Time, ifc *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	seg := x.net.Segment(id)
	x.seen = append(x.seen, fmt.Sprintf("%v %s/%s %v seq %d ttl %d size %d",
		now, ifc.Node().Name(), ifc.Name(), d, seg.Seq, seg.TTL, x.net.Size(id)))
}

// A tap sees what the interface gives to its link, also what the link drops,
// and what arrives.
func TestTaps(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{Rate: 10e6, Queue: simnet.Queue{Packets: 1}})
	p.answer()
	x := &tap{net: p.net}
	p.a.Interface("eth0").AddTap(x)
	p.b.Interface("eth0").AddTap(x)
	p.at(0, func() { p.send(1500); p.send(1500) })
	p.finish()
	want := []string{
		"0.000000000 a/eth0 out seq 1 ttl 64 size 1500",
		"0.000000000 a/eth0 out seq 2 ttl 64 size 1500",
		"0.001200000 b/eth0 in seq 1 ttl 64 size 1500",
		"0.001200000 b/eth0 out seq 1 ttl 64 size 1500",
		"0.002400000 a/eth0 in seq 1 ttl 64 size 1500",
	}
	if d := cmp.Diff(want, x.seen); d != "" {
		t.Error(d)
	}
}

// A tap stands on the wire side of the boxes.
func TestTapSeesTheWire(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{})
	x := &tap{net: p.net}
	p.a.Interface("eth0").AddTap(x)
	p.a.Interface("eth0").AddBox(new(counter))
	p.at(0, func() { p.send(100); p.send(100); p.send(100) })
	p.finish()
	if len(x.seen) != 2 {
		t.Errorf("the tap saw %d of the 2 packets that the box let through", len(x.seen))
	}
}

// In verify mode packets with all sorts of contents survive each hop, and one
// that would not is a bug.
func TestVerify(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{})
	p.net.SetVerify(true)
	p.at(0, func() {
		p.send(1500)
		r := uint32(p.net.Intern(tcp("10.0.0.1:5", "10.0.0.2:6")))
		data := p.net.Alloc()
		*p.net.Segment(data) = wire.Segment{Route: r, Seq: 1, Ack: 2, TTL: 64, Flags: wire.ACK | wire.PSH,
			Opt:   wire.HasTS | wire.HasDataAck | wire.HasMap | wire.HasDSS | wire.DSN8 | wire.DataAck8,
			TSVal: 9, TSEcr: 8, DSN: 1 << 40, DataAck: 1 << 41, SSN: 77, MapLen: 1000,
			Len: 1000, Off: 123456789, Window: 500, TOS: wire.ECT0}
		p.a.Send(0, data)
		sack := p.net.Alloc()
		*p.net.Segment(sack) = wire.Segment{Route: r, Seq: 1, Ack: 2, TTL: 64, Flags: wire.ACK,
			Opt: wire.HasTS | wire.HasDataAck | wire.HasDSS, TSVal: 9, DataAck: 1 << 30}
		o := p.net.AddOptions(sack)
		o.Present, o.NSACK = wire.OptSACK, 1
		o.SACK[0] = wire.SACKBlock{Start: 5, End: 6}
		p.a.Send(0, sack)
	})
	p.finish()
	if len(p.arrived) != 3 {
		t.Errorf("%d packets arrived", len(p.arrived))
	}
	p.at(p.sim.Now(), func() {
		id := p.net.Alloc()
		seg := p.net.Segment(id)
		seg.Route, seg.TTL = uint32(p.net.Intern(tcp("10.0.0.1:5", "10.0.0.2:6"))), 64
		seg.TSVal = 5 // without HasTS: cannot be seen on the wire
		p.a.Send(p.sim.Now(), id)
	})
	defer func() {
		if _, ok := recover().(*sim.Bug); !ok {
			t.Error("a packet that does not survive its bytes is no bug")
		}
	}()
	p.sim.Run(sim.Never-1, 1<<40)
}

// The run hash sees times, drops and header fields, but not numbers.
func TestHashSees(t *testing.T) {
	run := func(prepare func(*pair), change func(*wire.Segment)) trace.Hash {
		p := newPair(t, simnet.LinkConfig{Rate: 10e6, Delay: ms1, Queue: simnet.Queue{Packets: 2}})
		prepare(p)
		p.at(1*ms, func() {
			for i := range seqNumber(3) {
				id := p.net.Alloc()
				seg := p.net.Segment(id)
				*seg = wire.Segment{Route: uint32(p.net.Intern(tcp("10.0.0.1:5", "10.0.0.2:6"))), Seq: i, TTL: 64}
				change(seg)
				p.a.Send(p.sim.Now(), id)
			}
		})
		p.finish()
		return p.run.Hash()
	}
	nothing := func(*wire.Segment) {}
	base := run(func(*pair) {}, nothing)
	if base != run(func(p *pair) { p.net.Alloc(); p.net.Alloc(); p.net.Intern(udp("1.1.1.1:1", "1.1.1.1:2")); freeAll(p) }, nothing) {
		t.Error("numbers reach the hash")
	}
	for name, change := range map[string]func(*wire.Segment){
		"seq":   func(s *wire.Segment) { s.Seq += 100 },
		"ack":   func(s *wire.Segment) { s.Ack++ },
		"size":  func(s *wire.Segment) { s.Len++ },
		"flags": func(s *wire.Segment) { s.Flags |= wire.FIN },
		"tos":   func(s *wire.Segment) { s.TOS = wire.CE },
	} {
		if run(func(*pair) {}, change) == base {
			t.Errorf("%s does not reach the hash", name)
		}
	}
	if run(func(p *pair) { p.ab.SetQueue(simnet.Queue{}) }, nothing) == base {
		t.Error("a drop does not reach the hash")
	}
	if run(func(p *pair) { p.ab.SetRate(11e6) }, nothing) != base {
		t.Log("the rate reaches the hash only through the times of later hops") // hosts fold arrivals
	}
}

const ms1 = sim.Millisecond

// freeAll frees the packets that a test has allocated, by their numbers.
func freeAll(p *pair) {
	for id := simnet.PacketID(1); p.net.Allocated() > 0; id++ {
		p.net.Free(id)
	}
}
