package nat_test

import (
	"testing"

	"mpsim/internal/boxtest"
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
			r.Net.SetVerify(false)
			r.Quiet = true
			if c.kind != "" {
				r.Put(c.kind, "profile="+c.profile, "outside=p")
			}
			r.SYN("a:1000", "x:80")
			if c.kind != "" {
				r.Send(boxtest.At("x:80"), boxtest.At("p:1000"), wire.ProtoTCP, wire.Segment{Seq: 5, Ack: 101, Flags: wire.SYN | wire.ACK, Window: 9000}, nil)
			}
			route := uint32(r.Net.Intern(wire.Tuple{Src: boxtest.At("a:1000"), Dst: boxtest.At("x:80"), Proto: wire.ProtoTCP}))
			r.Nodes["x"].SetReceiver(&sink{r})
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				id := r.Net.Alloc()
				*r.Net.Segment(id) = wire.Segment{Route: route, Seq: 101, Ack: 6, Flags: wire.ACK, Window: 9000, TTL: 64}
				r.Nodes["a"].Send(r.Sim.Now(), id)
				r.Sim.Run(r.Sim.Now(), 1e6)
			}
		})
	}
}
