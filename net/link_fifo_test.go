package simnet_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

// bothModes runs a test for fifo and served links.
func bothModes(t *testing.T, f func(t *testing.T, mode simnet.Mode)) {
	t.Run("fifo", func(t *testing.T) { f(t, simnet.Fifo) })
	t.Run("served", func(t *testing.T) { f(t, simnet.Served) })
}

// TestStoreAndForward is A2 of the paper facts: N packets of L bits over k hops
// of rate C and delay D arrive after N*L/C + (k-1)*L/C + k*D, here 3*1.2 ms +
// 3*5 ms = 18.6 ms for one packet of 1500 octets at 10 Mb/s.
func TestStoreAndForward(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		for _, packets := range []int{1, 2, 10} {
			b := newLab(t)
			const hops = 3
			cfg := simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: 5 * sim.Millisecond}
			first, last, _ := b.chain(hops, cfg)
			r := b.net.Intern(udp("10.0.0.1:1", "10.9.0.2:2"))
			for i := range packets {
				b.at(0, func() { b.send(first, r, 0, 1500) })
				_ = i
			}
			_ = last
			b.finish()
			if len(b.arrived) != packets {
				t.Fatalf("%d of %d packets arrived", len(b.arrived), packets)
			}
			const serialise = 1200 * us
			want := sim.Time(packets)*serialise + (hops-1)*serialise + hops*5*ms
			if got := b.arrived[packets-1].At; got != want {
				t.Errorf("%d packets: last one at %v, want %v", packets, got, want)
			}
		}
	})
}

// chain makes hosts 10.0.0.1 and 10.9.0.2 with the given number of links
// between them.
func (b *lab) chain(hops int, cfg simnet.LinkConfig) (first, last *simnet.Node, links []*simnet.Link) {
	first = b.host("first")
	left := first.AddInterface("right")
	left.AddAddr(netip.MustParsePrefix("10.0.0.1/24"))
	first.AddRoute(simnet.MainTable, netip.MustParsePrefix("0.0.0.0/0"), left, 0)
	for i := 1; i <= hops; i++ {
		nd := b.net.AddNode(fmt.Sprintf("n%d", i))
		in := nd.AddInterface("left")
		down, _ := b.net.Connect(fmt.Sprintf("l%d", i), left, in, cfg, cfg)
		links = append(links, down)
		nd.AddRoute(simnet.MainTable, netip.MustParsePrefix("10.0.0.0/24"), in, 0)
		if i == hops {
			in.AddAddr(netip.MustParsePrefix("10.9.0.2/24"))
			nd.SetReceiver(sink{b})
			return first, nd, links
		}
		left = nd.AddInterface("right")
		nd.AddRoute(simnet.MainTable, netip.MustParsePrefix("0.0.0.0/0"), left, 0)
	}
	return first, nil, nil
}

// TestDropTailVector is E1 of the algorithm facts: a limit of two packets not
// counting the one in service, five packets at once: departures at 1.2, 2.4 and
// 3.6 ms and two drops.
func TestDropTailVector(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{
			Mode: mode, Rate: 10e6, Queue: simnet.Queue{Packets: 2, ExcludeService: true},
		})
		p.at(0, func() {
			for range 5 {
				p.send(1500)
			}
		})
		p.finish()
		want := []arrival{{1200 * us, 1}, {2400 * us, 2}, {3600 * us, 3}}
		if d := cmp.Diff(want, p.arrived); d != "" {
			t.Error(d)
		}
		if st := p.ab.Stats(); st.QueueDrops != 2 || st.Accepted != 3 || st.PacketHops != 5 {
			t.Errorf("stats %+v", st)
		}
	})
}
