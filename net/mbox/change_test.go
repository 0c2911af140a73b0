package mbox_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// catcher keeps what arrives at one end.
type catcher struct {
	n    *simnet.Network
	seg  wire.Segment
	opt  wire.Options
	data []byte
	some bool
}

func (c *catcher) Receive(_ sim.Time, id simnet.PacketID) {
	s, o := c.n.Segment(id), c.n.Options(id)
	c.seg, c.some = *s, true
	c.opt = wire.Options{}
	if o != nil {
		c.opt.CopyFrom(o)
	}
	b := wire.AppendPacket(nil, c.n.Tuple(simnet.RouteID(s.Route)), s, o, -1)
	c.data = b[len(b)-int(s.Len):]
	c.n.Free(id)
}

// A stream that is cut into segments at random, some of which come again in other
// cuts, arrives with exactly the change, whatever it is; and an acknowledgement of
// everything, or of less, means that to the sender.
func TestRewriteStream(t *testing.T) {
	const size, isn = 30_000, wire.Seq(4_294_950_000) // wraps within the stream
	orig := make([]byte, size)
	wire.FillContent(orig, 0)
	at := 12_345
	mark := "PORT 192,168,0,7,195,120"
	for _, c := range []struct {
		name     string
		settings []mbox.Setting
		want     func() []byte
	}{
		{"same", []mbox.Setting{set("mode", "same"), set("offset", at), set("length", 100), set("text", "abc")}, func() []byte {
			w := bytes.Clone(orig)
			copy(w[at:], bytes.Repeat([]byte("abc"), 34)[:100])
			return w
		}},
		{"insert", []mbox.Setting{set("mode", "insert"), set("offset", at), set("length", 7), set("text", "x")}, func() []byte {
			return bytes.Join([][]byte{orig[:at], []byte("xxxxxxx"), orig[at:]}, nil)
		}},
		{"delete", []mbox.Setting{set("mode", "delete"), set("offset", at), set("length", 900)}, func() []byte {
			return bytes.Join([][]byte{orig[:at], orig[at+900:]}, nil)
		}},
		{"insert at 0", []mbox.Setting{set("mode", "insert"), set("offset", 0), set("length", 3)}, func() []byte {
			return append([]byte("###"), orig...)
		}},
		{"delete at the end", []mbox.Setting{set("mode", "delete"), set("offset", size-5), set("length", 5)}, func() []byte {
			return orig[:size-5]
		}},
	} {
		for seed := uint64(1); seed <= 20; seed++ {
			rewriteRun(t, fmt.Sprintf("%s, seed %d", c.name, seed), seed, isn, orig, c.want(), c.settings)
		}
	}
	// Mode find, with a longer and a shorter text.
	for _, text := range []string{"PORT 203,0,113,99,195,120", "PORT 9"} {
		b := bytes.Clone(orig)
		copy(b[5000:], mark)
		copy(b[20_000:], mark)
		want := bytes.ReplaceAll(b, []byte(mark), []byte(text))
		f := mbox.Setting{Name: "find", Texts: []string{mark}, IsText: true}
		r := mbox.Setting{Name: "text", Texts: []string{text}, IsText: true}
		rewriteRun(t, "find "+text, 0, isn, b, want, []mbox.Setting{set("mode", "find"), f, r})
	}
}

func rewriteRun(t *testing.T, name string, seed uint64, isn wire.Seq, orig, want []byte, settings []mbox.Setting) {
	t.Helper()
	f := mbox.Everything()
	f.In = false
	p := newPath(t, "rewrite", f, settings...)
	recv, back := &catcher{n: p.Net}, &catcher{n: p.Net}
	p.b.SetReceiver(recv)
	p.a.SetReceiver(back)
	p.send(true, wire.Segment{Seq: isn, Flags: wire.SYN}, nil)
	rnd := sim.NewRand(seed, 0, "cuts")
	got := make([]byte, len(want)+100)
	sent, high, rcvd := 0, 0, make([]bool, len(got))
	for sent < len(orig) {
		from := sent
		if seed > 0 && rnd.Float64() < 0.3 {
			from -= int(rnd.IntN(uint64(min(sent, 3000) + 1))) // again, cut otherwise
		}
		to := min(from+1+int(rnd.IntN(1400)), len(orig))
		if seed == 0 {
			to = min(from+1000, len(orig)) // texts are not cut
		}
		s := wire.Segment{Seq: isn.Add(1 + from), Ack: 77, Flags: wire.ACK, Len: uint16(to - from)}
		if to == len(orig) {
			s.Flags |= wire.FIN
		}
		p.send(true, s, &wire.Options{Present: wire.OptPieces, Pieces: []wire.Piece{{Len: uint32(to - from), Data: orig[from:to]}}})
		pos := int(recv.seg.Seq.Diff(isn.Add(1)))
		copy(got[pos:], recv.data)
		for i := range recv.data {
			rcvd[pos+i] = true
		}
		sent = max(sent, to)
		for high < len(rcvd) && rcvd[high] {
			high++
		}
		// The receiver acknowledges all it has: the sender must take it for all that
		// was sent, as nothing is missing.
		p.send(false, wire.Segment{Seq: 77, Ack: isn.Add(1 + high), Flags: wire.ACK}, nil)
		if n := int(back.seg.Ack.Diff(isn.Add(1))); n != sent {
			t.Fatalf("%s: %d bytes sent, all acknowledged, as %d", name, sent, n)
		}
		if high > 5 {
			// One byte less: never more than that to the sender.
			p.send(false, wire.Segment{Seq: 77, Ack: isn.Add(high - 4), Flags: wire.ACK}, nil)
			if n := int(back.seg.Ack.Diff(isn.Add(1))); n >= sent {
				t.Fatalf("%s: of %d bytes sent not all are acknowledged, but as %d", name, sent, n)
			}
		}
	}
	if high != len(want) || !bytes.Equal(got[:high], want) {
		t.Fatalf("%s: %d bytes arrived, want %d; equal %v", name, high, len(want), bytes.Equal(got[:min(high, len(want))], want))
	}
	if pos := int(recv.seg.Seq.Diff(isn.Add(1))) + len(recv.data); !recv.seg.Flags.Has(wire.FIN) || pos != len(want) {
		t.Errorf("%s: the FIN is at %d, want %d", name, pos, len(want))
	}
	p.send(false, wire.Segment{Seq: 77, Ack: isn.Add(2 + len(want)), Flags: wire.ACK}, nil)
	if n := int(back.seg.Ack.Diff(isn.Add(1))); n != len(orig)+1 {
		t.Errorf("%s: the acknowledgement of the FIN means %d, want %d", name, n, len(orig)+1)
	}
	if p.Net.Allocated() != 0 || p.box.Acted() == 0 {
		t.Errorf("%s: %d packets left, acted %d times", name, p.Net.Allocated(), p.box.Acted())
	}
}

// Sequence numbers differ on both sides of the box, everything fits on each; the
// variant that forgets SACK lets blocks through as they are.
func TestRewriteISN(t *testing.T) {
	for _, sack := range []string{"rewrite", "forget"} {
		p := newPath(t, "rewrite-isn", mbox.Everything(), set("sack", sack))
		a, b := &catcher{n: p.Net}, &catcher{n: p.Net}
		p.a.SetReceiver(a)
		p.b.SetReceiver(b)
		s, o := synWith(1000, usualSYN)
		p.send(true, s, o)
		x := b.seg.Seq // ISN as b sees it
		p.send(true, s, o)
		if b.seg.Seq != x || x == 1000 {
			t.Fatalf("ISN %d, and %d again", x, b.seg.Seq)
		}
		s, o = synWith(5000, usualSYN)
		s.Flags, s.Ack = wire.SYN|wire.ACK, x+1
		p.send(false, s, o)
		y := a.seg.Seq
		if a.seg.Ack != 1001 || y == 5000 {
			t.Fatalf("SYN/ACK acknowledges %d, has %d", a.seg.Ack, y)
		}
		p.send(true, wire.Segment{Seq: 1001, Ack: y + 1, Flags: wire.ACK, Len: 10}, nil)
		if b.seg.Seq != x+1 || b.seg.Ack != 5001 {
			t.Errorf("data %d, ack %d; want %d, 5001", b.seg.Seq, b.seg.Ack, x+1)
		}
		blocks := &wire.Options{Present: wire.OptSACK, NSACK: 1}
		blocks.SACK[0] = wire.SACKBlock{Start: x + 100, End: x + 200}
		p.send(false, wire.Segment{Seq: 5001, Ack: x + 11, Flags: wire.ACK}, blocks)
		want := wire.SACKBlock{Start: 1100, End: 1200}
		if sack == "forget" {
			want = blocks.SACK[0]
		}
		if a.seg.Ack != 1011 || a.seg.Seq != y+1 || a.opt.SACK[0] != want {
			t.Errorf("%s: ack %d, seq %d, sack %v; want 1011, %d, %v", sack, a.seg.Ack, a.seg.Seq, a.opt.SACK[0], y+1, want)
		}
	}
}

// The window field is lowered by the scale that the SYN has announced.
func TestShrinkWindow(t *testing.T) {
	p := newPath(t, "shrink-window", mbox.Everything(), set("window", 20_000))
	s, o := synWith(1, usualSYN) // scale 7
	p.expect(p.send(true, s, o), "win 20000")
	p.expect(p.send(true, wire.Segment{Flags: wire.ACK, Window: 1000}, nil), "win 156,") // 20000 >> 7
	p.expect(p.send(true, wire.Segment{Flags: wire.ACK, Window: 100}, nil), "win 100,")
	p.expect(p.send(false, wire.Segment{Flags: wire.ACK, Window: 60000}, nil), "win 20000,") // no SYN seen
	if p.seen.why[trace.WindowShrunk] != 3 {
		t.Errorf("traced %v", p.seen.why)
	}
}

// The MSS option is lowered, never raised, and only where it is.
func TestClampMSS(t *testing.T) {
	p := newPath(t, "clamp-mss", mbox.Everything(), set("mss", 1380))
	s, o := synWith(1, usualSYN)
	p.expect(p.send(true, s, o), "mss 1380,sackOK,TS val 5 ecr 0,nop,wscale 7,mptcp 4")
	o.MSS = 536
	p.expect(p.send(false, s, o), "mss 536,")
	p.expect(p.send(true, mapped(1, 100), nil), "TS val 7")
}

// Packets arrive twice, or options stand twice in them.
func TestDuplicate(t *testing.T) {
	p := newPath(t, "duplicate", mbox.Everything(), set("copies", 2))
	p.expect(p.send(true, mapped(1, 100), nil), "seq 1:101", "seq 1:101", "seq 1:101")
	p = newPath(t, "duplicate", mbox.Everything(), set("what", "options"), set("options", "dss timestamps"))
	a := wire.Segment{Flags: wire.ACK, Opt: wire.HasTS | wire.HasDSS | wire.HasDataAck, TSVal: 7, DataAck: 99}
	p.expect(p.send(true, a, nil), "options [nop,nop,TS val 7 ecr 0,mptcp 8 dss ack 99,TS val 7 ecr 0,mptcp 8 dss ack 99")
	p.expect(p.send(true, mapped(1, 100), nil), "TS val 7 ecr 8,mptcp 22 dss ack 99 seq 1099511627776 subseq 1 len 3000,nop,nop], length 100") // no room
}

// A refused packet is answered as its protocol has it: a RST that the sender must
// believe, or an ICMP error that quotes it.
func TestReject(t *testing.T) {
	p := newPath(t, "reject", mbox.Everything())
	s, o := synWith(1000, usualSYN)
	p.expect(p.send(true, s, o), "a IP 10.0.0.2.80 > 10.0.0.1.1000: Flags [R.], seq 0, ack 1001,")
	p.expect(p.send(true, mapped(1001, 100), nil), "a IP 10.0.0.2.80 > 10.0.0.1.1000: Flags [R], seq 500,")
	p.expect(p.send(true, wire.Segment{Flags: wire.RST}, nil)) // is not answered
	p.expect(p.send(false, wire.Segment{Flags: wire.ACK, Ack: 9}, nil), "b IP 10.0.0.1.1000 > 10.0.0.2.80: Flags [R], seq 9,")

	f := mbox.Everything()
	f.In = false
	p = newPath(t, "reject", f, set("with", "icmp"), set("code", 3))
	c := &catcher{n: p.Net}
	p.a.SetReceiver(c)
	p.send(true, s, o)
	var m wire.ICMPMessage
	if err := wire.ParseICMP(c.opt.ICMP, &m); err != nil || m.Kind(wire.ProtoICMP) != wire.ICMPUnreachable || m.Code != 3 || len(m.Body) != 28 {
		t.Fatalf("ICMP message %+v, %v", m, err)
	}
	// Ports and sequence number of the quoted SYN: 1000, 80, 1000.
	if want := []byte{3, 232, 0, 80, 0, 0, 3, 232}; !bytes.Equal(m.Body[20:], want) {
		t.Errorf("quoted %v, want %v", m.Body[20:], want)
	}
}

// A source of ICMP errors quotes the IP header and 8 octets (RFC 792), or as much as fits
// into 576 octets (RFC 1812 section 4.3.2.3): then TCP's header is there, with options, as
// tracebox needs it, and payload up to the limit.
//
// row:M20
func TestICMPQuotes(t *testing.T) {
	for _, v := range []struct {
		quote   string
		payload int
		body    int
	}{
		{"rfc792", 1000, 20 + 8},
		{"rfc1812", 1000, 576 - 20 - 8},
		{"rfc1812", 100, 20 + 20 + 12 + 24 + 100}, // all of it: timestamps, DSS
		{"rfc792", 100, 20 + 8},
	} {
		f := mbox.Everything()
		f.In = false
		p := newPath(t, "icmp", f, set("quote", v.quote))
		c := &catcher{n: p.Net}
		p.a.SetReceiver(c)
		p.send(true, mapped(1001, v.payload), nil)
		var m wire.ICMPMessage
		if err := wire.ParseICMP(c.opt.ICMP, &m); err != nil || m.Kind(wire.ProtoICMP) != wire.ICMPUnreachable {
			t.Fatalf("%+v: ICMP message %+v, %v", v, m, err)
		}
		if len(m.Body) != v.body {
			t.Errorf("%+v: %d octets are quoted", v, len(m.Body))
			continue
		}
		var q wire.Tuple
		if _, err := wire.ParseQuote(m.Body, &q); err != nil || q.Src.Port() != 1000 || q.Dst.Port() != 80 {
			t.Errorf("%+v: quoted ports of %v, %v", v, q, err)
		}
		if v.body > 60 && (m.Body[20+20] != wire.KindNOP || !bytes.Contains(m.Body[40:80], []byte{wire.KindMPTCP})) {
			t.Errorf("%+v: options %x", v, m.Body[40:80])
		}
	}
}

// Data is acknowledged before the receiver has it, with what the receiver said
// last, and the receiver's own acknowledgements never fall behind.
func TestAckEarly(t *testing.T) {
	f := mbox.Everything()
	f.In = false
	p := newPath(t, "ack-early", f)
	s, o := synWith(1000, usualSYN)
	p.send(true, s, o)
	s, o = synWith(5000, usualSYN)
	s.Flags, s.Ack = wire.SYN|wire.ACK, 1001
	p.send(false, s, o)
	p.send(true, wire.Segment{Seq: 1001, Ack: 5001, Flags: wire.ACK, Window: 10}, nil)
	p.send(false, wire.Segment{Seq: 5001, Ack: 1001, Flags: wire.ACK, Window: 300, Opt: wire.HasTS, TSVal: 42}, nil)
	d := mapped(1001, 1000)
	p.expect(p.send(true, d, nil), "a IP 10.0.0.2.80 > 10.0.0.1.1000: Flags [.], ack 2001, win 300, options [nop,nop,TS val 42 ecr 7], length 0", "seq 1001:2001")
	d.Seq = 3001 // a gap: acknowledged up to there
	p.expect(p.send(true, d, nil), "ack 2001,", "seq 3001:4001")
	blocks := &wire.Options{Present: wire.OptSACK, NSACK: 1}
	blocks.SACK[0] = wire.SACKBlock{Start: 3001, End: 4001}
	got := p.send(false, wire.Segment{Seq: 5001, Ack: 1001, Flags: wire.ACK, Window: 300, Opt: wire.HasTS | wire.HasDSS | wire.HasDataAck, DataAck: 9}, blocks)
	p.expect(got, "ack 2001, .. dss ack 9")
	if strings.Contains(got[0], "sack") {
		t.Errorf("SACK blocks are left: %s", got[0])
	}
}

// Wrong names and values are told with what there is.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		box  string
		set  mbox.Setting
		want string
	}{
		{"stripp", set("mode", "nop"), `unknown box "stripp", did you mean "strip"? (known: strip, split,`},
		{"strip", set("mod", "nop"), `unknown parameter of box strip "mod", did you mean "mode"?`},
		{"strip", set("mode", "gone"), `unknown mode "gone" (known: nop, remove, eol)`},
		{"strip", set("options", "mp_capabel"), `did you mean "mp_capable"?`},
		{"strip", set("options", "1"), `unknown TCP option "1"`},
		{"split", set("size", 0), "size is 0; it must lie between 1 and 65535"},
		{"split", set("size", "big"), "size is a number"},
	} {
		_, err := mbox.New(c.box, mbox.Everything(), []mbox.Setting{c.set}, &mbox.Env{Rand: sim.NewRand(1, 0, "")})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: error %v, want %q", c.box, c.set, err, c.want)
		}
	}
	for _, s := range mbox.Specs() {
		if _, err := s.Resolve(nil); err != nil || s.Doc == "" {
			t.Errorf("box %q: defaults: %v", s.Name, err)
		}
	}
}

// Boxes allocate nothing for a packet that they change, but for literal bytes.
func TestBoxesDoNotAllocate(t *testing.T) {
	for _, c := range []struct {
		box string
		set []mbox.Setting
	}{
		{"strip", nil},
		{"strip-data-ack", nil},
		{"split", []mbox.Setting{set("size", 300)}},
		{"coalesce", nil},
		{"shrink-window", []mbox.Setting{set("window", 10)}},
		{"drop", nil},
		{"reject", nil},
		{"duplicate", nil},
		{"clamp-mss", []mbox.Setting{set("mss", 500)}},
		{"rewrite-isn", nil},
		{"rewrite", []mbox.Setting{set("offset", 1010)}},
		{"ack-early", nil},
		{"bleach", []mbox.Setting{set("dscp", 1)}},
		{"icmp", nil},
		{"copy-options", []mbox.Setting{set("to", "retransmission")}},
		{"normalise", []mbox.Setting{set("holes", "pass")}},
		{"shape", []mbox.Setting{{Name: "rate", Number: 1e8}, set("burst", 1500)}},
	} {
		p := newPath(t, c.box, mbox.Everything(), c.set...)
		p.Net.SetVerify(false)
		free := freer{p.Net}
		p.a.SetReceiver(free)
		p.b.SetReceiver(free)
		route := p.Net.Intern(p.there)
		syn, so := synWith(0, usualSYN)
		one := func() {
			for i := range 3 {
				id := p.Net.Alloc()
				s := p.Net.Segment(id)
				*s = mapped(wire.Seq(1+1000*i), 1000)
				if i == 0 {
					*s = syn
				}
				s.Route, s.TTL = uint32(route), 64
				if i == 0 {
					p.Net.AddOptions(id).CopyFrom(so)
				}
				p.a.Send(p.Sim.Now(), id)
			}
			p.Sim.Run(p.Sim.Now().Add(5*sim.Millisecond), 1e6)
		}
		for range 100 {
			one()
		}
		if n := testing.AllocsPerRun(50, one); n != 0 {
			t.Errorf("%s: %v allocations for three packets", c.box, n)
		}
		if p.box.Acted() < 100 && c.box != "ack-early" {
			t.Errorf("%s acted %d times", c.box, p.box.Acted())
		}
	}
}

type freer struct{ n *simnet.Network }

func (f freer) Receive(_ sim.Time, id simnet.PacketID) { f.n.Free(id) }

// The DATA_ACK goes out of a DSS option, in 4 or 8 octets; mapping and what else there
// is stay.
func TestStripDataAck(t *testing.T) {
	p := newPath(t, "strip-data-ack", mbox.Everything())
	p.expect(p.send(true, mapped(1, 100), nil), "options [nop,nop,TS val 7 ecr 8,mptcp 18 dss seq 1099511627776 subseq 1 len 3000,nop,nop], length 100")
	a := wire.Segment{Flags: wire.ACK, Opt: wire.HasTS | wire.HasDSS | wire.HasDataAck | wire.DataAck8, TSVal: 7, DataAck: 99}
	p.expect(p.send(true, a, nil), "options [nop,nop,TS val 7 ecr 0,mptcp 4 dss], length 0")
	a.Opt, a.DataAck = wire.HasTS, 0
	p.expect(p.send(true, a, nil), "options [nop,nop,TS val 7 ecr 0], length 0")
	if p.box.Acted() != 2 {
		t.Errorf("acted %d times", p.box.Acted())
	}
}
