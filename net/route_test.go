package simnet_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// phone is a host with WiFi and LTE, and a server behind a router:
//
//	phone wifi 10.0.1.2 - 1 ms -> router -> server 10.0.9.1
//	phone lte  10.0.2.2 - 5 ms -> router
type phone struct {
	*lab
	phone, router, server *simnet.Node
	wifi, lte             *simnet.Interface
	fromWifi, fromLTE     simnet.RouteID
	wifiUp, lteUp         *simnet.Link
}

func newPhone(t testing.TB) *phone {
	b := newLab(t)
	p := &phone{lab: b, phone: b.host("phone"), router: b.net.AddNode("router"), server: b.host("server")}
	p.wifi, p.lte = p.phone.AddInterface("wifi"), p.phone.AddInterface("lte")
	rw, rl, rs := p.router.AddInterface("wifi"), p.router.AddInterface("lte"), p.router.AddInterface("server")
	srv := p.server.AddInterface("eth0")
	p.wifi.AddAddr(prefix("10.0.1.2/24"))
	p.lte.AddAddr(prefix("10.0.2.2/24"))
	rw.AddAddr(prefix("10.0.1.1/24"))
	rl.AddAddr(prefix("10.0.2.1/24"))
	rs.AddAddr(prefix("10.0.9.2/24"))
	srv.AddAddr(prefix("10.0.9.1/24"))
	_, p.wifiUp = b.net.Connect("wifi", rw, p.wifi, simnet.LinkConfig{}, simnet.LinkConfig{Delay: sim.Millisecond})
	_, p.lteUp = b.net.Connect("lte", rl, p.lte, simnet.LinkConfig{}, simnet.LinkConfig{Delay: 5 * sim.Millisecond})
	b.net.Connect("server", srv, rs, simnet.LinkConfig{}, simnet.LinkConfig{})
	p.server.AddRoute(simnet.MainTable, prefix("0.0.0.0/0"), srv, 0)
	p.fromWifi = b.net.Intern(tcp("10.0.1.2:1", "10.0.9.1:80"))
	p.fromLTE = b.net.Intern(tcp("10.0.2.2:1", "10.0.9.1:80"))
	return p
}

// send sends one packet from each address at the given time.
func (p *phone) sendBoth(at sim.Time, seq seqNumber) {
	p.at(at, func() {
		p.send(p.phone, p.fromWifi, seq, 100)
		p.send(p.phone, p.fromLTE, seq+1, 100)
	})
}

// With a rule and a table for each address, as a phone has them, each packet
// leaves through the interface of its source address; without, both take the
// default route of the smaller metric.
func TestSourceRouting(t *testing.T) {
	p := newPhone(t)
	any4 := prefix("0.0.0.0/0")
	p.phone.AddRoute(simnet.MainTable, any4, p.lte, 700)
	p.phone.AddRoute(simnet.MainTable, any4, p.wifi, 600)
	p.sendBoth(0, 1)
	p.at(10*ms, func() {
		p.phone.AddRoute(1, any4, p.wifi, 0)
		p.phone.AddRoute(2, any4, p.lte, 0)
		p.phone.AddRule(prefix("10.0.1.2/32"), 1)
		p.phone.AddRule(prefix("10.0.2.2/32"), 2)
	})
	p.sendBoth(10*ms, 3)
	p.at(20*ms, func() { p.phone.RemoveRule(prefix("10.0.2.2/32"), 2) })
	p.sendBoth(20*ms, 5)
	for at, want := range []*simnet.Link{p.wifiUp, p.lteUp, p.wifiUp} {
		p.at(sim.Time(at)*10*ms+1, func() {
			if got := p.phone.OutLink(p.fromLTE); got != want {
				t.Errorf("LTE's packets leave through %s, want %s", got.Name(), want.Name())
			}
		})
	}
	p.at(30*ms, func() { p.wifi.SetUp(false) }) // table 1 and the first default route are of no use
	p.sendBoth(30*ms, 7)
	p.finish()
	want := []arrival{
		{1 * ms, 1}, {1 * ms, 2},
		{11 * ms, 3}, {15 * ms, 4},
		{21 * ms, 5}, {21 * ms, 6},
		{35 * ms, 7}, {35 * ms, 8},
	}
	if d := cmp.Diff(want, p.arrived); d != "" {
		t.Error(d)
	}
}

// The longest prefix wins, then the metric, then the order of addition; RouteTo
// says what a packet would do.
func TestLongestPrefix(t *testing.T) {
	p := newPhone(t)
	add := func(dst string, via *simnet.Interface, metric int) {
		p.phone.AddRoute(simnet.MainTable, prefix(dst), via, metric)
	}
	add("0.0.0.0/0", p.wifi, 0)
	add("10.0.9.0/24", p.lte, 0)
	add("10.0.9.1/32", p.wifi, 50)
	add("10.0.9.1/32", p.lte, 40)
	add("10.0.9.128/25", p.wifi, 0)
	add("10.0.9.200/32", p.lte, 7)
	add("10.0.9.200/32", p.wifi, 7)
	add("::/0", p.lte, 0)
	for dst, want := range map[string]*simnet.Interface{
		"8.8.8.8": p.wifi, "10.0.9.2": p.lte, "10.0.9.1": p.lte, "10.0.9.129": p.wifi,
		"10.0.9.200": p.lte, "2001:db8::1": p.lte, "10.0.2.77": p.lte,
	} {
		if got := p.phone.RouteTo(netip.Addr{}, netip.MustParseAddr(dst)); got != want {
			t.Errorf("to %s: %v", dst, got.Name())
		}
	}
	p.phone.RemoveRoute(simnet.MainTable, prefix("10.0.9.1/32"), p.lte)
	if got := p.phone.RouteTo(netip.Addr{}, netip.MustParseAddr("10.0.9.1")); got != p.wifi {
		t.Errorf("after removal: %v", got.Name())
	}
	if got := p.server.RouteTo(netip.Addr{}, netip.MustParseAddr("2001:db8::1")); got != nil {
		t.Errorf("IPv6 without a route: %v", got.Name())
	}
}

// drops collects why packets were dropped, and where.
func (b *lab) drops() *[]string {
	out := new([]string)
	b.run.Subscribe(trace.Set(trace.PacketDropped), recorder(func(r *trace.Record) {
		*out = append(*out, b.run.NodeName(r.Node)+" "+r.Why.String())
	}))
	return out
}

func TestDropsAtNodes(t *testing.T) {
	p := newPhone(t)
	drops := p.drops()
	p.phone.AddRoute(simnet.MainTable, prefix("0.0.0.0/0"), p.wifi, 0)
	send := func(src, dst string, ttl uint8) {
		id := p.net.Alloc()
		seg := p.net.Segment(id)
		seg.Route, seg.TTL = uint32(p.net.Intern(tcp(src, dst))), ttl
		p.phone.Send(p.sim.Now(), id)
	}
	p.at(0, func() { send("10.0.1.2:1", "10.0.9.1:1", 1) })      // expires at the router
	p.at(2*ms, func() { send("10.0.1.2:1", "10.0.9.1:1", 2) })   // arrives with 1
	p.at(4*ms, func() { send("10.0.1.2:1", "10.5.0.1:1", 64) })  // the router knows no way
	p.at(6*ms, func() { send("10.0.1.2:1", "10.0.1.1:1", 64) })  // the router listens to nobody
	p.at(8*ms, func() { send("10.0.1.2:1", "10.0.9.77:1", 64) }) // the server forwards nothing
	p.at(10*ms, func() { p.wifi.SetUp(false) })
	p.at(11*ms, func() { send("10.0.1.2:1", "10.0.9.1:1", 64) }) // no way out
	p.finish()
	want := []string{"router ttl_expired", "router no_route", "router no_socket", "server not_forwarding", "phone no_route"}
	if d := cmp.Diff(want, *drops); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]sim.Time{3 * ms}, p.times()); d != "" {
		t.Error(d)
	}
	if p.router.Drops() != 3 || p.server.Drops() != 1 || p.phone.Drops() != 1 {
		t.Error("drops of nodes are not counted")
	}
}

// An address that goes away is not local any more, and what was cached for it
// is void.
func TestAddressChange(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{})
	drops := p.drops()
	ifc := p.b.Interface("eth0")
	p.at(0, func() { p.send(100) })
	p.at(1*ms, func() { ifc.RemoveAddr(prefix("10.0.0.2/24")); p.send(100) })
	p.at(2*ms, func() { ifc.AddAddr(prefix("10.0.0.2/24")); p.send(100) })
	p.finish()
	if d := cmp.Diff([]arrival{{0, 1}, {2 * ms, 3}}, p.arrived); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"b not_forwarding"}, *drops); d != "" {
		t.Error(d)
	}
}

// What a node sends to itself arrives in an event of its own, at the same time.
func TestLoopback(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{})
	self := p.net.Intern(tcp("10.0.0.1:1", "10.0.0.1:2"))
	p.at(5, func() {
		p.lab.send(p.a, self, 1, 100)
		if len(p.arrived) != 0 {
			t.Error("delivered while sending")
		}
	})
	p.finish()
	if d := cmp.Diff([]arrival{{5, 1}}, p.arrived); d != "" {
		t.Error(d)
	}
}

// A path longer than the cached part of a route works, with one decision for
// each node, and TTL falls by one at each router.
func TestLongPath(t *testing.T) {
	b := newLab(t)
	const hops = 70
	first, last, _ := b.chain(hops, simnet.LinkConfig{Delay: sim.Microsecond})
	var ttl []uint8
	last.SetReceiver(receiver(func(_ sim.Time, id simnet.PacketID) {
		ttl = append(ttl, b.net.Segment(id).TTL)
		b.net.Free(id)
	}))
	r := b.net.Intern(tcp("10.0.0.1:1", "10.9.0.2:2"))
	for i := range sim.Time(3) {
		b.at(i*ms, func() {
			id := b.net.Alloc()
			seg := b.net.Segment(id)
			seg.Route, seg.TTL = uint32(r), 100
			first.Send(b.sim.Now(), id)
		})
	}
	b.finish()
	if d := cmp.Diff([]uint8{31, 31, 31}, ttl); d != "" { // 69 routers
		t.Error(d)
	}
}

type receiver func(sim.Time, simnet.PacketID)

func (f receiver) Receive(now sim.Time, id simnet.PacketID) { f(now, id) }

func TestRouteNumbers(t *testing.T) {
	n := simnet.New(sim.New(1, 0), new(trace.Run))
	a, b := n.AddNode("a"), n.AddNode("b")
	x := tcp("10.0.0.1:1", "10.0.0.2:2")
	r := n.Intern(x)
	if r == 0 || n.Intern(x) != r || *n.Tuple(r) != x {
		t.Error("interning is not stable")
	}
	rev := n.Reverse(r)
	if *n.Tuple(rev) != x.Reverse() || n.Reverse(rev) != r || n.Intern(x.Reverse()) != rev {
		t.Error("the reverse of the reverse is another route")
	}
	n.SetSocket(r, b.Origin(), 77)
	if s, back := n.Socket(r, b.Origin()); s != 77 || back != rev {
		t.Errorf("socket %d, the way back %d; want 77 and %d", s, back, rev)
	}
	for at, of := range map[*simnet.Node]simnet.RouteID{a: r, b: rev} {
		if s, back := n.Socket(of, at.Origin()); s != 0 || back != 0 {
			t.Error("the socket of a route belongs to one node")
		}
	}
}

// TestPortRules: rules about ports lead packets of one pair of addresses different
// ways, either direction by its own port; both ends of a range belong to it.
func TestPortRules(t *testing.T) {
	p := newPhone(t)
	any4 := prefix("0.0.0.0/0")
	p.phone.AddRoute(simnet.MainTable, any4, p.wifi, 0)
	p.phone.AddRoute(1, any4, p.lte, 0)
	p.phone.AddPortRule(any4, simnet.PortRange{First: 41001, Last: 41002}, simnet.PortRange{}, 1)
	p.phone.AddPortRule(any4, simnet.PortRange{}, simnet.PortRange{First: 443, Last: 443}, 1)
	for _, v := range []struct {
		tuple [2]string
		want  *simnet.Link
	}{
		{[2]string{"10.0.1.2:41000", "10.0.9.1:80"}, p.wifiUp}, {[2]string{"10.0.1.2:41001", "10.0.9.1:80"}, p.lteUp},
		{[2]string{"10.0.1.2:41002", "10.0.9.1:80"}, p.lteUp}, {[2]string{"10.0.1.2:41003", "10.0.9.1:80"}, p.wifiUp},
		{[2]string{"10.0.1.2:5", "10.0.9.1:443"}, p.lteUp}, {[2]string{"10.0.1.2:443", "10.0.9.1:5"}, p.wifiUp},
	} {
		if got := p.phone.OutLink(p.net.Intern(tcp(v.tuple[0], v.tuple[1]))); got != v.want {
			t.Errorf("%v leaves through %s, want %s", v.tuple, got.Name(), v.want.Name())
		}
	}
	if got := p.phone.RouteTo(netip.MustParseAddr("10.0.1.2"), netip.MustParseAddr("10.0.9.1")); got != p.wifi {
		t.Errorf("without ports the way is %v", got)
	}
}
