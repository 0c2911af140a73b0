package mbox_test

import (
	"net/netip"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// sink notes when which packet arrives.
type sink struct {
	n   *simnet.Network
	at  []sim.Time
	off []uint64
}

func (s *sink) Receive(now sim.Time, id simnet.PacketID) {
	s.at = append(s.at, now)
	s.off = append(s.off, s.n.Segment(id).Off)
	s.n.Free(id)
}

// source sends packet number arg.
type source struct {
	n     *simnet.Network
	node  *simnet.Node
	route simnet.RouteID
}

func (s *source) OnEvent(now sim.Time, arg uint64) {
	id := s.n.Alloc()
	seg := s.n.Segment(id)
	seg.Route, seg.Len, seg.Off, seg.TTL = uint32(s.route), 1000, arg, 64
	s.node.Send(now, id)
}

// With packets far apart each is delayed by its own draw, whose mean over many
// is half the bound; with packets close together none overtakes another.
func TestJitter(t *testing.T) {
	const bound = sim.Millisecond
	for _, gap := range []sim.Duration{2 * sim.Millisecond, 10 * sim.Microsecond} {
		s := sim.New(1, 0)
		n := simnet.New(s, new(trace.Run))
		a, b := n.AddNode("a"), n.AddNode("b")
		ia, ib := a.AddInterface("eth0"), b.AddInterface("eth0")
		pa, pb := netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("10.0.0.2/24")
		n.Connect("l", ia, ib, simnet.LinkConfig{}, simnet.LinkConfig{})
		ia.AddAddr(pa)
		ib.AddAddr(pb)
		rnd := sim.NewRand(1, 0, "jitter")
		ia.AddBox(mbox.NewJitter(bound, 0, rnd))
		in := &sink{n: n}
		b.SetReceiver(in)
		out := &source{n: n, node: a, route: n.Intern(wire.Tuple{
			Src: netip.AddrPortFrom(pa.Addr(), 1), Dst: netip.AddrPortFrom(pb.Addr(), 2), Proto: wire.ProtoUDP,
		})}
		h := s.Register(out)
		const packets = 2000
		for i := range packets {
			s.Schedule(sim.Time(i)*sim.Time(gap), s.NextKey(sim.Scenario), h, uint32(i))
		}
		s.Run(sim.Never, 1<<40)
		if len(in.at) != packets || n.Allocated() != 0 {
			t.Fatalf("%d of %d packets arrived, %d are left", len(in.at), packets, n.Allocated())
		}
		var sum sim.Duration
		last := sim.Time(0)
		for i, at := range in.at {
			sent := sim.Time(i) * sim.Time(gap)
			if in.off[i] != uint64(i) || at < sent {
				t.Fatalf("packet %d arrives as number %d at %v", in.off[i], i, at)
			}
			want := max(last, sent.Add(sim.Duration(rnd.FloatAt(uint64(i))*float64(bound))))
			if at != want {
				t.Fatalf("packet %d at %v, want %v", i, at, want)
			}
			last = at
			sum += at.Sub(sent)
		}
		// The mean of 2000 uniform draws has a standard error of 0.65 %.
		if mean := float64(sum) / packets / float64(bound); gap > bound && (mean < 0.48 || mean > 0.52) {
			t.Errorf("mean delay is %.3f of the bound, want 0.5", mean)
		}
	}
}
