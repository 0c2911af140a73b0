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

// taker frees what arrives.
type taker struct{ n *simnet.Network }

// Receive implements simnet.Receiver.
func (k taker) Receive(_ sim.Time, id simnet.PacketID) { k.n.Free(id) }

// text is a parameter of one word.
func text(name, word string) mbox.Setting {
	return mbox.Setting{Name: name, Texts: []string{word}, IsText: true}
}

// Boxes that read streams, answer in the name of others or look at the protocol allocate
// nothing for a packet, once a connection is there: segments of new data come and their
// acknowledgements go, and one in three comes behind the next.
func TestReadersDoNotAllocate(t *testing.T) {
	for _, c := range []struct {
		name, box string
		set       []mbox.Setting
		acts      bool
	}{
		{"captive, redirection", "captive", nil, true},
		{"captive, RST", "captive", []mbox.Setting{text("answer", "rst")}, true},
		{"captive, silence", "captive", []mbox.Setting{text("answer", "drop")}, true},
		{"ids", "ids", []mbox.Setting{text("signature", "needle")}, true},
		{"ids that knows MPTCP", "ids", []mbox.Setting{text("signature", "needle"), {Name: "aware", Number: 1}}, true},
		{"http-header", "http-header", nil, false},
		{"drop-protocols that drops", "drop-protocols", []mbox.Setting{text("known", "1")}, true},
		{"drop-protocols that passes", "drop-protocols", nil, false},
		{"jitter", "jitter", nil, false},
		{"delay", "delay", nil, true},
		{"reorder", "reorder", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sim.New(1, 0)
			n := simnet.New(s, new(trace.Run))
			a, b := n.AddNode("a"), n.AddNode("b")
			ia, ib := a.AddInterface("eth0"), b.AddInterface("eth0")
			n.Connect("l", ia, ib, simnet.LinkConfig{Delay: sim.Millisecond}, simnet.LinkConfig{Delay: sim.Millisecond})
			ia.AddAddr(netip.MustParsePrefix("10.0.0.1/24"))
			ib.AddAddr(netip.MustParsePrefix("10.0.0.2/24"))
			a.SetReceiver(taker{n})
			b.SetReceiver(taker{n})
			box, err := mbox.New(c.box, mbox.Everything(), c.set, &mbox.Env{Net: n, Node: a, Rand: sim.NewRand(1, 0, "box")})
			if err != nil {
				t.Fatal(err)
			}
			ia.AddBox(box)
			tuple := wire.Tuple{Src: netip.MustParseAddrPort("10.0.0.1:1000"), Dst: netip.MustParseAddrPort("10.0.0.2:80"), Proto: wire.ProtoTCP}
			there, back := uint32(n.Intern(tuple)), uint32(n.Intern(tuple.Reverse()))
			send := func(from *simnet.Node, seg wire.Segment) {
				id := n.Alloc()
				*n.Segment(id) = seg
				n.Segment(id).TTL = 64
				from.Send(s.Now(), id)
			}
			send(a, wire.Segment{Flags: wire.SYN, Window: 65000, Route: there})
			send(b, wire.Segment{Flags: wire.SYN | wire.ACK, Ack: 1, Window: 65000, Route: back})
			s.Run(s.Now().Add(5*sim.Millisecond), 1e6)
			next := wire.Seq(1)
			one := func() {
				for _, k := range []int{0, 2, 1} {
					seq := next.Add(1000 * k)
					send(a, wire.Segment{
						Seq: seq, Ack: 1<<30 + 1, Flags: wire.ACK, Len: 1000, Off: uint64(seq), Window: 100, Route: there,
						Opt: wire.HasTS | wire.HasDSS | wire.HasMap | wire.DSN8, TSVal: 7, TSEcr: 8, DSN: wire.DSN(seq), SSN: uint32(seq), MapLen: 1000,
					})
				}
				next = next.Add(3000)
				send(b, wire.Segment{Seq: 1, Ack: next, Flags: wire.ACK, Window: 1000, Route: back})
				s.Run(s.Now().Add(5*sim.Millisecond), 1e6)
			}
			for range 200 {
				one()
			}
			before := box.Acted()
			if n := testing.AllocsPerRun(100, one); n != 0 {
				t.Errorf("%v allocations for four packets", n)
			}
			if acted := box.Acted() - before; c.acts && acted < 100 {
				t.Errorf("it acted %d times", acted)
			}
		})
	}
}
