package tcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// mapper is an extension in the manner of MPTCP: mappings of 4000 bytes that no
// segment may straddle, and options as long as a DSS with 8-octet numbers.
type mapper struct {
	t       *testing.T
	conn    *Conn
	window  int64
	verdict func(s *Segment) Verdict
	events  []Event
	whys    []trace.Reason
	seen    int
	next    uint64 // of the received stream
	wrote   int
}

const (
	mapLen   = 4000
	mapShift = 1 << 40 // true offset of position 0
)

func (m *mapper) MSS(room int) int { return room - 28 }

func (m *mapper) SegmentAt(_ sim.Time, pos uint64, max int) (int, uint64) {
	left := mapLen - int(pos%mapLen)
	return min(left, max), pos + mapShift
}

func (m *mapper) OneSegment(pos, end uint64) bool { return pos/mapLen == (end-1)/mapLen }

func (m *mapper) WriteOptions(_ sim.Time, s *Segment, room int) {
	m.wrote++
	need := 12
	if s.Len > 0 {
		need = 28
		s.Segment.Opt |= wire.HasMap | wire.DSN8
	}
	if s.Flags.Has(wire.SYN) || s.Flags.Has(wire.RST) {
		if room < 20 {
			m.t.Fatalf("room of %d in %v", room, s.Flags)
		}
		s.Segment.Opt &^= wire.HasMap | wire.DSN8
		return
	}
	if room < need {
		m.t.Fatalf("room of %d for %d", room, need)
	}
	s.Segment.Opt |= wire.HasDSS | wire.HasDataAck | wire.DataAck8
}

func (m *mapper) ReadOptions(_ sim.Time, s *Segment) Verdict {
	m.seen++
	if m.verdict != nil {
		return m.verdict(s)
	}
	return 0
}

func (m *mapper) Deliver(_ sim.Time, pos uint64, n int, off uint64) {
	if pos != m.next || off != pos+mapShift || n <= 0 {
		m.t.Fatalf("delivered %d+%d with offset %d, want position %d", pos, n, off, m.next)
	}
	m.next += uint64(n)
}

func (m *mapper) ReceiveWindow(sim.Time) int64 { return m.window }

func (m *mapper) OnEvent(_ sim.Time, e Event, why trace.Reason) {
	m.events = append(m.events, e)
	m.whys = append(m.whys, why)
}

func newMapped(t *testing.T) (n *net, a, b *mapper) {
	a, b = &mapper{t: t, window: 1 << 20}, &mapper{t: t, window: 1 << 20}
	n = newNet(t, 10*ms, func(x, y *Config) { x.Ext, y.Ext = a, b })
	a.conn, b.conn = n.a.c, n.b.c
	return n, a, b
}

// TestExtension: segments obey mappings when they are sent and sent again, data is
// delivered in order with its offsets, and SACK takes what the extension leaves.
func TestExtension(t *testing.T) {
	n, _, b := newMapped(t)
	n.connect()
	if got := n.a.c.MSS(); got != 1420 {
		t.Fatalf("MSS %d, want 1460-12-28", got)
	}
	n.a.out.rate, n.a.out.limit = 10*sim.MegabitPerSecond, 20
	n.a.write = 2_000_000
	n.flush(n.a)
	n.runUntil(func() bool { return b.next == 2_000_000 })
	again := 0
	for _, r := range n.a.data() {
		pos := int64(r.seg.Seq - n.a.cfg.ISS - 1)
		if pos/mapLen != (pos+int64(r.seg.Len)-1)/mapLen {
			t.Fatalf("segment %d+%d straddles a mapping", pos, r.seg.Len)
		}
		if r.seg.Opt.Has(wire.OptSACK) {
			t.Fatal("SACK beside a full mapping")
		}
	}
	again = int(n.a.c.Stats().RetransmittedSegments)
	blocks := 0
	for _, r := range n.b.sent {
		if r.seg.Opt.Has(wire.OptSACK) {
			blocks = max(blocks, int(r.seg.Opt.NSACK))
		}
	}
	// 40 - 12 (timestamps) - 12 (Data ACK) leave room for one block.
	if again == 0 || blocks != 1 {
		t.Fatalf("%d retransmissions, %d blocks", again, blocks)
	}
}

// TestExtensionEvents: what happens is reported in order, with the reason.
func TestExtensionEvents(t *testing.T) {
	n, a, b := newMapped(t)
	n.connect()
	n.a.write, n.a.close = 10_000, true
	n.flush(n.a)
	n.run(n.now.Add(sim.Second))
	n.b.c.CloseWrite(n.now)
	n.flush(n.b)
	n.run(n.now.Add(100 * sim.Second))
	compact := func(es []Event) (out []Event) {
		for _, e := range es {
			if len(out) == 0 || out[len(out)-1] != e {
				out = append(out, e)
			}
		}
		return out
	}
	check := func(name string, got []Event, want ...Event) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %v, want %v", name, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	}
	check("a", compact(a.events), Connected, AckAdvanced, PeerClosed, Closed, Forgotten)
	check("b", compact(b.events), Connected, PeerClosed, Closed, Forgotten)
	if w := b.whys[len(b.whys)-1]; w != trace.Graceful {
		t.Fatal(w)
	}
}

// TestVerdicts: the window of a segment may be vetoed, a duplicate excused, and a
// segment discarded.
func TestVerdicts(t *testing.T) {
	n, a, _ := newMapped(t)
	n.connect()
	n.a.write = 20_000
	n.flush(n.a)
	ack := func(win uint16) *Segment {
		s := &Segment{}
		s.Flags = wire.ACK
		s.Seq, s.Ack = n.a.c.rcvSeq(n.a.c.rcv.nxt), n.a.c.sndSeq(n.a.c.snd.una)
		s.Window = win
		s.Segment.Opt = wire.HasTS
		s.TSVal = n.a.c.tsRecent
		return s
	}
	before := n.a.c.snd.wnd
	s := ack(60000)
	a.verdict = func(*Segment) Verdict { return IgnoreWindow }
	n.a.c.Handle(n.now, s)
	if n.a.c.snd.wnd != before {
		t.Fatal("window taken over")
	}
	same := uint16(before >> n.a.c.snd.scale)
	a.verdict = func(*Segment) Verdict { return NotDuplicate }
	for range 5 {
		n.a.c.Handle(n.now, ack(same))
	}
	if got := n.a.c.Stats().DuplicateAcks; got != 1 { // the one with the ignored window
		t.Fatalf("%d duplicates", got)
	}
	a.verdict = nil
	n.a.c.Handle(n.now, ack(same))
	if got := n.a.c.Stats().DuplicateAcks; got != 2 {
		t.Fatalf("%d duplicates", got)
	}
	a.verdict = func(*Segment) Verdict { return Discard }
	s = ack(60000)
	s.Ack = n.a.c.sndSeq(n.a.c.snd.nxt)
	n.a.c.Handle(n.now, s)
	if n.a.c.SndUna() != 0 {
		t.Fatal("discarded segment processed")
	}
}

// TestAbortInsideHook: an extension may abort from within any of its methods.
func TestAbortInsideHook(t *testing.T) {
	n, _, b := newMapped(t)
	n.connect()
	k := 0
	b.verdict = func(*Segment) Verdict {
		if k++; k == 3 {
			b.conn.Abort(n.now)
			return Discard
		}
		return 0
	}
	n.a.write = 100_000
	n.flush(n.a)
	n.run(n.now.Add(sim.Second))
	if n.b.c.State() != StateClosed || n.a.c.State() != StateClosed || n.a.c.Reason() != trace.ResetReceived {
		t.Fatalf("%v %v %v", n.a.c.State(), n.a.c.Reason(), n.b.c.State())
	}
}

// TestAckNow forces a pure ACK even when data could carry it.
func TestAckNow(t *testing.T) {
	n, _, _ := newMapped(t)
	n.connect()
	sent := len(n.a.sent)
	n.a.write = 1000
	n.a.c.AckNow(n.now)
	n.flush(n.a)
	got := n.a.sent[sent:]
	if len(got) != 2 || got[0].seg.Len != 1000 || got[1].seg.Len != 0 {
		t.Fatalf("%d segments", len(got))
	}
}

// TestFirstAckIsPure: the third segment of the handshake carries no data, even if
// some was written before.
func TestFirstAckIsPure(t *testing.T) {
	n, _, _ := newMapped(t)
	n.a.write = 5000
	n.connect()
	if s := n.a.sent[1].seg; s.Len != 0 || s.Flags != wire.ACK || n.a.sent[2].seg.Len == 0 {
		t.Fatalf("%v %d", s.Flags, s.Len)
	}
}

// TestChecksBeforeExtension: the extension sees no segment that TCP's checks refuse
// (RFC 8684 section 5: RFC 5961 before any MPTCP signal).
func TestChecksBeforeExtension(t *testing.T) {
	n, a, _ := newMapped(t)
	n.connect()
	c := n.a.c
	seen := a.seen
	for _, change := range []func(*Segment){
		func(s *Segment) { s.Flags = fR; s.Seq += 100 },                                      // not exact
		func(s *Segment) { s.Flags = fS },                                                    // SYN
		func(s *Segment) { s.Seq += 1 << 30 },                                                // beyond the window
		func(s *Segment) { s.Ack += 5000 },                                                   // never sent
		func(s *Segment) { s.Ack -= 1 << 30 },                                                // too old
		func(s *Segment) { s.Segment.Opt, s.TSVal = wire.HasTS, c.tsRecent-100; s.Len = 10 }, // PAWS
	} {
		s := &Segment{}
		s.Flags = wire.ACK
		s.Seq, s.Ack = c.rcvSeq(c.rcv.nxt), c.sndSeq(c.snd.nxt)
		change(s)
		c.Handle(n.now, s)
	}
	if a.seen != seen || c.State() != StateEstablished {
		t.Fatalf("the extension saw %d of six bad segments", a.seen-seen)
	}
}

// pieces is a mapper whose mappings have another length.
type pieces struct {
	mapper
	size uint64
}

func (m *pieces) SegmentAt(_ sim.Time, pos uint64, max int) (int, uint64) {
	return min(int(m.size-pos%m.size), max), pos + mapShift
}

func (m *pieces) OneSegment(pos, end uint64) bool { return pos/m.size == (end-1)/m.size }

// TestExtensionBoundsJoining: when ten short segments are sent again after a timeout,
// those of one mapping leave together, as many as a segment holds (Linux
// tcp_retrans_try_collapse), and those of mappings of their own remain what they were
// (mptcp_skb_can_collapse). They are not joined and cut again, which would cost time
// with the square of how many there are.
func TestExtensionBoundsJoining(t *testing.T) {
	for _, v := range []struct {
		size    uint64
		records int
		longest int
	}{{100, 10, 100}, {200, 9, 200}, {4000, 1, 1000}} {
		a := &pieces{mapper{t: t, window: 1 << 20}, v.size}
		n := newNet(t, 10*ms, func(x, y *Config) { x.Ext, y.Ext = a, &mapper{t: t, window: 1 << 20} })
		a.conn = n.a.c
		n.connect()
		n.a.c.SetNoDelay(true)
		lost := 0
		n.a.out.drop = func(_ int, _ sim.Time, s *Segment) bool {
			if s.Len == 0 || lost == 11 {
				return false
			}
			lost++ // the tail loss probe, too
			return true
		}
		for range 10 {
			n.a.write += 100
			n.flush(n.a)
		}
		n.runUntil(func() bool { return lost == 11 })
		n.runUntil(func() bool { return n.a.c.caState == cc.LossState })
		longest := 0
		for _, r := range n.a.data()[11:] {
			longest = max(longest, int(r.seg.Len))
		}
		if got := int(n.a.c.flight.len()); got != v.records || longest != v.longest {
			t.Errorf("mappings of %d bytes: %d records, segments of up to %d bytes; want %d, %d", v.size, got, longest, v.records, v.longest)
		}
	}
}
