package simnet_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	simnet "mpsim/net"
	"mpsim/sim"
)

// ladder is a host a behind router in, n routers side by side, and router out
// before host b; the last of the side routers has two ways to out, by which the
// second choice on a path can be seen:
//
//	a -- in -- mid0 ... mid(n-1) == out -- b
type ladder struct {
	*lab
	a, b, in, out *simnet.Node
	mids          []*simnet.Node
	first         []*simnet.Link // in to mids
	back          []*simnet.Link // out to mids, one for each way
	second        [][2]*simnet.Link
	seq           seqNumber
}

func newLadder(t fataler, seed uint64, n int, r simnet.RoutingConfig, delay func(i int) sim.Duration, rate func(i int) sim.Rate) *ladder {
	l := &ladder{lab: newSeededLab(t, seed)}
	l.a, l.b = l.host("a"), l.host("b")
	l.in, l.out = l.net.AddNode("in"), l.net.AddNode("out")
	join := func(name string, x, y *simnet.Node, cfg simnet.LinkConfig) (forth, back *simnet.Link) {
		return l.net.Connect(name, x.AddInterface("to-"+name), y.AddInterface("to-"+name), cfg, cfg)
	}
	join("left", l.a, l.in, simnet.LinkConfig{})
	join("right", l.b, l.out, simnet.LinkConfig{})
	for i := range n {
		mid := l.net.AddNode(fmt.Sprintf("mid%d", i))
		l.mids = append(l.mids, mid)
		cfg := simnet.LinkConfig{}
		if delay != nil {
			cfg.Delay = delay(i)
		}
		if rate != nil {
			cfg.Rate = rate(i)
		}
		d, _ := join(fmt.Sprintf("first%d", i), l.in, mid, cfg)
		l.first = append(l.first, d)
		d, back := join(fmt.Sprintf("second%d", i), mid, l.out, simnet.LinkConfig{})
		e, back2 := join(fmt.Sprintf("third%d", i), mid, l.out, simnet.LinkConfig{})
		l.second = append(l.second, [2]*simnet.Link{d, e})
		l.back = append(l.back, back, back2)
	}
	l.a.Interfaces()[0].AddAddr(prefix("10.0.0.1/32"))
	l.b.Interfaces()[0].AddAddr(prefix("10.0.1.1/32"))
	l.net.SetRouting(r)
	return l
}

// flow sends one packet of flow number i from a to b, or back.
func (l *ladder) flow(i int, reverse bool) {
	from, t := l.a, tcp(fmt.Sprintf("10.0.0.1:%d", 1000+i), "10.0.1.1:80")
	if reverse {
		from, t = l.b, t.Reverse()
	}
	l.seq++
	l.send(from, l.net.Intern(t), l.seq, 100)
}

// counts are the packets that links have carried.
func counts(links []*simnet.Link) []int {
	out := make([]int, len(links))
	for i, lk := range links {
		out[i] = int(lk.Stats().Accepted)
	}
	return out
}

// even checks that counts follow the shares within five standard deviations of a
// binomial distribution.
func even(t *testing.T, got []int, shares ...float64) {
	t.Helper()
	n := 0
	for _, g := range got {
		n += g
	}
	for i, g := range got {
		p := 1 / float64(len(got))
		if shares != nil {
			p = shares[i]
		}
		if d := math.Abs(float64(g) - p*float64(n)); d > 5*math.Sqrt(p*(1-p)*float64(n)) {
			t.Errorf("member %d has %d of %d flows, want a share of %.3f", i, g, n, p)
		}
	}
}

func hashed(m simnet.ECMPMode) simnet.RoutingConfig {
	return simnet.RoutingConfig{ECMP: simnet.ECMP{Mode: m}}
}

// Flows spread evenly over the members, at each switch anew; all packets of a flow
// take one way; weights are shares.
//
// row:M16
func TestECMPHashSpreadsFlows(t *testing.T) {
	l := newLadder(t, 1, 4, hashed(simnet.ECMPHash), nil, nil)
	l.at(0, func() {
		for range 2 {
			for i := range 4000 {
				l.flow(i, false)
			}
		}
	})
	l.finish()
	if len(l.arrived) != 8000 {
		t.Fatalf("%d packets arrive", len(l.arrived))
	}
	even(t, halves(t, counts(l.first)))
	for i := range l.mids {
		even(t, halves(t, counts(l.second[i][:])))
	}
	w := newLadder(t, 1, 3, hashed(simnet.ECMPWeighted), nil, func(i int) sim.Rate { return sim.Rate(i+1) * 10_000_000 })
	w.at(0, func() {
		for i := range 4000 {
			w.flow(i, false)
		}
	})
	w.finish()
	even(t, counts(w.first), 1.0/6, 2.0/6, 3.0/6)
}

// halves divides counts by two: every flow sent two packets the same way.
func halves(t *testing.T, n []int) []int {
	t.Helper()
	for i := range n {
		if n[i]%2 != 0 {
			t.Errorf("a flow was split: member %d has %d packets", i, n[i])
		}
		n[i] /= 2
	}
	return n
}

// Switches that share a hash are polarised: what the first has sent one way, the
// second does not separate again, so that half of the links carry nothing.
//
// row:M16
func TestECMPPolarisation(t *testing.T) {
	used := func(polarised bool) (n int) {
		l := newLadder(t, 1, 2, simnet.RoutingConfig{ECMP: simnet.ECMP{Mode: simnet.ECMPHash, Polarised: polarised}}, nil, nil)
		l.at(0, func() {
			for i := range 500 {
				l.flow(i, false)
			}
		})
		l.finish()
		for i := range l.mids {
			for _, c := range counts(l.second[i][:]) {
				if c > 0 {
					n++
				}
			}
		}
		return n
	}
	if n := used(true); n != 2 {
		t.Errorf("polarised switches use %d of 4 links, want 2", n)
	}
	if n := used(false); n != 4 {
		t.Errorf("switches with seeds of their own use %d of 4 links", n)
	}
}

// The hash depends on the seed of the run and on nothing that was built: another
// seed moves flows, a given seed of the hash does not, and only with addresses
// alone do all ports of two hosts go one way.
func TestECMPSeeds(t *testing.T) {
	ways := func(seed uint64, c simnet.ECMP) (out []int) {
		l := newLadder(t, seed, 4, simnet.RoutingConfig{ECMP: c}, nil, nil)
		for i := range 64 {
			hop := l.in.NextHops(netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("10.0.1.1:80"))
			if len(hop) != 4 {
				t.Fatalf("%d next hops", len(hop))
			}
			before := counts(l.first)
			l.at(sim.Time(i)*ms, func() { l.flow(i, false) })
			l.sim.Run(sim.Time(i)*ms+ms/2, 1<<20)
			for k, c := range counts(l.first) {
				if c > before[k] {
					out = append(out, k)
				}
			}
		}
		return out
	}
	same := func(a, b []int) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
	h := simnet.ECMP{Mode: simnet.ECMPHash}
	if a, b := ways(1, h), ways(2, h); same(a, b) {
		t.Error("two seeds of the run place 64 flows alike")
	}
	h.Seed = 7
	if a, b := ways(1, h), ways(2, h); !same(a, b) {
		t.Error("a fixed seed of the hash depends on the seed of the run")
	}
	h.AddressesOnly = true
	w := ways(1, h)
	for _, k := range w {
		if k != w[0] {
			t.Error("the hash of addresses alone tells ports apart")
		}
	}
}

// A symmetric hash sends both directions over the same members, another does not.
func TestECMPSymmetric(t *testing.T) {
	crossed := func(symmetric bool) int {
		c := simnet.ECMP{Mode: simnet.ECMPHash, Symmetric: symmetric, Polarised: true}
		b := newLab(t)
		ha, hb, ra, rb := b.host("a"), b.host("b"), b.net.AddNode("ra"), b.net.AddNode("rb")
		b.net.Connect("a", ha.AddInterface("e"), ra.AddInterface("a"), simnet.LinkConfig{}, simnet.LinkConfig{})
		b.net.Connect("b", hb.AddInterface("e"), rb.AddInterface("b"), simnet.LinkConfig{}, simnet.LinkConfig{})
		var forth, back []*simnet.Link
		for i := range 4 {
			name := fmt.Sprintf("w%d", i)
			d, u := b.net.Connect(name, ra.AddInterface(name), rb.AddInterface(name), simnet.LinkConfig{}, simnet.LinkConfig{})
			forth, back = append(forth, d), append(back, u)
		}
		ha.Interfaces()[0].AddAddr(prefix("10.0.0.1/32"))
		hb.Interfaces()[0].AddAddr(prefix("10.0.1.1/32"))
		b.net.SetRouting(simnet.RoutingConfig{ECMP: c})
		n := 0
		for i := range 100 {
			tuple := tcp(fmt.Sprintf("10.0.0.1:%d", 1000+i), "10.0.1.1:80")
			at := sim.Time(i) * ms
			b.at(at, func() {
				b.send(ha, b.net.Intern(tuple), 1, 100)
				b.send(hb, b.net.Intern(tuple.Reverse()), 2, 100)
			})
			b.sim.Run(at+ms/2, 1<<20)
			f, r := counts(forth), counts(back)
			for k := range f {
				if f[k] != r[k] {
					n++
					break
				}
			}
			if n > 0 {
				break
			}
		}
		return n
	}
	if crossed(true) != 0 {
		t.Error("a symmetric hash sends the two directions of a flow over different members")
	}
	if crossed(false) == 0 {
		t.Error("a hash of directed tuples is symmetric, too")
	}
}

// Per-packet choice: in turns every member gets every n-th packet; at random each
// gets its share; members of unequal delay then reorder packets, which a hash never
// does.
//
// row:M16
func TestECMPPerPacket(t *testing.T) {
	late := func(mode simnet.ECMPMode) (l *ladder, reordered int) {
		l = newLadder(t, 1, 4, hashed(mode), func(i int) sim.Duration { return sim.Duration(i) * sim.Millisecond }, nil)
		for i := range 4000 {
			l.at(sim.Time(i)*100*us, func() { l.flow(0, false) })
		}
		l.finish()
		most := seqNumber(0)
		for _, a := range l.arrived {
			if a.Seq < most {
				reordered++
			}
			most = max(most, a.Seq)
		}
		return l, reordered
	}
	l, n := late(simnet.ECMPRoundRobin)
	if c := counts(l.first); c[0] != 1000 || c[1] != 1000 || c[2] != 1000 || c[3] != 1000 {
		t.Errorf("in turns: %v packets", c)
	}
	if n == 0 {
		t.Error("packets in turns over members of unequal delay arrive in order")
	}
	if l, n = late(simnet.ECMPRandom); n == 0 {
		t.Error("packets at random over members of unequal delay arrive in order")
	}
	even(t, counts(l.first))
	if _, n = late(simnet.ECMPHash); n != 0 {
		t.Errorf("a hash reorders %d packets of one flow", n)
	}
}

// Flowlets: packets within the gap follow each other; after longer pauses a flow
// uses all members, and as the gap exceeds the difference of their delays nothing
// is reordered (Sinha et al., HotNets'04).
func TestECMPFlowlets(t *testing.T) {
	c := simnet.ECMP{Mode: simnet.ECMPFlowlet, Gap: 500 * sim.Microsecond}
	l := newLadder(t, 1, 4, simnet.RoutingConfig{ECMP: c}, func(i int) sim.Duration { return sim.Duration(i) * 100 * sim.Microsecond }, nil)
	for i := range 400 {
		for k := range 10 {
			l.at(sim.Time(i)*2*ms+sim.Time(k)*50*us, func() { l.flow(0, false) })
		}
	}
	l.finish()
	for i, a := range l.arrived {
		if i > 0 && a.Seq < l.arrived[i-1].Seq {
			t.Fatalf("packet %d overtakes %d", l.arrived[i-1].Seq, a.Seq)
		}
	}
	bursts := counts(l.first)
	for i := range bursts {
		if bursts[i]%10 != 0 {
			t.Errorf("a burst was split: member %d has %d packets", i, bursts[i])
		}
		bursts[i] /= 10
	}
	even(t, bursts)
}

// The least loaded member gets the new flowlet.
func TestECMPFlowletLeastLoaded(t *testing.T) {
	c := simnet.ECMP{Mode: simnet.ECMPFlowlet, Gap: 100 * sim.Microsecond, LeastLoaded: true}
	l := newLadder(t, 1, 3, simnet.RoutingConfig{ECMP: c}, nil, func(int) sim.Rate { return 1_000_000 })
	l.at(0, func() { // 100 octets take 0.8 ms
		l.flow(0, false)
		l.flow(1, false)
		l.flow(2, false)
	})
	l.finish()
	if c := counts(l.first); c[0] != 1 || c[1] != 1 || c[2] != 1 {
		t.Errorf("three flowlets at once go %v", c)
	}
}

// When the third of four members goes, a resilient hash moves its own flows only;
// the plain one moves a twelfth of all besides.
func TestECMPResilient(t *testing.T) {
	moved := func(mode simnet.ECMPMode) (gone, others int) {
		l := newLadder(t, 1, 4, hashed(mode), nil, nil)
		place := make(map[int]int)
		visit := func(at sim.Time, i int) int {
			before := counts(l.first)
			l.at(at, func() { l.flow(i, false) })
			l.sim.Run(at+us, 1<<20)
			for k, c := range counts(l.first) {
				if c > before[k] {
					return k
				}
			}
			t.Fatalf("flow %d is lost", i)
			return -1
		}
		for i := range 400 {
			place[i] = visit(sim.Time(i)*ms, i)
		}
		l.at(500*ms, func() { l.first[2].Down(simnet.Outage{}) })
		for i := range 400 {
			now := visit(sim.Time(501+i)*ms, i)
			switch {
			case place[i] == 2:
				gone++
				if now == 2 {
					t.Error("a flow stays on the dead member")
				}
			case now != place[i]:
				others++
			}
		}
		return gone, others
	}
	if gone, others := moved(simnet.ECMPResilient); gone == 0 || others != 0 {
		t.Errorf("resilient: %d flows lose their member, %d others move", gone, others)
	}
	// Of the quarters 0 1 2 3 the thirds 0 1 3 are made: from 1/4 to 1/3 of the hash.
	if _, others := moved(simnet.ECMPHash); math.Abs(float64(others)-400.0/12) > 5*math.Sqrt(400.0/12) {
		t.Errorf("plain: %d other flows move, want about a twelfth", others)
	}
}

// A failure beyond the next switch: packets vanish until the switch at the link
// notices, it then drops them, as it has no other way, and only when the network
// has converged do all packets go around.
func TestECMPFailureDetectionAndConvergence(t *testing.T) {
	l := newLadder(t, 1, 2, hashed(simnet.ECMPRoundRobin), nil, nil)
	for i := range 100 {
		l.at(sim.Time(i)*ms+1, func() { l.flow(0, false) })
	}
	fail := func(f func(lk *simnet.Link)) func() {
		return func() { f(l.second[0][0]); f(l.second[0][1]) }
	}
	l.at(20*ms, fail(func(lk *simnet.Link) { lk.Down(simnet.Outage{Silent: true}) }))
	l.at(40*ms, fail((*simnet.Link).Notice))
	l.at(60*ms, l.net.Converge)
	l.finish()
	var got [5]int
	for _, a := range l.arrived {
		got[a.At/(20*ms)]++
	}
	if got != [5]int{20, 10, 10, 20, 20} {
		t.Errorf("packets that arrive in each 20 ms: %v", got)
	}
	if c := counts(l.first); c[0] != 30 || c[1] != 70 {
		t.Errorf("the first switch sends %v", c)
	}
}

// The delay metric takes the way of least delay, however many hops it has.
func TestDelayMetric(t *testing.T) {
	for _, m := range []simnet.Metric{simnet.HopMetric, simnet.DelayMetric} {
		l := newLadder(t, 1, 3, simnet.RoutingConfig{Metric: m, ECMP: simnet.ECMP{Mode: simnet.ECMPRoundRobin}},
			func(i int) sim.Duration { return sim.Duration(3-i) * sim.Millisecond }, nil)
		l.at(0, func() {
			for range 30 {
				l.flow(0, false)
			}
		})
		l.finish()
		want := fmt.Sprint([]int{10, 10, 10})
		if m == simnet.DelayMetric {
			want = fmt.Sprint([]int{0, 0, 30})
		}
		if got := fmt.Sprint(counts(l.first)); got != want {
			t.Errorf("metric %d: %s packets, want %s", m, got, want)
		}
	}
}

// Choices per packet allocate nothing.
func TestECMPAllocations(t *testing.T) {
	for _, c := range []simnet.ECMP{{Mode: simnet.ECMPHash}, {Mode: simnet.ECMPRandom}, {Mode: simnet.ECMPRoundRobin}, {Mode: simnet.ECMPFlowlet, Gap: 1}} {
		l := newLadder(t, 1, 4, simnet.RoutingConfig{ECMP: c}, nil, nil)
		r := l.net.Intern(tcp("10.0.0.1:1000", "10.0.1.1:80"))
		round := func() {
			l.send(l.a, r, 1, 100)
			l.arrived = l.arrived[:0]
			l.sim.Run(l.sim.Now()+ms, 1<<20)
		}
		round()
		round()
		if n := testing.AllocsPerRun(100, round); n != 0 {
			t.Errorf("%v: %v allocations a packet", c.Mode, n)
		}
	}
}
