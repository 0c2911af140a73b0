package nat_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/nat"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// rig is a router with two inside hosts and, outside, one node that has the
// addresses of several, in verify mode, so that whatever leaves a box must render
// and parse exactly. The router's outside address is p; q, r and s are others that
// are routed to it.
type rig struct {
	t      testing.TB
	s      *sim.Sim
	n      *simnet.Network
	router *simnet.Node
	wan    *simnet.Interface
	nodes  map[string]*simnet.Node // by the name of an address
	got    []string                // what arrived, in order
	quiet  bool                    // no records of boxes
	told   func(*trace.Record)
	clock  sim.HandlerID
	wire   []arrived
}

// arrived is a packet that reached a host.
type arrived struct {
	node  *simnet.Node
	bytes []byte
}

var addresses = map[string]netip.Addr{
	"a": netip.MustParseAddr("10.0.0.1"), "b": netip.MustParseAddr("10.0.0.2"),
	"p": netip.MustParseAddr("203.0.113.1"), "q": netip.MustParseAddr("203.0.113.2"),
	"r": netip.MustParseAddr("203.0.113.3"), "s": netip.MustParseAddr("203.0.113.4"),
	"x": netip.MustParseAddr("198.51.100.1"), "y": netip.MustParseAddr("198.51.100.2"),
	"l":  netip.MustParseAddr("10.0.0.254"),
	"a6": netip.MustParseAddr("fd00::1"), "x6": netip.MustParseAddr("2001:db8::1"),
}

// OnEvent does nothing: its events make time pass.
func (r *rig) OnEvent(sim.Time, uint64) {}

// Emit implements trace.Sink.
func (r *rig) Emit(rec *trace.Record) {
	if r.told != nil {
		r.told(rec)
	}
	if r.quiet {
		return
	}
	switch rec.Kind {
	case trace.BoxAction:
		r.got = append(r.got, "box: "+rec.Why.String())
	case trace.Mapping:
		r.got = append(r.got, fmt.Sprintf("box: %s %s %s = %s", rec.Why, protocols[rec.D], unpack(rec.B), unpack(rec.C)))
	}
}

var protocols = map[int64]string{wire.ProtoTCP: "tcp", wire.ProtoUDP: "udp", wire.ProtoICMP: "icmp"}

func unpack(x int64) string {
	a := netip.AddrFrom4([4]byte{byte(x >> 40), byte(x >> 32), byte(x >> 24), byte(x >> 16)})
	return short(netip.AddrPortFrom(a, uint16(x)))
}

// short prints an end by the name of its address.
func short(a netip.AddrPort) string {
	for _, name := range []string{"a", "b", "p", "q", "r", "s", "x", "y", "l", "a6", "x6"} {
		if addresses[name] == a.Addr() {
			return fmt.Sprintf("%s:%d", name, a.Port())
		}
	}
	return a.String()
}

type end struct {
	r    *rig
	node string
}

func (e end) Receive(now sim.Time, id simnet.PacketID) {
	s, o := e.r.n.Segment(id), e.r.n.Options(id)
	t := *e.r.n.Tuple(simnet.RouteID(s.Route))
	g := arrived{e.r.nodes[e.node], wire.AppendPacket(nil, &t, s, o, -1)}
	if e.node == "net" {
		g.node = e.r.nodes["x"]
	}
	e.r.wire = append(e.r.wire, g)
	text := wire.Format(&t, s, o)
	if i := strings.Index(text, ": "); i > 0 && t.Proto == wire.ProtoTCP {
		text = text[i+2:]
	}
	e.r.got = append(e.r.got, fmt.Sprintf("%s: %s > %s %s", e.node, short(t.Src), short(t.Dst), text))
	e.r.n.Free(id)
}

func newRig(t testing.TB) *rig {
	run := new(trace.Run)
	r := &rig{t: t, s: sim.New(1, 0), nodes: make(map[string]*simnet.Node)}
	run.Subscribe(trace.Set(trace.BoxAction, trace.Mapping), r)
	r.n = simnet.New(r.s, run)
	r.n.SetVerify(true)
	r.clock = r.s.Register(r)
	r.router = r.n.AddNode("router")
	all4, all6 := netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	connect := func(name string, wide bool, names ...string) *simnet.Interface {
		nd := r.n.AddNode(name)
		ifc, at := nd.AddInterface("eth0"), r.router.AddInterface(name)
		r.n.Connect(name, ifc, at, simnet.LinkConfig{}, simnet.LinkConfig{})
		nd.AddRoute(simnet.MainTable, all4, ifc, 0)
		nd.AddRoute(simnet.MainTable, all6, ifc, 0)
		for _, a := range names {
			r.nodes[a] = nd
			ifc.AddAddr(netip.PrefixFrom(addresses[a], addresses[a].BitLen()))
			r.router.AddRoute(simnet.MainTable, netip.PrefixFrom(addresses[a], addresses[a].BitLen()), at, 0)
		}
		if wide {
			r.router.AddRoute(simnet.MainTable, all4, at, 0)
		}
		nd.SetReceiver(end{r, name})
		return at
	}
	lan := connect("a", false, "a", "a6")
	lan.AddAddr(netip.PrefixFrom(addresses["l"], 32))
	connect("b", false, "b")
	r.wan = connect("net", true, "x", "y", "x6")
	r.wan.AddAddr(netip.PrefixFrom(addresses["p"], 32))
	return r
}

// setting is a parameter of a box.
func setting(t testing.TB, spec *mbox.Spec, key, value string) mbox.Setting {
	for _, p := range spec.Params {
		if p.Name != key {
			continue
		}
		s := mbox.Setting{Name: key}
		switch p.Kind {
		case mbox.Flag:
			if value == "true" {
				s.Number = 1
			}
		case mbox.Whole:
			fmt.Sscan(value, &s.Number)
		case mbox.Span:
			fmt.Sscan(strings.TrimSuffix(value, "s"), &s.Number)
			s.Number *= 1e9
		case mbox.Addresses:
			s.IsText = true
			for _, name := range strings.Split(value, ",") {
				text := name
				if a, ok := addresses[name]; ok {
					text = a.String()
				}
				s.Texts = append(s.Texts, text)
			}
		case mbox.Options:
			s.IsText, s.Texts = true, strings.Split(value, ",")
		default:
			s.IsText, s.Texts = true, []string{strings.ReplaceAll(value, ",", " ")}
		}
		return s
	}
	t.Fatalf("box %s has no parameter %q", spec.Name, key)
	return mbox.Setting{}
}

// put puts a box at the outside of the router.
func (r *rig) put(kind string, settings ...string) mbox.Box {
	r.t.Helper()
	spec, err := mbox.FindIn(nat.Specs(), kind)
	if err != nil {
		r.t.Fatal(err)
	}
	var list []mbox.Setting
	for _, kv := range settings {
		k, v, _ := strings.Cut(kv, "=")
		list = append(list, setting(r.t, spec, k, v))
	}
	b, err := spec.New(mbox.Everything(), list, &mbox.Env{Net: r.n, Node: r.router, Rand: sim.NewRand(1, 0, "box")})
	if err != nil {
		r.t.Fatal(err)
	}
	if x, ok := b.(*nat.NAT); ok {
		if err := x.Config().Check(); err != nil {
			r.t.Fatal(err)
		}
	}
	r.wan.AddBox(b)
	return b
}

// send sends a packet and returns what happened because of it.
func (r *rig) send(from, to netip.AddrPort, proto uint8, s wire.Segment, o *wire.Options) []string {
	r.t.Helper()
	nd := r.nodes[strings.TrimSuffix(short(from), fmt.Sprintf(":%d", from.Port()))]
	if nd == nil {
		r.t.Fatalf("nobody has the address %v", from.Addr())
	}
	id := r.n.Alloc()
	seg := r.n.Segment(id)
	*seg = s
	seg.Cold, seg.TTL = 0, 64
	seg.Route = uint32(r.n.Intern(wire.Tuple{Src: from, Dst: to, Proto: proto}))
	if o != nil {
		r.n.AddOptions(id).CopyFrom(o)
	}
	before := len(r.got)
	nd.Send(r.s.Now(), id)
	r.wait(0)
	return r.got[before:]
}

// wait lets time pass and returns what happened meanwhile.
func (r *rig) wait(d sim.Duration) []string {
	before := len(r.got)
	until := r.s.Now().Add(d)
	if d > 0 {
		r.s.Schedule(until, r.s.NextKey(sim.Scenario), r.clock, 0) // so that it gets that late
	}
	r.s.Run(until, 1e6)
	return r.got[before:]
}

// at parses "a:1000".
func at(text string) netip.AddrPort {
	name, port, _ := strings.Cut(text, ":")
	var n uint16
	fmt.Sscan(port, &n)
	a, ok := addresses[name]
	if !ok {
		panic("no address " + name)
	}
	return netip.AddrPortFrom(a, n)
}

// udp sends a datagram; syn a SYN.
func (r *rig) udp(from, to string) []string {
	r.t.Helper()
	return r.send(at(from), at(to), wire.ProtoUDP, wire.Segment{Len: 10}, nil)
}

func (r *rig) syn(from, to string) []string {
	r.t.Helper()
	return r.send(at(from), at(to), wire.ProtoTCP, wire.Segment{Seq: 100, Flags: wire.SYN, Window: 1000}, nil)
}

// source is the source of the only packet in a list of what happened, "" if there
// is none.
func (r *rig) source(got []string) string {
	for _, line := range got {
		if node, rest, ok := strings.Cut(line, ": "); ok && node != "box" {
			src, _, _ := strings.Cut(rest, " > ")
			return src
		}
	}
	return ""
}

// sink frees what arrives.
type sink struct{ r *rig }

func (k *sink) Receive(_ sim.Time, id simnet.PacketID) { k.r.n.Free(id) }
