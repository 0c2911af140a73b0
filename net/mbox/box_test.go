package mbox_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"mpsim/internal/boxtest"
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// path is two nodes with one box at the first.
type path struct {
	boxtest.Bench // Got: what arrived where, with times
	a, b          *simnet.Node
	box           mbox.Box
	there         wire.Tuple // from a to b
	bytes         []string   // payload of what arrived
	seen          *counts
	s             *sim.Sim // Sim and Net by shorter names
	n             *simnet.Network
}

type counts struct{ why map[trace.Reason]int }

func (c *counts) Emit(r *trace.Record) {
	if r.Kind == trace.BoxAction {
		c.why[r.Why]++
	}
}

type end struct {
	p    *path
	name string
}

func (e end) Receive(now sim.Time, id simnet.PacketID) {
	s, o := e.p.Net.Segment(id), e.p.Net.Options(id)
	t := e.p.Net.Tuple(simnet.RouteID(s.Route))
	e.p.Got = append(e.p.Got, fmt.Sprintf("%v %s %s", now, e.name, wire.Format(t, s, o)))
	if s.Len > 0 {
		b := wire.AppendPacket(nil, t, s, o, -1)
		e.p.bytes = append(e.p.bytes, string(b[len(b)-int(s.Len):]))
	}
	e.p.Net.Free(id)
}

func set(name string, v any) mbox.Setting {
	switch x := v.(type) {
	case int:
		return mbox.Setting{Name: name, Number: float64(x)}
	case string:
		return mbox.Setting{Name: name, Texts: strings.Fields(x), IsText: true}
	}
	panic(v)
}

func newPath(t *testing.T, name string, f mbox.Filter, settings ...mbox.Setting) *path {
	t.Helper()
	p := &path{seen: &counts{map[trace.Reason]int{}}}
	p.Start(t, p.seen, trace.BoxAction)
	p.s, p.n = p.Sim, p.Net
	p.a, p.b = p.Net.AddNode("a"), p.Net.AddNode("b")
	ia, ib := p.a.AddInterface("eth0"), p.b.AddInterface("eth0")
	pa, pb := netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("10.0.0.2/24")
	p.Net.Connect("l", ia, ib, simnet.LinkConfig{}, simnet.LinkConfig{})
	ia.AddAddr(pa)
	ib.AddAddr(pb)
	p.a.SetReceiver(end{p, "a"})
	p.b.SetReceiver(end{p, "b"})
	p.there = wire.Tuple{Src: netip.AddrPortFrom(pa.Addr(), 1000), Dst: netip.AddrPortFrom(pb.Addr(), 80), Proto: wire.ProtoTCP}
	box, err := mbox.New(name, f, settings, &mbox.Env{Net: p.Net, Node: p.a, Rand: sim.NewRand(1, 0, "box")})
	if err != nil {
		t.Fatal(err)
	}
	p.box = box
	ia.AddBox(box)
	return p
}

// send sends a segment from a (up) or b, now, and returns what arrived because of
// it.
func (p *path) send(up bool, s wire.Segment, o *wire.Options) []string {
	t, from := p.there, p.a
	if !up {
		t, from = p.there.Reverse(), p.b
	}
	return p.Inject(from, t, s, o)
}

// expect compares what arrived by substrings, one for each packet.
func (p *path) expect(got []string, want ...string) {
	p.T.Helper()
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		for _, w := range strings.Split(want[i], " .. ") {
			ok = ok && strings.Contains(got[i], w)
		}
	}
	if !ok {
		p.T.Errorf("arrived\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// mapped is a data segment with timestamps and a mapping.
func mapped(seq wire.Seq, n int) wire.Segment {
	return wire.Segment{
		Seq: seq, Ack: 500, Flags: wire.ACK, Len: uint16(n), Off: uint64(seq), Window: 100,
		Opt: wire.HasTS | wire.HasDSS | wire.HasDataAck | wire.HasMap | wire.DSN8, TSVal: 7, TSEcr: 8, DSN: 1 << 40, DataAck: 99, SSN: 1, MapLen: 3000,
	}
}

func synWith(seq wire.Seq, set wire.OptSet) (wire.Segment, *wire.Options) {
	o := &wire.Options{Present: set, MSS: 1460, WScale: 7, Capable: wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}}
	return wire.Segment{Seq: seq, Flags: wire.SYN, Window: 65000, Opt: wire.HasTS, TSVal: 5}, o
}

const usualSYN = wire.OptMSS | wire.OptWScale | wire.OptSACKPermitted | wire.OptCapable

// Options are overwritten, cut out or hidden, byte by byte; subtypes and kinds
// are told apart.
func TestStrip(t *testing.T) {
	for _, c := range []struct{ mode, options, syn, data string }{
		{"nop", "mptcp", "options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7,nop,nop,nop,nop]", "options [nop,nop,TS val 7 ecr 8,nop"},
		{"remove", "mptcp", "options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7]", "options [nop,nop,TS val 7 ecr 8], length"},
		{"eol", "mptcp", "options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7,eol]", "options [nop,nop,TS val 7 ecr 8,eol"},
		{"remove", "mp_capable", "options [mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7]", "mptcp 22 dss ack 99 seq 1099511627776 subseq 1 len 3000"},
		{"remove", "dss", "mptcp 4 capable", "options [nop,nop,TS val 7 ecr 8], length"},
		{"remove", "30 8", "options [mss 1460,sackOK,wscale 7,nop,nop,nop]", "win 100, length 1000"},
		{"eol", "mss", "options [eol]", "TS val 7"},
		{"remove", "all", "win 65000, length 0", "win 100, length 1000"},
	} {
		p := newPath(t, "strip", mbox.Everything(), set("mode", c.mode), set("options", c.options))
		s, o := synWith(1, usualSYN)
		p.expect(p.send(true, s, o), c.syn)
		d := mapped(2, 1000)
		p.expect(p.send(false, d, nil), c.data)
	}
}

// A box acts on the packets that all of its conditions let through.
func TestFilter(t *testing.T) {
	count := func(change func(*mbox.Filter), packets ...func(p *path)) uint64 {
		f := mbox.Everything()
		change(&f)
		p := newPath(t, "drop", f)
		for range 10 {
			s, o := synWith(1, usualSYN)
			p.send(true, s, o)
			s.Flags |= wire.ACK
			p.send(false, s, o)
			p.send(true, wire.Segment{Flags: wire.ACK}, nil)
			p.send(true, mapped(2, 100), nil)
			p.send(false, wire.Segment{Flags: wire.ACK | wire.FIN}, nil)
			p.send(true, wire.Segment{Flags: wire.RST}, nil)
			p.Wait(sim.Second)
		}
		if n := int(p.box.Acted()); 60-n != len(p.Got) || p.Net.Allocated() != 0 {
			t.Fatalf("%d of 60 packets arrived, %d acted on, %d leaked", len(p.Got), n, p.Net.Allocated())
		}
		return p.box.Acted()
	}
	var capable mbox.OptionSet
	if err := capable.Add("mp_capable"); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		change func(*mbox.Filter)
		want   uint64
	}{
		{func(f *mbox.Filter) {}, 60},
		{func(f *mbox.Filter) { f.Off = true }, 0},
		{func(f *mbox.Filter) { f.Out = false }, 20},
		{func(f *mbox.Filter) { f.In = false }, 40},
		{func(f *mbox.Filter) { f.Class = mbox.SYNs }, 10},
		{func(f *mbox.Filter) { f.Class = mbox.SYNACKs }, 10},
		{func(f *mbox.Filter) { f.Class = mbox.NonSYNs }, 40},
		{func(f *mbox.Filter) { f.Class = mbox.DataSegments }, 10},
		{func(f *mbox.Filter) { f.Class = mbox.PureACKs }, 10},
		{func(f *mbox.Filter) { f.Class = mbox.FINs }, 10},
		{func(f *mbox.Filter) { f.Class = mbox.RSTs }, 10},
		{func(f *mbox.Filter) { f.Carrying = capable }, 20},
		{func(f *mbox.Filter) { f.From, f.Until = sim.Time(2*sim.Second), sim.Time(4*sim.Second) }, 12},
		{func(f *mbox.Filter) { f.Source = netip.MustParsePrefix("10.0.0.2/32") }, 20},
		{func(f *mbox.Filter) { f.Destination = netip.MustParsePrefix("10.0.0.0/24") }, 60},
		{func(f *mbox.Filter) { f.DestinationPort = 80 }, 40},
		{func(f *mbox.Filter) { f.SourcePort = 81 }, 0},
		{func(f *mbox.Filter) { f.First, f.Count = 5, 7 }, 7},
		{func(f *mbox.Filter) { f.First, f.Class = 4, mbox.SYNs }, 6},
	} {
		if got := count(c.change); got != c.want {
			t.Errorf("case %d: acted on %d packets, want %d", i, got, c.want)
		}
	}
	// Of 60 fair draws all but one in a million lie between 11 and 49.
	if n := count(func(f *mbox.Filter) { f.Probability = 0.5 }); n <= 11 || n >= 49 {
		t.Errorf("with probability 0.5 %d of 60", n)
	}
}

// Segments are cut with their payload, and the options go where they should.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		options  string
		want     [3]bool // the DSS option is there
		leftover string
	}{{"all", [3]bool{true, true, true}, ""}, {"first", [3]bool{true, false, false}, ""}, {"last", [3]bool{false, false, true}, ""}} {
		p := newPath(t, "split", mbox.Everything(), set("size", 400), set("options", c.options))
		s := mapped(1000, 1000)
		s.Flags |= wire.PSH | wire.FIN
		got := p.send(true, s, nil)
		p.expect(got, "Flags [.], seq 1000:1400 .. TS val 7", "Flags [.], seq 1400:1800 .. TS val 7", "Flags [FP.], seq 1800:2000 .. TS val 7 .. length 200")
		for i, line := range got {
			if strings.Contains(line, "dss") != c.want[i] {
				t.Errorf("options %s, part %d: %s", c.options, i, line)
			}
		}
		all := []byte(strings.Join(p.bytes, ""))
		if wire.ContentEqual(all, 1000) != 1000 {
			t.Error("the payload is another one")
		}
		p.expect(p.send(true, mapped(2000, 400), nil), "length 400")
		if p.seen.why[trace.SegmentSplit] != 1 || p.Net.Allocated() != 0 {
			t.Errorf("traced %v, %d packets left", p.seen.why, p.Net.Allocated())
		}
	}
}

// Segments that follow each other become one; what does not follow sends on what
// waits; nothing waits longer than it may.
func TestCoalesce(t *testing.T) {
	p := newPath(t, "coalesce", mbox.Everything(), set("size", 2500), set("hold", 1_000_000), set("options", "first"))
	a, b := mapped(1000, 1000), mapped(2000, 1000)
	b.DSN, b.SSN, b.Ack, b.Window, b.Flags = 1<<40+1000, 1001, 600, 200, wire.ACK|wire.PSH
	p.expect(p.send(true, a, nil))
	p.expect(p.send(true, b, nil))
	p.expect(p.Wait(2*sim.Millisecond), "0.001000000 b .. Flags [P.], seq 1000:3000, ack 600, win 200 .. seq 1099511627776 subseq 1 len 3000 .. length 2000")
	if wire.ContentEqual([]byte(p.bytes[0]), 1000) != 2000 {
		t.Error("the payload is another one")
	}
	p.send(true, a, nil)
	c := mapped(3500, 100)
	p.expect(p.send(true, c, nil), "seq 1000:2000") // a gap
	p.expect(p.send(true, wire.Segment{Flags: wire.ACK, Seq: 3600}, nil), "seq 3500:3600", "length 0")
	p.send(true, a, nil)
	p.expect(p.send(true, mapped(2000, 2000), nil), "seq 1000:2000") // too long together
	p.expect(p.Wait(sim.Second), "seq 2000:4000")

	p = newPath(t, "coalesce", mbox.Everything(), set("options", "last"))
	p.send(true, a, nil)
	p.send(true, b, nil)
	p.expect(p.Wait(sim.Second), "seq 1000:3000 .. seq 1099511628776 subseq 1001")

	// Both sets of options: 12 octets of timestamps and two of 26 do not fit, two
	// of 12 do.
	p = newPath(t, "coalesce", mbox.Everything(), set("options", "both"))
	p.send(true, a, nil)
	p.expect(p.send(true, b, nil), "seq 1000:2000")
	p.expect(p.Wait(sim.Second), "seq 2000:3000")
	a.Opt, b.Opt = a.Opt&^(wire.HasMap|wire.DSN8), b.Opt&^(wire.HasMap|wire.DSN8)
	a.DSN, a.SSN, a.MapLen, b.DSN, b.SSN, b.MapLen = 0, 0, 0, 0, 0, 0
	b.DataAck = 100
	p.send(true, a, nil)
	p.send(true, b, nil)
	p.expect(p.Wait(sim.Second), "seq 1000:3000 .. dss ack 99,mptcp 8 dss ack 100")
	if p.Net.Allocated() != 0 {
		t.Errorf("%d packets left", p.Net.Allocated())
	}
}
