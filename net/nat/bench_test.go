package nat_test

import (
	"testing"

	"mpsim/net/wire"
)

// BenchmarkPacket is one packet from inside to outside through the router, two
// links: without a box, through a translator, and through one that checks windows.
func BenchmarkPacket(b *testing.B) {
	for _, c := range []struct{ name, kind, profile string }{
		{"none", "", ""}, {"full-cone", "nat", "full-cone"}, {"linux-conntrack", "nat", "linux-conntrack"},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b)
			r.n.SetVerify(false)
			r.quiet = true
			if c.kind != "" {
				r.put(c.kind, "profile="+c.profile, "outside=p")
			}
			r.syn("a:1000", "x:80")
			if c.kind != "" {
				r.send(at("x:80"), at("p:1000"), wire.ProtoTCP, wire.Segment{Seq: 5, Ack: 101, Flags: wire.SYN | wire.ACK, Window: 9000}, nil)
			}
			route := uint32(r.n.Intern(wire.Tuple{Src: at("a:1000"), Dst: at("x:80"), Proto: wire.ProtoTCP}))
			r.nodes["x"].SetReceiver(&sink{r})
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				id := r.n.Alloc()
				*r.n.Segment(id) = wire.Segment{Route: route, Seq: 101, Ack: 6, Flags: wire.ACK, Window: 9000, TTL: 64}
				r.nodes["a"].Send(r.s.Now(), id)
				r.s.Run(r.s.Now(), 1e6)
			}
		})
	}
}
