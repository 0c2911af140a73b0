package tcp

import (
	"encoding/binary"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"

	"pgregory.net/rapid"
)

// FuzzHandle feeds a connection with hostile segments of the right 4-tuple, with
// calls of the application and with time. Whatever comes, it does not panic, its
// scoreboard is consistent, what it sends fits, and what it delivers is gapless.
func FuzzHandle(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add([]byte{1, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 3, 200, 0, 2, 5, 1, 0x12, 3, 1, 0, 9, 9, 9, 9, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		ops := &operations{data: data}
		hostile(t, ops)
	})
}

// TestHostile is the same with operations drawn at random.
func TestHostile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hostile(rt, &operations{data: rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(rt, "data")})
	})
}

// operations are decoded from bytes; the end of the bytes is the end.
type operations struct{ data []byte }

func (o *operations) byte() byte {
	if len(o.data) == 0 {
		return 0
	}
	b := o.data[0]
	o.data = o.data[1:]
	return b
}

func (o *operations) uint16() uint16 { return binary.LittleEndian.Uint16([]byte{o.byte(), o.byte()}) }

// near returns a sequence number near one of some, or far away.
func (o *operations) near(base wire.Seq) wire.Seq {
	switch b := o.byte(); b % 4 {
	case 0:
		return base
	case 1:
		return base + wire.Seq(b/4)*100
	case 2:
		return base - wire.Seq(b/4)
	}
	return base + wire.Seq(o.uint16())*7919
}

func hostile(t rapid.TB, ops *operations) {
	p := Linux()
	mode := ops.byte()
	p.SACK, p.RACK = mode&1 != 0, mode&2 == 0
	p.Timestamps, p.ECN = mode&4 != 0, mode&8 != 0
	c := New(&Config{Profile: p, CC: newCC(nil, "reno"), ISS: 1 << 31, MSS: 1460, SendBuffer: 100_000, ReceiveBuffer: 50_000})
	h := &harness{t: t, c: c, ops: ops}
	if mode&16 != 0 {
		c.Connect(0)
		h.poll()
	} else {
		h.inject(true)
	}
	for len(ops.data) > 0 && !c.Forgotten() {
		switch op := ops.byte(); op % 8 {
		case 0:
			c.Write(h.now, int64(ops.uint16()))
		case 1:
			h.now = h.now.Add(sim.Duration(ops.uint16()) * ms)
			if c.NextTimeout() <= h.now {
				c.HandleTimeout(h.now)
			}
		case 2:
			h.read()
		case 3:
			switch op {
			case 3:
				c.CloseWrite(h.now)
			case 3 + 64:
				c.Close(h.now)
			case 3 + 128:
				c.Abort(h.now)
			case 3 + 192:
				c.SetRTOCap(sim.Duration(ops.byte()) * ms)
			}
		default:
			h.inject(false)
		}
		h.poll()
		checkInvariants(t, c)
	}
	h.read()
}

type harness struct {
	t     rapid.TB
	c     *Conn
	ops   *operations
	now   sim.Time
	taken int64
}

func (h *harness) read() {
	for {
		_, n, ok := h.c.Read(h.now, 1<<40)
		if !ok {
			break
		}
		h.taken += n
	}
	if got := h.c.rcv.read; got != h.taken || h.taken > h.c.rcv.nxt {
		h.t.Fatalf("read %d, counted %d, RCV.NXT %d", h.taken, got, h.c.rcv.nxt)
	}
}

// poll takes everything that leaves now. It need not be little: a peer with a small
// segment size gets a large window in many segments. But new data moves SND.NXT, each
// byte is sent again at most twice at one instant (by the probe of the tail, and
// because it is lost), and only few segments carry nothing.
func (h *harness) poll() {
	var out Segment
	var again int64
	empty := 0
	for nxt := h.c.snd.nxt; h.c.Poll(h.now, &out); nxt = h.c.snd.nxt {
		if n := int64(out.Len) + b2i(out.Flags.Has(wire.FIN)); n == 0 {
			empty++
		} else if h.c.snd.nxt == nxt {
			again += n
		}
		if empty > 8 || again > 2*(h.c.snd.nxt-h.c.snd.una) {
			h.t.Fatalf("endless output: %v, %d bytes again, %d segments without any", out.Flags, again, empty)
		}
		if !wire.Fits(&out.Segment, out.Opt) || int(out.Len) > 1460 {
			h.t.Fatalf("segment does not fit: %+v", out.Segment)
		}
		if end := h.c.sndPos(out.Seq) + int64(out.Len); out.Len > 0 && end > h.c.snd.end {
			h.t.Fatalf("sends up to %d of %d", end, h.c.snd.end)
		}
	}
}

func (h *harness) inject(syn bool) {
	o, c := h.ops, h.c
	s := &Segment{}
	s.Flags = wire.Flags(o.byte())
	if o.byte()%4 != 0 {
		s.Flags |= wire.ACK
		s.Flags &^= wire.RST | wire.SYN
	}
	s.Seq = o.near(c.rcvSeq(c.rcv.nxt))
	s.Ack = o.near(c.sndSeq(c.snd.una))
	if o.byte()%2 == 0 {
		s.Ack = c.sndSeq(c.snd.nxt)
	}
	s.Len = o.uint16() % 3000
	s.Off = uint64(o.byte())
	s.Window = o.uint16()
	s.TOS = o.byte()
	bits := o.byte()
	if bits&1 != 0 {
		s.Segment.Opt |= wire.HasTS
		s.TSVal, s.TSEcr = uint32(o.near(wire.Seq(c.tsRecent))), uint32(o.near(wire.Seq(c.tsClock(h.now))))
	}
	if bits&2 != 0 {
		d := s.Options()
		d.Present |= wire.OptSACK
		d.NSACK = o.byte() % 8 // more than there can be, too
		for i := range d.SACK {
			d.SACK[i] = wire.SACKBlock{Start: o.near(c.sndSeq(c.snd.una)), End: o.near(c.sndSeq(c.snd.nxt))}
		}
	}
	if bits&4 != 0 {
		d := s.Options()
		d.Present |= wire.OptPieces
		k := uint32(s.Len)
		for range o.byte() % 4 {
			n := min(uint32(o.uint16()%1000), k)
			d.Pieces = append(d.Pieces, wire.Piece{Off: uint64(o.uint16()), Len: n})
			k -= n
		}
		d.Pieces = append(d.Pieces, wire.Piece{Off: 9, Len: k})
	}
	if syn {
		s.Flags = wire.SYN
		synOptions(uint16(o.uint16()), true, int(o.byte()))(s)
		c.Accept(h.now, s)
		h.poll()
		return
	}
	c.Handle(h.now, s)
}

// TestManySmallSegments: a congestion window of 120000 bytes is 1200 segments to a peer
// that takes 100 bytes in each (RFC 9293 section 3.7.1, RFC 5681 section 3.1). They
// leave at one instant, each byte once, and nothing else leaves: this is no endless
// output.
func TestManySmallSegments(t *testing.T) {
	s := newScript(t, 0, func(c *Config) {
		c.CC = &fixedWindow{w: 120_000}
		c.SendBuffer = 200_000
	})
	s.peer(0, fS, 0, 0, 0, 50000, synOptions(100, true, 7))
	s.expect(0, 0, fSA, 0, 0, 1)
	s.peer(40*ms, fA, 1, 0, 1, 4000)
	before := *s.c.Stats()
	s.c.Write(s.clock, 200_000)
	(&harness{t: t, c: s.c, now: s.clock}).poll()
	after := s.c.Stats()
	segments, bytes := after.SegmentsSent-before.SegmentsSent, after.BytesSent-before.BytesSent
	if segments != 1200 || bytes != 120_000 || after.RetransmittedSegments != 0 {
		t.Fatalf("%d segments, %d bytes, %d again", segments, bytes, after.RetransmittedSegments)
	}
}

// TestBlindAttacker: segments with the right 4-tuple and any sequence numbers but
// the exact ones neither end a transfer nor get into it.
func TestBlindAttacker(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.keep = false
	n.connect()
	n.a.out.rate, n.a.out.limit = 20*sim.MegabitPerSecond, 50
	n.a.write = 3_000_000
	n.flush(n.a)
	r := sim.NewRand(9, 0, "attacker")
	for n.b.got < 3_000_000 {
		if !n.step(sim.Never - 1) {
			t.Fatal("stuck")
		}
		for _, h := range []*host{n.a, n.b} {
			s := &Segment{}
			s.Flags = []wire.Flags{fR, fS, fSA, fA, fFA, fPA}[r.IntN(6)]
			// Outside the windows, or a reset inside but not exact.
			s.Seq = h.c.rcvSeq(h.c.rcv.nxt) + 1<<28 + wire.Seq(r.IntN(1<<31))
			if s.Flags == fR {
				s.Seq = h.c.rcvSeq(h.c.rcv.nxt) + 1 + wire.Seq(r.IntN(60000))
			}
			if s.Flags == fR && !h.c.ooo.empty() {
				continue // the end of a gap is believed
			}
			s.Ack = wire.Seq(r.Uint64())
			s.Len = uint16(r.IntN(1400))
			s.Off = r.Uint64()
			h.c.Handle(n.now, s)
			n.flush(h)
		}
	}
	if n.b.bad != 0 || n.a.c.State() != StateEstablished || n.b.c.State() != StateEstablished {
		t.Fatalf("%d bad bytes, %v %v", n.b.bad, n.a.c.State(), n.b.c.State())
	}
	if n.b.c.Stats().ChallengeAcks == 0 {
		t.Fatal("no challenge")
	}
}
