package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// pair is two endpoints back to back over paths of fixed delay, with as little
// around them as possible: a ring per direction and path, in order.
type pair struct {
	now  sim.Time
	ends [2]*Endpoint
	conn [2]ConnID
	line [2][2]ring // by sender and path
	got  uint64
	segs int
	ev   Event
	run  trace.Run
}

type ring struct {
	delay sim.Duration
	gap   sim.Duration // between two packets: 1/rate
	free  sim.Time
	at    []sim.Time
	seg   []Segment
	head  int
	n     int
}

func newPair(tb testing.TB, delays [2]sim.Duration, buffer int64) *pair {
	p := &pair{}
	opt := SocketOptions{
		Protocol: MPTCP, Controller: newController("lia"), Scheduler: newScheduler,
		SendBuffer: buffer, ReceiveBuffer: buffer,
	}
	for i, name := range []string{"a", "b"} {
		p.ends[i] = New(Config{
			Stream: func(s string) *sim.Rand { return sim.NewRand(1, 0, name+s) },
			Trace:  p.run.AddNode(name),
		})
		for j, d := range delays {
			p.line[i][j] = ring{delay: d, gap: 100 * sim.Microsecond, at: make([]sim.Time, 1<<13), seg: make([]Segment, 1<<13)}
		}
	}
	p.ends[0].HandleAddr(0, clientAddr(0), true, 0)
	p.ends[0].HandleAddr(0, clientAddr(1), true, 0)
	p.ends[1].HandleAddr(0, serverAddr, true, 0)
	if _, err := p.ends[1].Listen(0, netip.AddrPortFrom(netip.Addr{}, 80), &opt); err != nil {
		tb.Fatal(err)
	}
	opt.PathManager = func(*sim.Rand) PathManager { return testPM{} }
	c, err := p.ends[0].Dial(0, netip.AddrPort{}, netip.AddrPortFrom(serverAddr, 80), &opt)
	if err != nil {
		tb.Fatal(err)
	}
	p.conn[0] = c
	p.flush(0)
	return p
}

// flush serves the application and moves what an endpoint sends onto the lines.
func (p *pair) flush(i int) {
	e := p.ends[i]
	for {
		path := 0
		for {
			r := &p.line[i][path]
			s := &r.seg[(r.head+r.n)&(len(r.seg)-1)]
			if !e.PollSegment(p.now, s) {
				break
			}
			a := s.Tuple.Src.Addr()
			if i == 1 {
				a = s.Tuple.Dst.Addr()
			}
			if want := int(a.As4()[2]) - 1; want != path {
				// It was filled in for the wrong line.
				w := &p.line[i][want]
				d := &w.seg[(w.head+w.n)&(len(w.seg)-1)]
				*d = *s
				if s.Opt != nil {
					d.Opt = &d.Buf
				}
				path, r = want, w
			}
			r.free = max(r.free, p.now).Add(r.gap)
			r.at[(r.head+r.n)&(len(r.at)-1)] = r.free.Add(r.delay)
			r.n++
			if r.n == len(r.at) {
				panic("line is full")
			}
			p.segs++
		}
		if !e.PollEvent(&p.ev) {
			break
		}
		if p.ev.Kind == Acceptable {
			p.conn[1], _ = e.Accept(p.ev.Conn)
		}
	}
	if i == 1 && p.conn[1] != 0 {
		for {
			_, n := e.Read(p.now, p.conn[1], 1<<30)
			if n == 0 {
				break
			}
			p.got += uint64(n)
		}
	} else if i == 0 && e.Write(p.now, p.conn[0], 1<<40) > 0 {
		p.flush(i)
	}
}

// step executes the next arrival or deadline.
func (p *pair) step() {
	at, from, path := sim.Never, -1, 0
	for i := range p.line {
		for j := range p.line[i] {
			if r := &p.line[i][j]; r.n > 0 && r.at[r.head] < at {
				at, from, path = r.at[r.head], i, j
			}
		}
	}
	for i, e := range p.ends {
		if t := e.NextTimeout(); t < at {
			p.now = max(p.now, t)
			e.HandleTimeout(p.now)
			p.flush(i)
			return
		}
	}
	p.now = at
	r := &p.line[from][path]
	s := &r.seg[r.head]
	r.head = (r.head + 1) & (len(r.seg) - 1)
	r.n--
	s.Socket = p.peerSocket(from, s)
	p.ends[1-from].HandleSegment(p.now, s)
	p.flush(1 - from)
}

// peerSocket is what a carrier would remember: the receiver's number of the flow.
func (p *pair) peerSocket(from int, s *Segment) uint32 { return s.Socket }

func (p *pair) until(bytes uint64) {
	for p.got < bytes {
		p.step()
	}
}

// TestSteadyStateAllocatesNothing: two subflows in steady state.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	p := newPair(t, [2]sim.Duration{5 * ms, 15 * ms}, 4<<20)
	p.until(64 << 20)
	if subs := p.ends[0].Subflows(p.conn[0], nil); len(subs) != 2 || subs[1].Delivered < 1<<20 {
		t.Fatalf("no two subflows: %+v", subs)
	}
	if n := testing.AllocsPerRun(20, func() { p.until(p.got + 1<<20) }); n != 0 {
		t.Errorf("%v allocations per MiB", n)
	}
}

// BenchmarkTwoPathBulk moves data over two subflows, endpoint to endpoint; ns/op
// and segs/s count every segment once, data and acknowledgements alike, with all
// that both ends do for it.
func BenchmarkTwoPathBulk(b *testing.B) {
	p := newPair(b, [2]sim.Duration{5 * ms, 15 * ms}, 4<<20)
	p.until(16 << 20)
	b.ReportAllocs()
	b.ResetTimer()
	start, bytes := p.segs, p.got
	for p.segs-start < b.N {
		p.step()
	}
	b.ReportMetric(float64(p.got-bytes)/float64(b.N), "bytes/segment")
}

// BenchmarkManySockets answers a segment on one of ten thousand idle connections
// in turn.
func BenchmarkManySockets(b *testing.B) {
	const n = 10_000
	e := New(Config{Stream: func(s string) *sim.Rand { return sim.NewRand(1, 0, s) }})
	opt := SocketOptions{Controller: newController("reno"), SendBuffer: 1 << 16, ReceiveBuffer: 1 << 16}
	if _, err := e.Listen(0, netip.AddrPortFrom(netip.Addr{}, 80), &opt); err != nil {
		b.Fatal(err)
	}
	e.HandleAddr(0, serverAddr, true, 0)
	var out Segment
	type peer struct {
		tuple  wire.Tuple
		socket uint32
		seg    Segment
	}
	peers := make([]peer, n)
	for i := range peers {
		p := &peers[i]
		p.tuple = wire.Tuple{
			Src:   netip.AddrPortFrom(clientAddr(i%200), uint16(10_000+i/200)),
			Dst:   netip.AddrPortFrom(serverAddr, 80),
			Proto: wire.ProtoTCP,
		}
		p.seg.Tuple = &p.tuple
		p.seg.Flags, p.seg.Window = wire.SYN, 65535
		e.HandleSegment(0, &p.seg)
		for e.PollSegment(0, &out) {
		}
		p.socket = p.seg.Socket
		p.seg.Flags, p.seg.Seq, p.seg.Ack = wire.ACK, 1, out.Seq+1
		e.HandleSegment(0, &p.seg)
		for e.PollSegment(0, &out) {
		}
		var ev Event
		for e.PollEvent(&ev) {
			if ev.Kind == Acceptable {
				e.Accept(ev.Conn)
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	now := sim.Time(0)
	for i := range b.N {
		p := &peers[i%n]
		now += 1000
		p.seg.Socket = p.socket
		p.seg.Seq += wire.Seq(p.seg.Len)
		p.seg.Len = 100
		e.HandleSegment(now, &p.seg)
		for e.PollSegment(now, &out) {
		}
		var ev Event
		for e.PollEvent(&ev) {
			e.Read(now, ev.Conn, 1<<20)
		}
		if e.NextTimeout() <= now {
			e.HandleTimeout(now)
			for e.PollSegment(now, &out) {
			}
		}
	}
}
