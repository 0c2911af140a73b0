package simnet_test

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// fatTree is the experiment of the bare event loop (peers/floor): a fat-tree of
// switches with k ports, 100 Mb/s and 1 us a link, a random permutation of the
// hosts, sub flows for each, a window of 20 packets of 1500 octets, each
// answered by one of 60 octets over the reverse path.
type fatTree struct {
	*lab
	k, half int
	nodes   map[string]*simnet.Node
	ifcs    map[[2]string]*simnet.Interface
	rng     *sim.Rand
	starts  []simnet.RouteID
	from    []*simnet.Node
}

// echo answers data with an acknowledgement and the other way round.
type echo struct {
	net *simnet.Network
	at  *simnet.Node
}

func (e *echo) Receive(now sim.Time, id simnet.PacketID) {
	s := e.net.Segment(id)
	s.Route = uint32(e.net.Reverse(simnet.RouteID(s.Route)))
	s.TTL = 64
	if s.Len > 8 {
		s.Len = 8
	} else {
		s.Len = 1448
	}
	s.Seq++
	e.at.Send(now, id)
}

// OnEvent starts one packet of flow arg.
func (f *fatTree) OnEvent(now sim.Time, arg uint64) {
	id := f.net.Alloc()
	s := f.net.Segment(id)
	s.Route, s.Len, s.TTL = uint32(f.starts[arg]), 1448, 64
	s.Opt, s.Flags = wire.HasTS, wire.ACK
	f.from[arg].Send(now, id)
}

func (f *fatTree) node(name string, host bool) *simnet.Node {
	if nd := f.nodes[name]; nd != nil {
		return nd
	}
	nd := f.net.AddNode(name)
	if host {
		nd.SetReceiver(&echo{f.net, nd})
	}
	f.nodes[name] = nd
	return nd
}

// hop returns the interface of node a towards node b.
func (f *fatTree) hop(a, b string, mode simnet.Mode) *simnet.Interface {
	if ifc := f.ifcs[[2]string{a, b}]; ifc != nil {
		return ifc
	}
	na, nb := f.node(a, a[0] == 'h'), f.node(b, b[0] == 'h')
	ia, ib := na.AddInterface("to-"+b), nb.AddInterface("to-"+a)
	cfg := simnet.LinkConfig{Mode: mode, Rate: 100e6, Delay: sim.Microsecond, Queue: simnet.Queue{Packets: 1000}}
	f.net.Connect(a+"-"+b, ia, ib, cfg, cfg)
	f.ifcs[[2]string{a, b}] = ia
	f.ifcs[[2]string{b, a}] = ib
	return ia
}

// route installs host routes to addr along the named nodes.
func (f *fatTree) route(addr netip.Addr, names []string, mode simnet.Mode) {
	for i := range len(names) - 1 {
		ifc := f.hop(names[i], names[i+1], mode)
		ifc.Node().AddRoute(simnet.MainTable, netip.PrefixFrom(addr, 32), ifc, 0)
	}
}

// path names the nodes from host a to host b over the core switch (i, j).
func (f *fatTree) path(a, b, i, j int) []string {
	ea, eb := a/f.half, b/f.half
	pa, pb := ea/f.half, eb/f.half
	p := []string{fmt.Sprintf("h%d", a), fmt.Sprintf("e%d", ea)}
	if ea != eb {
		p = append(p, fmt.Sprintf("a%d", pa*f.half+i))
		if pa != pb {
			p = append(p, fmt.Sprintf("c%d", i*f.half+j), fmt.Sprintf("a%d", pb*f.half+i))
		}
		p = append(p, fmt.Sprintf("e%d", eb))
	}
	return append(p, fmt.Sprintf("h%d", b))
}

func newFatTree(t testing.TB, k, sub int, mode simnet.Mode) *fatTree {
	f := &fatTree{lab: newLab(t), k: k, half: k / 2, nodes: map[string]*simnet.Node{},
		ifcs: map[[2]string]*simnet.Interface{}}
	f.rng = f.sim.Stream("permutation")
	h := f.sim.Register(f)
	hosts := k * k * k / 4
	perm := make([]int, hosts)
	for i := range perm {
		j := int(f.rng.IntN(uint64(i + 1)))
		perm[i], perm[j] = perm[j], i
	}
	for a := range hosts {
		b := perm[a]
		if a == b {
			b = (a + 1) % hosts
		}
		for x := range sub {
			src := netip.AddrFrom4([4]byte{10, byte(a >> 8), byte(a), byte(x)})
			dst := netip.AddrFrom4([4]byte{11, byte(a >> 8), byte(a), byte(x)})
			i, j := int(f.rng.IntN(uint64(f.half))), int(f.rng.IntN(uint64(f.half)))
			f.route(dst, f.path(a, b, i, j), mode)
			f.route(src, f.path(b, a, i, j), mode)
			f.nodes[fmt.Sprintf("h%d", a)].Interfaces()[0].AddAddr(netip.PrefixFrom(src, 32))
			f.nodes[fmt.Sprintf("h%d", b)].Interfaces()[0].AddAddr(netip.PrefixFrom(dst, 32))
			f.starts = append(f.starts, f.net.Intern(wire.Tuple{
				Src: netip.AddrPortFrom(src, 40000), Dst: netip.AddrPortFrom(dst, 80), Proto: wire.ProtoTCP}))
			f.from = append(f.from, f.nodes[fmt.Sprintf("h%d", a)])
			for range 20 {
				at := sim.Time(f.rng.IntN(1e6))
				f.sim.Schedule(at, f.sim.NextKey(sim.Scenario), h, uint32(len(f.starts)-1))
			}
		}
	}
	return f
}

// BenchmarkLinkHop is one packet-hop, hash on: compare with the bare loop of
// internal/floor with the same k and sub and mode heap1ev. One operation is one
// event, and there is one event for each packet-hop.
func BenchmarkLinkHop(b *testing.B) {
	for _, c := range []struct {
		k, sub int
		mode   simnet.Mode
	}{{4, 4, simnet.Fifo}, {8, 8, simnet.Fifo}, {16, 8, simnet.Fifo}, {4, 4, simnet.Served}} {
		name := "fifo"
		if c.mode == simnet.Served {
			name = "served"
		}
		b.Run(fmt.Sprintf("k%d-s%d-%s", c.k, c.sub, name), func(b *testing.B) {
			f := newFatTree(b, c.k, c.sub, c.mode)
			f.sim.Run(20*ms, 1<<40)
			b.ReportAllocs()
			b.ResetTimer()
			before, cpu := f.net.PacketHops(), cpuTime()
			f.sim.Run(sim.Never-1, uint64(b.N))
			b.StopTimer()
			hops := float64(f.net.PacketHops() - before)
			b.ReportMetric(float64(cpuTime()-cpu)/hops, "cpu-ns/hop")
			b.ReportMetric(float64(b.N)/hops, "events/hop")
		})
	}
}

// cpuTime returns the processor time of the process in nanoseconds: on a shared
// machine the wall clock says little.
func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
