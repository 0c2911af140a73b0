// Package boxtest is the bench on which boxes of any package are tested: a router
// between two inside hosts and the outside ([Rig]), and transcripts, text files of
// packets that go in and of what comes out ([Transcripts]).
package boxtest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Rig is a router with two inside hosts and, outside, one node that has the
// addresses of several. The router's outside address is p; q, r and s are others that
// are routed to it. Got has packets that arrived and actions of boxes.
type Rig struct {
	Bench
	Router *simnet.Node
	WAN    *simnet.Interface       // the router's to the outside, at which the box stands
	Nodes  map[string]*simnet.Node // by the name of an address
	Quiet  bool                    // no actions of boxes
	Timed  bool                    // lines of transcripts begin with the time since the command
	Told   func(*trace.Record)
	Wire   []Arrived
	specs  []mbox.Spec
	since  sim.Time
}

// Arrived is a packet that reached a host: the node that has it, and its octets.
type Arrived struct {
	Node  *simnet.Node
	Bytes []byte
}

// Addresses are the addresses of the hosts by their names.
var Addresses = map[string]netip.Addr{
	"a": netip.MustParseAddr("10.0.0.1"), "b": netip.MustParseAddr("10.0.0.2"),
	"p": netip.MustParseAddr("203.0.113.1"), "q": netip.MustParseAddr("203.0.113.2"),
	"r": netip.MustParseAddr("203.0.113.3"), "s": netip.MustParseAddr("203.0.113.4"),
	"x": netip.MustParseAddr("198.51.100.1"), "y": netip.MustParseAddr("198.51.100.2"),
	"l":  netip.MustParseAddr("10.0.0.254"),
	"a6": netip.MustParseAddr("fd00::1"), "x6": netip.MustParseAddr("2001:db8::1"),
}

// say adds a line to what happened.
func (r *Rig) say(line string) {
	if r.Timed {
		line = fmt.Sprintf("+%v %s", r.Sim.Now().Sub(r.since), line)
	}
	r.Got = append(r.Got, line)
}

// Emit implements trace.Sink.
func (r *Rig) Emit(rec *trace.Record) {
	if r.Told != nil {
		r.Told(rec)
	}
	if r.Quiet {
		return
	}
	switch rec.Kind {
	case trace.BoxAction:
		r.say("box: " + rec.Why.String())
	case trace.Mapping:
		r.say(fmt.Sprintf("box: %s %s %s = %s", rec.Why, protocols[rec.D], unpack(rec.B), unpack(rec.C)))
	}
}

var protocols = map[int64]string{wire.ProtoTCP: "tcp", wire.ProtoUDP: "udp", wire.ProtoICMP: "icmp"}

func unpack(x int64) string {
	a := netip.AddrFrom4([4]byte{byte(x >> 40), byte(x >> 32), byte(x >> 24), byte(x >> 16)})
	return Short(netip.AddrPortFrom(a, uint16(x)))
}

// Short prints an end by the name of its address.
func Short(a netip.AddrPort) string {
	for _, name := range []string{"a", "b", "p", "q", "r", "s", "x", "y", "l", "a6", "x6"} {
		if Addresses[name] == a.Addr() {
			return fmt.Sprintf("%s:%d", name, a.Port())
		}
	}
	return a.String()
}

type end struct {
	r    *Rig
	node string
}

func (e end) Receive(now sim.Time, id simnet.PacketID) {
	s, o := e.r.Net.Segment(id), e.r.Net.Options(id)
	t := *e.r.Net.Tuple(simnet.RouteID(s.Route))
	g := Arrived{e.r.Nodes[e.node], wire.AppendPacket(nil, &t, s, o, -1)}
	if e.node == "net" {
		g.Node = e.r.Nodes["x"]
	}
	e.r.Wire = append(e.r.Wire, g)
	text := wire.Format(&t, s, o)
	if i := strings.Index(text, ": "); i > 0 && t.Proto == wire.ProtoTCP {
		text = text[i+2:]
	}
	text += payload(s, o) + unusual(s)
	e.r.say(fmt.Sprintf("%s: %s > %s %s", e.node, Short(t.Src), Short(t.Dst), text))
	e.r.Net.Free(id)
}

// New returns a rig for boxes of a table.
func New(t testing.TB, specs []mbox.Spec) *Rig {
	r := &Rig{Nodes: make(map[string]*simnet.Node), specs: specs}
	r.Start(t, r, trace.BoxAction, trace.Mapping)
	r.Router = r.Net.AddNode("router")
	all4, all6 := netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	connect := func(name string, wide bool, names ...string) *simnet.Interface {
		nd := r.Net.AddNode(name)
		ifc, at := nd.AddInterface("eth0"), r.Router.AddInterface(name)
		r.Net.Connect(name, ifc, at, simnet.LinkConfig{}, simnet.LinkConfig{})
		nd.AddRoute(simnet.MainTable, all4, ifc, 0)
		nd.AddRoute(simnet.MainTable, all6, ifc, 0)
		for _, a := range names {
			r.Nodes[a] = nd
			ifc.AddAddr(netip.PrefixFrom(Addresses[a], Addresses[a].BitLen()))
			r.Router.AddRoute(simnet.MainTable, netip.PrefixFrom(Addresses[a], Addresses[a].BitLen()), at, 0)
		}
		if wide {
			r.Router.AddRoute(simnet.MainTable, all4, at, 0)
		}
		nd.SetReceiver(end{r, name})
		return at
	}
	lan := connect("a", false, "a", "a6")
	lan.AddAddr(netip.PrefixFrom(Addresses["l"], 32))
	connect("b", false, "b")
	r.WAN = connect("net", true, "x", "y", "x6")
	r.WAN.AddAddr(netip.PrefixFrom(Addresses["p"], 32))
	return r
}

// Send sends a packet and returns what happened because of it.
func (r *Rig) Send(from, to netip.AddrPort, proto uint8, s wire.Segment, o *wire.Options) []string {
	r.T.Helper()
	nd := r.Nodes[strings.TrimSuffix(Short(from), fmt.Sprintf(":%d", from.Port()))]
	if nd == nil {
		r.T.Fatalf("nobody has the address %v", from.Addr())
	}
	return r.Inject(nd, wire.Tuple{Src: from, Dst: to, Proto: proto}, s, o)
}

// At parses "a:1000".
func At(text string) netip.AddrPort {
	name, port, _ := strings.Cut(text, ":")
	var n uint16
	fmt.Sscan(port, &n)
	a, ok := Addresses[name]
	if !ok {
		panic("no address " + name)
	}
	return netip.AddrPortFrom(a, n)
}

// UDP sends a datagram.
func (r *Rig) UDP(from, to string) []string {
	r.T.Helper()
	return r.Send(At(from), At(to), wire.ProtoUDP, wire.Segment{Len: 10}, nil)
}

// SYN sends a SYN.
func (r *Rig) SYN(from, to string) []string {
	r.T.Helper()
	return r.Send(At(from), At(to), wire.ProtoTCP, wire.Segment{Seq: 100, Flags: wire.SYN, Window: 1000}, nil)
}

// Source is the source of the only packet in a list of what happened, "" if there
// is none.
func (r *Rig) Source(got []string) string {
	for _, line := range got {
		if node, rest, ok := strings.Cut(line, ": "); ok && node != "box" {
			src, _, _ := strings.Cut(rest, " > ")
			return src
		}
	}
	return ""
}

// Tuple parses a packet that arrived and checks its checksums.
func (a *Arrived) Tuple(t testing.TB) wire.Tuple {
	var tu wire.Tuple
	var s wire.Segment
	var o wire.Options
	if err := wire.ParsePacket(a.Bytes, &tu, &s, &o); err != nil {
		t.Fatal(err)
	}
	if o.Has(wire.OptBadSum) {
		t.Errorf("wrong checksum: %s", wire.Format(&tu, &s, &o))
	}
	return tu
}
