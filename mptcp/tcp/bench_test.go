package tcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
)

// pair is two connections back to back: the least that a transfer needs, so that
// the benchmarks measure the connections. Segments are carried in rings, in the
// order in which they were sent, with one delay in both directions.
type pair struct {
	now     sim.Time
	c       [2]*Conn
	ring    [2]flightRing // segments on their way to c[i]
	delay   sim.Duration
	gap     sim.Duration // between departures of data: the bottleneck
	free    sim.Time
	limit   int // packets that the bottleneck queues; 0: any
	dropped int
	n       int
	every   int // drop every n-th data segment; 0: none
	lose    func() bool
	seg     Segment
	got     int64
}

type flightRing struct {
	seg        []Segment
	at         []sim.Time
	head, tail uint32
}

func (r *flightRing) empty() bool { return r.head == r.tail }

func (r *flightRing) push(s *Segment, at sim.Time) {
	if int(r.tail-r.head) == len(r.seg) {
		n := max(1024, 2*len(r.seg))
		seg, t := make([]Segment, n), make([]sim.Time, n)
		for i := r.head; i != r.tail; i++ {
			seg[i&uint32(n-1)] = r.seg[i&uint32(len(r.seg)-1)]
			t[i&uint32(n-1)] = r.at[i&uint32(len(r.seg)-1)]
		}
		r.seg, r.at = seg, t
	}
	i := r.tail & uint32(len(r.seg)-1)
	d := &r.seg[i]
	d.Segment = s.Segment
	d.Opt = nil
	if s.Opt != nil {
		d.Buf = s.Buf
		d.Opt = &d.Buf
	}
	r.at[i] = at
	r.tail++
}

func newPair(tb testing.TB, change func(*Config)) *pair {
	p := &pair{delay: 10 * ms}
	for i := range p.c {
		cfg := Config{Profile: Linux(), CC: newCC(tb, "reno"), ISS: wire.Seq(i) * 77777, MSS: 1460,
			SendBuffer: 4 << 20, ReceiveBuffer: 4 << 20}
		if change != nil {
			change(&cfg)
		}
		p.c[i] = New(&cfg)
	}
	p.c[0].Connect(0)
	p.flush(0)
	for p.c[0].State() != StateEstablished || p.c[1].State() != StateEstablished {
		p.step()
	}
	return p
}

func (p *pair) flush(i int) {
	c := p.c[i]
	for c.Poll(p.now, &p.seg) {
		at := p.now
		if p.seg.Len > 0 {
			p.n++
			if p.every > 0 && p.n%p.every == 0 || p.lose != nil && p.lose() {
				p.dropped++
				continue
			}
			if p.gap > 0 {
				p.free = max(p.free, p.now)
				if p.limit > 0 && p.free.Sub(p.now) >= sim.Duration(p.limit)*p.gap {
					p.dropped++
					continue
				}
				p.free = p.free.Add(p.gap)
				at = p.free
			}
		}
		p.ring[1-i].push(&p.seg, at.Add(p.delay))
	}
}

// step executes the next arrival or timeout.
func (p *pair) step() {
	at, who, timeout := sim.Never, 0, false
	for i := range p.c {
		if r := &p.ring[i]; !r.empty() {
			if t := r.at[r.head&uint32(len(r.at)-1)]; t < at {
				at, who, timeout = t, i, false
			}
		}
		if t := p.c[i].NextTimeout(); t < at {
			at, who, timeout = t, i, true
		}
	}
	if at == sim.Never {
		sim.Bugf("nothing happens any more")
	}
	p.now = max(p.now, at)
	c := p.c[who]
	if timeout {
		c.HandleTimeout(p.now)
	} else {
		r := &p.ring[who]
		s := &r.seg[r.head&uint32(len(r.seg)-1)]
		r.head++
		if c.State() == StateClosed {
			c.Accept(p.now, s)
		} else {
			c.Handle(p.now, s)
		}
	}
	if who == 0 {
		c.Write(p.now, 1<<30)
	} else {
		for {
			_, n, ok := c.Read(p.now, 1<<40)
			if !ok {
				break
			}
			p.got += n
		}
	}
	p.flush(who)
}

// BenchmarkBulk is a transfer over a bottleneck of one segment in 100 us with a
// queue of two bandwidth-delay products; ns/op is the cost of one data segment at
// both ends, with the acknowledgements that it takes.
func BenchmarkBulk(b *testing.B) {
	for _, bm := range []struct {
		name  string
		every int
	}{{"clean", 0}, {"loss1000", 1000}, {"loss100", 100}, {"loss20", 20}} {
		b.Run(bm.name, func(b *testing.B) {
			p := newPair(b, nil)
			p.gap, p.limit, p.every = 100*sim.Microsecond, 400, bm.every
			for p.got < 20_000_000 {
				p.step()
			}
			b.ReportAllocs()
			b.ResetTimer()
			start := p.got
			for p.got-start < int64(b.N)*1448 {
				p.step()
			}
		})
	}
}

// bulkState returns an established connection with a large window and a segment
// that acknowledges its data, for the benchmarks of single operations.
func established(tb testing.TB, window int64) (*Conn, *Segment) {
	c := New(&Config{Profile: Linux(), CC: &fixedWindow{w: window}, ISS: 1, MSS: 1460,
		SendBuffer: 1 << 40, ReceiveBuffer: 1 << 20})
	var s Segment
	c.Connect(0)
	c.Poll(0, &s)
	syn := &Segment{}
	syn.Seq, syn.Ack, syn.Flags, syn.Window = 9, 2, fSA, 65535
	synOptions(1460, true, 14)(syn)
	syn.Segment.Opt, syn.TSEcr = wire.HasTS, s.TSVal
	c.Handle(sim.Time(10*ms), syn)
	c.Poll(sim.Time(10*ms), &s)
	if c.State() != StateEstablished {
		tb.Fatal(c.State())
	}
	ack := &Segment{}
	ack.Seq, ack.Flags, ack.Window = 10, fA, 65535
	ack.Segment.Opt, ack.TSEcr = wire.HasTS, s.TSVal
	return c, ack
}

// fixedWindow is a controller that does nothing.
type fixedWindow struct{ w, acks int64 }

func (f *fixedWindow) Join(sim.Time, cc.FlowID, cc.Path)                             {}
func (f *fixedWindow) Leave(sim.Time, cc.FlowID)                                     {}
func (f *fixedWindow) OnSent(sim.Time, cc.FlowID, int64)                             {}
func (f *fixedWindow) OnAck(sim.Time, cc.FlowID, *cc.Ack)                            { f.acks++ }
func (f *fixedWindow) OnLoss(sim.Time, cc.FlowID, cc.Loss)                           {}
func (f *fixedWindow) OnTimeout(sim.Time, cc.FlowID, cc.Loss)                        {}
func (f *fixedWindow) OnIdleRestart(sim.Time, cc.FlowID, sim.Duration, sim.Duration) {}
func (f *fixedWindow) Reduce(sim.Time, cc.FlowID, cc.Reason)                         {}
func (f *fixedWindow) Undo(sim.Time, cc.FlowID)                                      {}
func (f *fixedWindow) Window(cc.FlowID) int64                                        { return f.w }
func (f *fixedWindow) Ssthresh(cc.FlowID) int64                                      { return f.w }
func (f *fixedWindow) PacingRate(cc.FlowID) sim.Rate                                 { return 0 }
func (f *fixedWindow) Observe(cc.FlowID) cc.Metrics                                  { return cc.Metrics{} }

// BenchmarkAckProcessing is one ACK for two segments and the two segments that it
// releases.
func BenchmarkAckProcessing(b *testing.B) {
	const window = 100 * 1448
	c, ack := established(b, window)
	now := sim.Time(20 * ms)
	c.Write(now, 1<<39)
	var out Segment
	for c.Poll(now, &out) {
	}
	ack.Ack = c.sndSeq(c.snd.una)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		now = now.Add(100 * sim.Microsecond)
		ack.Ack += 2 * 1448
		ack.TSEcr = out.TSVal
		ack.TSVal = uint32(now / 1e6)
		c.Handle(now, ack)
		for c.Poll(now, &out) {
		}
	}
	if c.pipe() != window || c.stats.RetransmittedSegments > 0 {
		b.Fatalf("pipe %d", c.pipe())
	}
}

// BenchmarkPoll is what one new data segment costs.
func BenchmarkPoll(b *testing.B) {
	c, ack := established(b, 1<<40)
	now := sim.Time(20 * ms)
	c.Write(now, 1<<39)
	c.snd.wnd = 1 << 38
	var out Segment
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		c.Poll(now, &out)
		if i%256 == 255 {
			b.StopTimer()
			ack.Ack = c.sndSeq(c.snd.nxt)
			c.Handle(now, ack)
			c.snd.wnd = 1 << 38
			b.StartTimer()
		}
	}
}

// BenchmarkReceive is one data segment in order, the decision about an ACK, the
// ACK for every second one, and reading.
func BenchmarkReceive(b *testing.B) {
	c, s := established(b, 1<<20)
	now := sim.Time(20 * ms)
	s.Len = 1448
	s.Ack = c.sndSeq(0)
	var out Segment
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		now = now.Add(100 * sim.Microsecond)
		s.TSVal = uint32(now / 1e6)
		c.Handle(now, s)
		s.Seq += 1448
		s.Off += 1448
		c.Read(now, 1<<40)
		for c.Poll(now, &out) {
		}
	}
	if c.count.bytesReceived != int64(b.N)*1448 {
		b.Fatal(c.stats)
	}
}

// TestAllocations: nothing is allocated per segment in steady state, with losses
// and without.
func TestAllocations(t *testing.T) {
	for _, every := range []int{0, 100} {
		p := newPair(t, nil)
		p.gap, p.limit, p.every = 100*sim.Microsecond, 400, every
		for p.got < 50_000_000 {
			p.step()
		}
		if n := testing.AllocsPerRun(20, func() {
			for range 5000 {
				p.step()
			}
		}); n > 0 {
			t.Errorf("loss every %d: %v allocations in 5000 steps", every, n)
		}
	}
}
