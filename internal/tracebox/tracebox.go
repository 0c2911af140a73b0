// Package tracebox finds out which hop of a simulated path changes which field of a
// TCP segment: probes with a growing TTL, and a comparison of what was sent with what
// routers quote in ICMP time exceeded (Detal et al., "Revealing Middlebox Interference
// with Tracebox", IMC 2013; RFC 8041 section 3.1). Like the tool, it sees nothing of a
// hop that quotes 8 octets (RFC 792) but addresses, ports and the sequence number, and
// nothing that happens behind the last router. docs/TRACEBOX.md describes it.
package tracebox

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"

	"mpsim/cc"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/scenarios"
	"mpsim/sim"
)

// Config says what is traced.
type Config struct {
	From, To string // names of nodes
	// Quote is how many octets behind the IP header routers quote of which the
	// scenario does not say it: 8 to simnet.FullQuote.
	Quote int
	Hops  int    // largest TTL
	Port  uint16 // destination of the probes
	// IPv6 traces by IPv6 although both nodes have IPv4 addresses. If one of them has
	// none, IPv6 is used anyway.
	IPv6 bool
	Seed uint64
}

// Change is a field that differs from what was sent.
type Change struct {
	Field string `json:"field"`
	Sent  string `json:"sent"`
	Got   string `json:"got"` // "": missing
}

// Hop is the answer to one probe.
type Hop struct {
	Probe   string `json:"probe"`
	TTL     int    `json:"ttl"`
	Address string `json:"address"` // that answered; "": nobody
	Quoted  int    `json:"quoted"`  // octets behind the IP header
	// Changed are the fields that this hop is the first to quote changed, or
	// changed once more.
	Changed []Change `json:"changed"`
}

// the time between two probes.
const pause = 2 * sim.Second

// Run traces from one node of a scenario to another. The flows of the scenario run
// beside the probes. The error is one of usage or a broken invariant.
func Run(ctx context.Context, sc *scenarios.Scenario, cfg *Config) ([]Hop, error) {
	w, err := scenarios.Build(sc, scenarios.Run{Seed: cfg.Seed, NoExpect: true})
	if err != nil {
		return nil, err
	}
	t := &tracer{world: w, net: w.Network(), cfg: cfg}
	if err := t.find(); err != nil {
		return nil, err
	}
	for _, nd := range t.net.Nodes() {
		if nd.ICMPQuote() == 0 { // the scenario says nothing of it
			nd.SetICMP(cfg.Quote, 0)
		}
	}
	for _, ifc := range t.from.Interfaces() {
		ifc.AddTap(t)
	}
	var out []Hop
	for _, p := range probes {
		var before []field
		for ttl := 1; ttl <= cfg.Hops && ctx.Err() == nil; ttl++ {
			h, fields, err := t.probe(&p, ttl)
			if err != nil {
				return nil, err
			}
			if before == nil {
				before = t.sent
			}
			if fields != nil {
				h.Changed = changes(before, t.sent, fields)
				before = merge(before, fields)
			}
			out = append(out, *h)
			if t.reached {
				break
			}
		}
	}
	return out, ctx.Err()
}

// tracer sends probes and takes the answers.
type tracer struct {
	world    *scenarios.World
	net      *simnet.Network
	cfg      *Config
	from, to *simnet.Node
	src, dst netip.Addr
	at       sim.Time

	sent    []field
	quote   []byte
	by      netip.Addr
	reached bool // the other end has answered
}

// find looks up both ends.
func (t *tracer) find() error {
	var names []string
	for _, nd := range t.net.Nodes() {
		names = append(names, nd.Name())
		if nd.Name() == t.cfg.From {
			t.from = nd
		}
		if nd.Name() == t.cfg.To {
			t.to = nd
		}
	}
	for _, e := range []struct {
		nd   *simnet.Node
		name string
	}{{t.from, t.cfg.From}, {t.to, t.cfg.To}} {
		if e.nd == nil {
			return cc.UnknownName("node", e.name, names)
		}
	}
	if t.from == t.to {
		return fmt.Errorf("both ends are node %q", t.cfg.From)
	}
	t.src, t.dst = address(t.from, false), address(t.to, false)
	if t.cfg.IPv6 || !t.src.IsValid() || !t.dst.IsValid() {
		t.src, t.dst = address(t.from, true), address(t.to, true)
	}
	switch {
	case t.src.IsValid() && t.dst.IsValid():
		return nil
	case t.cfg.IPv6:
		return fmt.Errorf("nodes %q and %q do not both have an IPv6 address", t.cfg.From, t.cfg.To)
	}
	return fmt.Errorf("nodes %q and %q have no addresses of the same family", t.cfg.From, t.cfg.To)
}

// address returns the first address of a node of a family.
func address(nd *simnet.Node, v6 bool) (a netip.Addr) {
	for _, ifc := range nd.Interfaces() {
		for _, p := range ifc.Addrs() {
			if p.Addr().Is6() == v6 && !a.IsValid() {
				a = p.Addr()
			}
		}
	}
	return a
}

// probePort is the source port of probes.
const probePort = 33434

// probe sends one probe and waits for what answers it.
func (t *tracer) probe(p *probe, ttl int) (*Hop, []field, error) {
	id := t.net.Alloc()
	tuple := wire.Tuple{Src: netip.AddrPortFrom(t.src, probePort), Dst: netip.AddrPortFrom(t.dst, t.cfg.Port), Proto: wire.ProtoTCP}
	s := t.net.Segment(id)
	s.Route, s.TTL = uint32(t.net.Intern(tuple)), uint8(ttl)
	p.fill(s, t.net.AddOptions(id))
	t.sent = parse(wire.AppendPacket(nil, &tuple, s, t.net.Options(id), -1))
	t.quote, t.by, t.reached = nil, netip.Addr{}, false
	t.from.Send(t.world.Sim().Now(), id)
	t.at = t.at.Add(pause)
	if _, err := t.world.Run(t.at, 0, nil); err != nil {
		return nil, nil, err
	}
	h := &Hop{Probe: p.name, TTL: ttl, Changed: []Change{}}
	if t.by.IsValid() {
		h.Address = t.by.String()
	}
	if len(t.quote) < headerLen(t.quote) {
		return h, nil, nil
	}
	h.Quoted = len(t.quote) - headerLen(t.quote)
	return h, parse(t.quote), nil
}

// Packet implements simnet.Tap at the interfaces of the node that sends.
func (t *tracer) Packet(_ sim.Time, _ *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	if d == simnet.Out {
		return
	}
	s, o := t.net.Segment(id), t.net.Options(id)
	tuple := t.net.Tuple(simnet.RouteID(s.Route))
	if tuple.Proto == wire.ProtoTCP && tuple.Dst.Port() == probePort {
		t.by, t.reached = tuple.Src.Addr(), true
		return
	}
	var m wire.ICMPMessage
	if tuple.Proto != wire.ProtoICMP && tuple.Proto != wire.ProtoICMPv6 || !o.Has(wire.OptICMP) || wire.ParseICMP(o.ICMP, &m) != nil || m.Kind(tuple.Proto) != wire.ICMPTimeExceeded {
		return
	}
	var quoted wire.Tuple
	if _, err := wire.ParseQuote(m.Body, &quoted); err == nil && quoted.Src.Port() == probePort {
		t.by, t.quote = tuple.Src.Addr(), append([]byte(nil), m.Body...)
	}
}

// probe is one kind of segment.
type probe struct {
	name string
	fill func(*wire.Segment, *wire.Options)
}

// probes are a SYN with the options of an MPTCP client, and a data segment with a DSS.
var probes = []probe{
	{"SYN", func(s *wire.Segment, o *wire.Options) {
		s.Flags, s.Seq, s.Window = wire.SYN, 1_000_000, 64240
		o.Present |= wire.OptMSS | wire.OptWScale | wire.OptSACKPermitted | wire.OptCapable
		o.MSS, o.WScale = 1460, 7
		o.Capable.Version, o.Capable.Flags = 1, 1
		s.Opt, s.TSVal = wire.HasTS, 77
	}},
	{"data", func(s *wire.Segment, o *wire.Options) {
		s.Flags, s.Seq, s.Ack, s.Window = wire.ACK, 1_000_001, 1, 502
		s.Opt = wire.HasTS | wire.HasDSS | wire.HasMap | wire.DSN8
		s.TSVal, s.TSEcr = 78, 1
		s.DSN, s.SSN, s.MapLen, s.Len = 1, 1, 64, 64
	}},
}

// field is a field of a packet as text.
type field struct{ name, value string }

// headerLen is the length of the IP header that a packet begins with; options and
// extension headers are none of ours.
func headerLen(b []byte) int {
	if len(b) > 0 && b[0]>>4 == 6 {
		return 40
	}
	return 20
}

// num is a number in network order as text.
func num(b []byte) string {
	v := uint64(0)
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return fmt.Sprint(v)
}

// parse returns the fields of a packet with TCP, as far as it is there. TTL and
// checksums, which every hop changes, are left out.
func parse(b []byte) []field {
	var out []field
	if b[0]>>4 == 6 {
		out = []field{
			{"ip.class", num([]byte{b[0]<<4 | b[1]>>4})}, {"ip.flow", num([]byte{b[1] & 15, b[2], b[3]})}, {"ip.length", num(b[4:6])},
			{"ip.src", netip.AddrFrom16([16]byte(b[8:24])).String()}, {"ip.dst", netip.AddrFrom16([16]byte(b[24:40])).String()},
		}
	} else {
		out = []field{
			{"ip.tos", num(b[1:2])}, {"ip.length", num(b[2:4])},
			{"ip.src", netip.AddrFrom4([4]byte(b[12:16])).String()}, {"ip.dst", netip.AddrFrom4([4]byte(b[16:20])).String()},
		}
	}
	t := b[headerLen(b):]
	if len(t) < 8 {
		return out
	}
	out = append(out, field{"tcp.sport", num(t[:2])}, field{"tcp.dport", num(t[2:4])}, field{"tcp.seq", num(t[4:8])})
	if len(t) < 20 {
		return out
	}
	out = append(out, field{"tcp.ack", num(t[8:12])}, field{"tcp.flags", num(t[13:14])}, field{"tcp.window", num(t[14:16])})
	end := int(t[12]>>4) * 4
	if end > len(t) || end < 20 {
		return out
	}
	opts := t[20:end]
	for i, next, ok := wire.NextOption(opts, 0); ok; i, next, ok = wire.NextOption(opts, next) {
		out = append(out, field{optionName(opts[i]), hex.EncodeToString(opts[i:next])})
	}
	return append(out, field{"options end", ""}, field{"payload", hex.EncodeToString(t[end:])})
}

func optionName(kind byte) string {
	switch kind {
	case wire.KindMSS:
		return "option mss"
	case wire.KindWScale:
		return "option wscale"
	case wire.KindSACKPermitted:
		return "option sack_permitted"
	case wire.KindTimestamps:
		return "option timestamps"
	case wire.KindMPTCP:
		return "option mptcp"
	}
	return fmt.Sprintf("option %d", kind)
}

func lookup(list []field, name string) (string, bool) {
	for _, f := range list {
		if f.name == name {
			return f.value, true
		}
	}
	return "", false
}

// changes compares what a hop quotes with what the hops before it quoted.
func changes(before, sent, got []field) []Change {
	out := []Change{}
	_, whole := lookup(got, "options end")
	for _, f := range before {
		v, ok := lookup(got, f.name)
		if ok && v == f.value || !ok && !(whole && len(f.name) > 7 && f.name[:7] == "option ") {
			continue
		}
		original, _ := lookup(sent, f.name)
		out = append(out, Change{f.name, original, v})
	}
	for _, f := range got {
		if _, ok := lookup(before, f.name); !ok {
			out = append(out, Change{f.name, "", f.value})
		}
	}
	return out
}

// merge returns the state of the packet behind a hop: what it quotes, and of what it
// does not quote what is known from before.
func merge(before, got []field) []field {
	out := append([]field(nil), got...)
	_, whole := lookup(got, "options end")
	for _, f := range before {
		if _, ok := lookup(got, f.name); !ok && !whole {
			out = append(out, f)
		}
	}
	return out
}
