package nat_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"mpsim/internal/boxtest"
	"mpsim/net/nat"
	"mpsim/net/wire"
	"mpsim/sim"
)

// Over random traffic a translator of any kind gives a packet to no other inside
// end than the one that the outside end stands for: the last that was seen to send
// from there. What it lets out has an outside address of its own, a source that
// stands for one inside end at a time towards one remote end, and translates back:
// the answer reaches who sent.
func TestNeverTheWrongHost(t *testing.T) {
	for _, profile := range nat.ProfileNames() {
		for seed := range uint64(20) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			r := newRig(t)
			r.Quiet = true
			r.Put("nat", "profile="+profile, "outside=q,r", "first_port=2000", "last_port=2030", "hold=0s", "unsolicited_syn=drop", "stray=drop")
			type flow struct{ outside, remote netip.AddrPort }
			holder := map[flow]netip.AddrPort{}                   // by what the remote end sees
			users := map[netip.AddrPort]map[netip.AddrPort]bool{} // inside ends that an outside end ever stood for
			var flows []flow
			answered := 0
			for range 300 {
				in := boxtest.At(fmt.Sprintf("%c:%d", "ab"[rnd.IntN(2)], 2000+rnd.IntN(6)))
				remote := boxtest.At(fmt.Sprintf("%c:%d", "xy"[rnd.IntN(2)], 80+rnd.IntN(3)))
				r.Wire = nil
				switch rnd.IntN(4) {
				case 0, 1:
					r.Send(in, remote, wire.ProtoUDP, wire.Segment{Len: 10, Off: rnd.Uint64N(1000)}, nil)
					for _, p := range r.Wire {
						tu := p.Tuple(t)
						if tu.Dst != remote || tu.Src.Addr() != boxtest.Addresses["q"] && tu.Src.Addr() != boxtest.Addresses["r"] {
							t.Fatalf("%s: %v > %v left as %v", profile, in, remote, tu)
						}
						f := flow{tu.Src, remote}
						holder[f] = in
						flows = append(flows, f)
						if users[tu.Src] == nil {
							users[tu.Src] = map[netip.AddrPort]bool{}
						}
						users[tu.Src][in] = true
					}
				case 2: // an answer, or what looks like one
					if len(flows) == 0 {
						continue
					}
					f := flows[rnd.IntN(len(flows))]
					got := r.Send(f.remote, f.outside, wire.ProtoUDP, wire.Segment{Len: 10}, nil)
					for _, p := range r.Wire {
						tu := p.Tuple(t)
						if tu.Src != f.remote || tu.Dst != holder[f] {
							t.Fatalf("%s: answer to %v for %v got to %v", profile, f, holder[f], tu.Dst)
						}
						answered++
					}
					if f == flows[len(flows)-1] && len(got) == 0 {
						t.Fatalf("%s: the answer to the last packet is lost", profile)
					}
				case 3: // a stranger
					to := netip.AddrPortFrom(boxtest.Addresses[string("qr"[rnd.IntN(2)])], uint16(2000+rnd.IntN(31)))
					r.Send(remote, to, wire.ProtoUDP, wire.Segment{Len: 10}, nil)
					for _, p := range r.Wire {
						if tu := p.Tuple(t); !users[to][tu.Dst] {
							t.Fatalf("%s: a packet to %v got to %v, which never sent from there", profile, to, tu.Dst)
						}
					}
				}
				if rnd.IntN(20) == 0 {
					r.Wait(sim.Duration(rnd.IntN(400)) * sim.Second)
					flows = nil // they may have ended
				}
			}
			if answered == 0 || r.Net.Allocated() != 0 {
				t.Errorf("%s: %d answers, %d packets left", profile, answered, r.Net.Allocated())
			}
		}
	}
}

// The packet that an ICMP error quotes reads, behind the translator, octet by octet
// as the inside host sent it, checksums included, but for the TTL, which routers
// lower, and the header checksum with it.
func TestQuoteIsTranslatedBack(t *testing.T) {
	for _, quote := range []int{8, 20, 60} {
		for _, proto := range []uint8{wire.ProtoTCP, wire.ProtoUDP} {
			r := newRig(t)
			r.Put("nat", "profile=full-cone", "outside=p", "ports=random")
			s := wire.Segment{Seq: 77, Ack: 88, Window: 5, Len: 30, Flags: wire.SYN, Off: 12345}
			tu := wire.Tuple{Src: boxtest.At("a:1000"), Dst: boxtest.At("x:80"), Proto: proto}
			s.TTL = 63 // the router has lowered it
			sent := wire.AppendPacket(nil, &tu, &s, nil, -1)
			r.Send(tu.Src, tu.Dst, proto, s, nil)
			left := r.Wire[0].Bytes
			m := wire.NewUnreachable(wire.ProtoICMP, 1, left[:20+min(quote, len(left)-20)])
			r.ICMP(boxtest.At("x:0"), boxtest.At("p:0"), &m)
			back := r.Wire[len(r.Wire)-1]
			if got := back.Tuple(t); got.Dst.Addr() != boxtest.Addresses["a"] {
				t.Fatalf("the error got to %v", got.Dst)
			}
			got := back.Bytes[20+8:]
			if want := sent[:len(got)]; !bytes.Equal(got, want) {
				t.Errorf("quote of %d octets\n% x\nwant\n% x", quote, got, want)
			}
		}
	}
}

// A NAT of which every port is taken, or every session, drops what is new, traces
// it and serves what it has.
func TestBounds(t *testing.T) {
	r := newRig(t)
	r.Put("nat", "profile=full-cone", "outside=p", "ports=random", "first_port=3000", "last_port=3004")
	for i := range 5 {
		if got := r.Source(r.UDP(fmt.Sprintf("a:%d", 10+i), "x:80")); got == "" {
			t.Fatalf("port %d of 5 is not given", i)
		}
	}
	if got := r.UDP("a:20", "x:80"); len(got) != 1 || got[0] != "box: ports_exhausted" {
		t.Errorf("sixth of five ports: %q", got)
	}
	r = newRig(t)
	r.Put("nat", "profile=full-cone", "outside=p", "sessions=3")
	for i := range 4 {
		got := r.UDP("a:10", fmt.Sprintf("x:%d", 80+i))
		if (r.Source(got) == "") != (i == 3) {
			t.Errorf("session %d of 3: %q", i, got)
		}
	}
	if r.UDP("a:10", "x:80")[0] != "net: p:10 > x:80 IP 203.0.113.1.10 > 198.51.100.1.80: UDP, length 10" {
		t.Error("an old session does not pass")
	}
}

// Translating a packet of a known session allocates nothing.
func TestNoAllocationPerPacket(t *testing.T) {
	r := newRig(t)
	r.Net.SetVerify(false)
	r.Quiet = true
	x := r.Put("nat", "profile=linux-conntrack", "outside=p").(*nat.NAT)
	r.SYN("a:1000", "x:80")
	r.Send(boxtest.At("x:80"), boxtest.At("p:1000"), wire.ProtoTCP, wire.Segment{Seq: 5, Ack: 101, Flags: wire.SYN | wire.ACK, Window: 9000}, nil)
	acted := x.Acted()
	route := uint32(r.Net.Intern(wire.Tuple{Src: boxtest.At("a:1000"), Dst: boxtest.At("x:80"), Proto: wire.ProtoTCP}))
	nd := r.Nodes["a"]
	drain := &sink{r}
	r.Nodes["x"].SetReceiver(drain)
	n := testing.AllocsPerRun(100, func() {
		id := r.Net.Alloc()
		s := r.Net.Segment(id)
		*s = wire.Segment{Route: route, Seq: 101, Ack: 6, Flags: wire.ACK, Window: 9000, TTL: 64}
		nd.Send(r.Sim.Now(), id)
		r.Sim.Run(r.Sim.Now(), 1e6)
	})
	if n != 0 || x.Acted() != acted+101 {
		t.Errorf("%v allocations per packet, %d packets translated", n, x.Acted()-acted)
	}
}
