package simnet_test

import (
	"fmt"
	"net/netip"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// cutting is a host a, a router, and behind a link of a small MTU a host b, in verify
// mode, with a tap on each link.
type cutting struct {
	*lab
	a, router, b *simnet.Node
	near, far    *simnet.Link
	wires        [2][]string // frames on the two links from a to b
	got          []string    // what b receives
	told         messages    // what a receives
	flow         wire.Tuple
}

// newCutting connects them; the router sends nothing longer than mtu to b, a nothing longer than near.
func newCutting(t fataler, near, mtu int) *cutting {
	c := &cutting{lab: newLab(t), flow: tcp("10.0.0.1:1000", "10.0.1.1:80")}
	c.net.SetVerify(true)
	c.a, c.router, c.b = c.net.AddNode("a"), c.net.AddNode("router"), c.net.AddNode("b")
	ia, ra := c.a.AddInterface("eth0"), c.router.AddInterface("a")
	rb, ib := c.router.AddInterface("b"), c.b.AddInterface("eth0")
	c.near, _ = c.net.Connect("near", ia, ra, simnet.LinkConfig{MTU: near}, simnet.LinkConfig{})
	c.far, _ = c.net.Connect("far", rb, ib, simnet.LinkConfig{MTU: mtu, TooBig: true}, simnet.LinkConfig{})
	for _, x := range []struct {
		ifc  *simnet.Interface
		addr string
	}{{ia, "10.0.0.1/24"}, {ra, "10.0.0.2/24"}, {rb, "10.0.1.2/24"}, {ib, "10.0.1.1/24"}} {
		x.ifc.AddAddr(netip.MustParsePrefix(x.addr))
	}
	c.a.AddRoute(simnet.MainTable, netip.MustParsePrefix("10.0.1.0/24"), ia, 0)
	c.b.AddRoute(simnet.MainTable, netip.MustParsePrefix("10.0.0.0/24"), ib, 0)
	c.told.n = c.net
	c.a.SetReceiver(&c.told)
	c.b.SetReceiver(c)
	ia.AddTap(wireTap{c, 0})
	rb.AddTap(wireTap{c, 1})
	return c
}

type wireTap struct {
	c *cutting
	i int
}

func (w wireTap) Packet(_ sim.Time, _ *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	if d == simnet.Out {
		n := w.c.net
		s := n.Segment(id)
		w.c.wires[w.i] = append(w.c.wires[w.i], wire.Format(n.Tuple(simnet.RouteID(s.Route)), s, n.Options(id)))
	}
}

// Receive implements simnet.Receiver.
func (c *cutting) Receive(_ sim.Time, id simnet.PacketID) {
	s, o := c.net.Segment(id), c.net.Options(id)
	c.got = append(c.got, fmt.Sprintf("%s off %d ecn %d", wire.Format(c.net.Tuple(simnet.RouteID(s.Route)), s, o), s.Off, s.TOS&3))
	c.net.Free(id)
}

// sendClear sends a segment of n octets of payload, DF clear.
func (c *cutting) sendClear(ident uint16, n int) {
	id := c.packet(ident, 0, c.flow)
	s := c.net.Segment(id)
	s.Seq, s.Ack, s.Flags, s.Window, s.Off, s.Len = 1, 1, wire.ACK, 100, 5000, uint16(n)
	c.a.Send(c.sim.Now(), id)
}

func (c *cutting) packet(ident, frag uint16, t wire.Tuple) simnet.PacketID {
	id := c.net.Alloc()
	s, o := c.net.Segment(id), c.net.AddOptions(id)
	s.Route, s.TTL = uint32(c.net.Intern(t)), 64
	o.Present, o.IP = wire.OptIP, wire.IPFields{ID: ident, Frag: frag}
	return id
}

// sendPart sends a raw fragment with the payload of IP from octet from on.
func (c *cutting) sendPart(ident uint16, from, n int, more bool, tos uint8) {
	frag := uint16(from / 8)
	if more {
		frag |= wire.FragMore
	}
	id := c.packet(ident, frag, wire.Tuple{Src: netip.AddrPortFrom(c.flow.Src.Addr(), 0), Dst: netip.AddrPortFrom(c.flow.Dst.Addr(), 0), Proto: 47})
	s := c.net.Segment(id)
	s.Len, s.Off, s.TOS = uint16(n), uint64(from), tos
	c.net.Options(id).Present |= wire.OptOpaque
	c.a.Send(c.sim.Now(), id)
}

func (c *cutting) equal(what string, got, want []string) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		c.t.Errorf("%s:\n%q\nwant\n%q", what, got, want)
	}
}

// A link of MTU 576 cuts a packet of 1500 octets whose DF is clear into fragments of 572
// (552 of payload, the largest multiple of eight that fits), 572 and 396 octets; the
// receiving host puts them together, nobody is told anything; with DF set the packet is
// dropped and its source told (RFC 791 section 3.2, RFC 1191).
func TestLinkCutsWithoutDF(t *testing.T) {
	c := newCutting(t, 1500, 576)
	c.at(0, func() { c.sendClear(7, 1460) })
	c.finish()
	const flow = "IP 10.0.0.1.1000 > 10.0.1.1.80: Flags [.], seq 1:1461, ack 1, win 100, length 1460"
	c.equal("near", c.wires[0], []string{flow})
	c.equal("far", c.wires[1], []string{
		"IP 10.0.0.1.1000 > 10.0.1.1.80: Flags [.], seq 1:533, ack 1, win 100, length 532 (frag 7:552@0+)",
		"IP 10.0.0.1 > 10.0.1.1: ip-proto-6, length 552 (frag 7:552@552+)",
		"IP 10.0.0.1 > 10.0.1.1: ip-proto-6, length 376 (frag 7:376@1104)",
	})
	c.equal("received", c.got, []string{flow + " off 5000 ecn 0"})
	if s := c.far.Stats(); s.MTUDrops != 0 || len(c.told.got) != 0 || s.Accepted != 3 {
		t.Errorf("%d drops, %d messages, %d packets", s.MTUDrops, len(c.told.got), s.Accepted)
	}

	c = newCutting(t, 1500, 576)
	c.at(0, func() {
		id := c.packet(0, wire.DefaultFrag, c.flow)
		c.net.DropOptions(id)
		c.net.Segment(id).Len = 1460
		c.a.Send(0, id)
	})
	c.finish()
	if len(c.got) != 0 || len(c.told.got) != 1 || c.told.got[0].MTU(wire.ProtoICMP) != 576 {
		t.Errorf("with DF: received %q, told %v", c.got, c.told.got)
	}
}

// A fragment of a packet of which one is lost waits 30 s; then the host tells the source,
// if it has the first one: time exceeded, code 1, which quotes it (RFC 792; Linux
// net.ipv4.ipfrag_time, ip_expire).
func TestReassemblyTimeout(t *testing.T) {
	for _, c := range []struct {
		lost     uint64
		messages int
	}{{0, 0}, {1, 1}, {2, 1}} {
		x := newCutting(t, 1500, 576)
		x.far.SetDrop(simnet.DropPattern{Indices: []uint64{c.lost}})
		x.at(0, func() { x.sendClear(7, 1460) })
		x.at(30*s-1, func() {
			if x.net.Allocated() != 2 {
				t.Errorf("%d fragments kept shortly before 30 s, want 2", x.net.Allocated())
			}
		})
		x.at(30*s+1, func() {
			if x.net.Allocated() != 0 {
				t.Errorf("%d packets kept after 30 s", x.net.Allocated())
			}
		})
		x.finish()
		if len(x.got) != 0 || len(x.told.got) != c.messages {
			t.Errorf("fragment %d lost: received %q, %d messages", c.lost, x.got, len(x.told.got))
			continue
		}
		for _, m := range x.told.got {
			var quoted wire.Tuple
			if _, err := wire.ParseQuote(m.Body, &quoted); m.Type != 11 || m.Code != 1 || err != nil || quoted != x.flow {
				t.Errorf("message %d/%d about %v %v", m.Type, m.Code, quoted, err)
			}
		}
	}
}

// drops counts what was dropped by reason.
type drops map[trace.Reason]int

func (d drops) Emit(r *trace.Record) { d[r.Why]++ }

// What cannot be a part of a packet, overlaps (which ends the whole packet, as in Linux
// since 4.18 against CVE-2018-5391), comes twice, or finds no room.
func TestReassemblyRefuses(t *testing.T) {
	type frag struct {
		from, n int
		more    bool
		tos     uint8
	}
	for _, c := range []struct {
		name  string
		parts []frag
		drops drops
		got   int
	}{
		{"in order", []frag{{0, 80, true, 0}, {80, 10, false, 0}}, drops{}, 1},
		{"backwards", []frag{{80, 10, false, 0}, {40, 40, true, 0}, {0, 40, true, 0}}, drops{}, 1},
		{"twice", []frag{{0, 80, true, 0}, {0, 80, true, 0}, {80, 10, false, 0}}, drops{trace.FragmentOverlap: 1}, 1},
		{"contained", []frag{{0, 80, true, 0}, {8, 16, true, 0}, {80, 10, false, 0}}, drops{trace.FragmentOverlap: 1}, 1},
		{"overlap", []frag{{0, 80, true, 0}, {72, 16, true, 0}}, drops{trace.FragmentOverlap: 2}, 0},
		{"no multiple of eight", []frag{{0, 81, true, 0}}, drops{trace.FragmentInvalid: 1}, 0},
		{"empty", []frag{{8, 0, true, 0}}, drops{trace.FragmentInvalid: 1}, 0},
		{"longer than 65535", []frag{{65528, 20, false, 0}}, drops{trace.FragmentInvalid: 1}, 0},
		{"two ends", []frag{{80, 10, false, 0}, {80 + 16, 10, false, 0}}, drops{trace.FragmentInvalid: 2}, 0},
		{"behind the end", []frag{{88, 10, false, 0}, {160, 8, true, 0}}, drops{trace.FragmentInvalid: 2}, 0},
		{"ECT and CE", []frag{{0, 80, true, wire.ECT0}, {80, 10, false, wire.CE}}, drops{}, 1},
		{"Not-ECT and CE", []frag{{0, 80, true, 0}, {80, 10, false, wire.CE}}, drops{trace.FragmentInvalid: 2}, 0},
	} {
		x := newCutting(t, 1500, 1500)
		seen := drops{}
		x.run.Subscribe(trace.Set(trace.PacketDropped), seen)
		x.at(0, func() {
			for _, p := range c.parts {
				x.sendPart(9, p.from, p.n, p.more, p.tos)
			}
		})
		x.finish()
		if fmt.Sprint(seen) != fmt.Sprint(c.drops) || len(x.got) != c.got {
			t.Errorf("%s: dropped %v, want %v; received %q", c.name, seen, c.drops, x.got)
		}
		if c.name == "ECT and CE" && len(x.got) == 1 && x.got[0][len(x.got[0])-5:] != "ecn 3" {
			t.Errorf("%s (RFC 3168 section 5.3): %q", c.name, x.got)
		}
	}
	// 4 MiB: 2800 fragments of 1500 octets are more.
	x := newCutting(t, 1500, 1500)
	seen := drops{}
	x.run.Subscribe(trace.Set(trace.PacketDropped), seen)
	x.at(0, func() {
		for i := range 2800 {
			x.sendPart(uint16(i), 0, 1480, true, 0)
		}
		x.sendPart(0, 1480, 8, false, 0)
	})
	x.finish()
	if full := 2800 - (4<<20)/1500; seen[trace.FragmentsFull] != full || seen[trace.FragmentTimeout] != 2800-full-1 || len(x.got) != 1 {
		t.Errorf("dropped %v, want %d for want of room; %d received", seen, full, len(x.got))
	}
}

// Identifications repeat: parts of two packets with the same one are put together, and
// the checksum of TCP says so (RFC 4963).
func TestReassemblyMixesPackets(t *testing.T) {
	x := newCutting(t, 1500, 576)
	x.far.SetDrop(simnet.DropPattern{Indices: []uint64{1}}) // the second part of the first packet
	x.at(0, func() { x.sendClear(7, 1000) })
	x.at(ms, func() {
		id := x.packet(7, 0, x.flow)
		s := x.net.Segment(id)
		s.Seq, s.Flags, s.Off, s.Len = 9001, wire.ACK, 9000, 1000
		x.a.Send(x.sim.Now(), id)
	})
	x.finish()
	if len(x.got) != 1 || !bad(x.got[0]) {
		t.Errorf("received %q", x.got)
	}
}

func bad(text string) bool {
	const mark = " (bad cksum)"
	for i := 0; i+len(mark) <= len(text); i++ {
		if text[i:i+len(mark)] == mark {
			return true
		}
	}
	return false
}

// refusing is a box that counts what it sees.
type refusing struct{ seen []string }

func (b *refusing) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	b.seen = append(b.seen, wire.Format(p.Tuple(), p.Segment(), p.Options()))
	out.Emit(p, d)
}
func (b *refusing) NextTimeout() sim.Time                  { return sim.Never }
func (b *refusing) HandleTimeout(sim.Time, simnet.Emitter) {}

// The rules of boxes: whole packets, which are cut again behind the box; by it; none.
func TestBoxRulesForFragments(t *testing.T) {
	for _, c := range []struct {
		rule           simnet.FragmentRule
		seen, far, got int
	}{{simnet.ReassembleFragments, 1, 3, 1}, {simnet.PassFragments, 0, 3, 1}, {simnet.DropFragments, 0, 0, 0}} {
		x := newCutting(t, 1000, 576) // cut in two already, 976 and 504; of those the first again
		b := new(refusing)
		x.router.Interface("a").AddBoxWith(b, c.rule)
		x.at(0, func() { x.sendClear(7, 1460) })
		x.finish()
		if len(b.seen) != c.seen || len(x.wires[0]) != 2 || len(x.wires[1]) != c.far || len(x.got) != c.got {
			t.Errorf("rule %d: box saw %q, on the wires %d and %q, received %q", c.rule, b.seen, len(x.wires[0]), x.wires[1], x.got)
		}
	}
}
