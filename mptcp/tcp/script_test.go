package tcp

import (
	"fmt"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// The nine scripts of ../shared/packetdrill/tcp, transcribed: each passed on a
// real Linux 6.18 kernel, so the times and segments in them are what a kernel
// does. A script is one end's peer; times are relative to the event before, as in
// packetdrill, and every segment that the connection sends must be expected.

// script is a connection under test and its scripted peer.
type script struct {
	t     *testing.T
	c     *Conn
	now   sim.Time // of the last event
	clock sim.Time // up to which timeouts were executed
	tol   sim.Duration
	out   []record
	iss   wire.Seq
	tsVal map[uint32]uint32 // script's timestamp values to real ones
}

const scriptISN = 4000000000 // the endpoint's, so that it wraps soon

func newScript(t *testing.T, tol sim.Duration, change func(*Config)) *script {
	p := Linux()
	p.SlowStartAfterIdle = false // common/defaults.sh
	cfg := Config{Profile: p, CC: newCC(t, "reno"), ISS: scriptISN, MSS: 1460,
		SendBuffer: 4 << 20, ReceiveBuffer: 15 << 20}
	if change != nil {
		change(&cfg)
	}
	return &script{t: t, c: New(&cfg), tol: tol, iss: cfg.ISS, tsVal: map[uint32]uint32{}}
}

// advance executes timeouts up to a time and collects what is sent.
func (s *script) advance(to sim.Time) {
	for {
		at := max(s.c.NextTimeout(), s.clock)
		if at > to {
			break
		}
		s.clock = at
		s.c.HandleTimeout(at)
		s.flush()
	}
	s.clock = max(s.clock, to)
}

func (s *script) flush() {
	for {
		var seg Segment
		if !s.c.Poll(s.clock, &seg) {
			return
		}
		s.out = append(s.out, record{s.clock, *copySegment(&seg)})
	}
}

// wait moves to d after the last event.
func (s *script) wait(d sim.Duration) {
	s.now = s.now.Add(d)
	s.advance(s.now)
}

// peer injects a segment d after the last event. Seq and ack count from the
// initial sequence numbers, as in the scripts.
func (s *script) peer(d sim.Duration, flags wire.Flags, seq, n, ack uint32, win uint16, opts ...func(*Segment)) {
	s.wait(d)
	seg := &Segment{}
	seg.Flags = flags
	seg.Seq = wire.Seq(seq)
	if flags.Has(wire.ACK) {
		seg.Ack = s.iss + wire.Seq(ack)
	}
	seg.Len = uint16(n)
	if seq > 0 {
		seg.Off = uint64(seq - 1)
	}
	seg.Window = win
	for _, o := range opts {
		o(seg)
	}
	if s.c.State() == StateClosed {
		s.c.Accept(s.clock, seg)
	} else {
		s.c.Handle(s.clock, seg)
	}
	s.flush()
}

// do executes a call of the application d after the last event.
func (s *script) do(d sim.Duration, f func(now sim.Time)) {
	s.wait(d)
	f(s.clock)
	s.flush()
}

func (s *script) write(d sim.Duration, n int64) {
	s.t.Helper()
	s.do(d, func(now sim.Time) {
		if got := s.c.Write(now, n); got != n {
			s.t.Fatalf("write took %d of %d", got, n)
		}
	})
}

// readAll is the call read(fd, ..., n), which must return want.
func (s *script) readAll(d sim.Duration, want int64) {
	s.t.Helper()
	s.do(d, func(now sim.Time) {
		var n int64
		for {
			off, k, ok := s.c.Read(now, 1<<40)
			if !ok {
				break
			}
			_ = off
			n += k
		}
		if n != want {
			s.t.Fatalf("read %d bytes, want %d", n, want)
		}
	})
}

// expect takes the next segment, which must leave between lo and hi after the
// last event (with the script's tolerance), merging adjacent ones up to the
// length n.
func (s *script) expect(lo, hi sim.Duration, flags wire.Flags, seq, n, ack uint32, checks ...func(*Segment)) {
	s.t.Helper()
	want := fmt.Sprintf("%v %d:%d(%d) ack %d", flags, seq, seq+n, n, ack)
	s.await(s.now.Add(hi + s.tol + sim.Second))
	if len(s.out) == 0 {
		s.t.Fatalf("nothing sent, want %s between %v and %v after %v", want, lo, hi, s.now)
	}
	first := s.out[0]
	s.out = s.out[1:]
	seg := first.seg
	for seg.Len > 0 && uint32(seg.Len) < n && len(s.out) > 0 && s.out[0].seg.Seq == seg.Seq+wire.Seq(seg.Len) {
		seg.Len += s.out[0].seg.Len
		seg.Flags = s.out[0].seg.Flags
		s.out = s.out[1:]
	}
	got := fmt.Sprintf("%v %d:%d(%d) ack %d", seg.Flags, seg.Seq-s.iss, uint32(seg.Seq-s.iss)+uint32(seg.Len), seg.Len, seg.Ack)
	if got != want {
		s.t.Fatalf("at %v: sent %s, want %s", first.at, got, want)
	}
	if first.at < s.now.Add(lo-s.tol) || first.at > s.now.Add(hi+s.tol) {
		s.t.Fatalf("%s sent %v after the event before, want %v to %v", got, first.at.Sub(s.now), lo, hi)
	}
	s.now = max(s.now, first.at)
	for _, check := range checks {
		check(&first.seg)
	}
}

// await lets time pass until something is sent.
func (s *script) await(limit sim.Time) {
	for len(s.out) == 0 {
		at := max(s.c.NextTimeout(), s.clock)
		if at > limit {
			return
		}
		s.clock = at
		s.c.HandleTimeout(at)
		s.flush()
	}
}

// done checks that nothing else was sent.
func (s *script) done() {
	s.t.Helper()
	for _, r := range s.out {
		s.t.Errorf("not expected: %v %v %d(%d)", r.at, r.seg.Flags, r.seg.Seq-s.iss, r.seg.Len)
	}
}

// synOptions are the options of the scripts' SYNs.
func synOptions(mss uint16, sack bool, scale int) func(*Segment) {
	return func(s *Segment) {
		o := s.Options()
		o.Present |= wire.OptMSS
		o.MSS = mss
		if sack {
			o.Present |= wire.OptSACKPermitted
		}
		if scale >= 0 {
			o.Present |= wire.OptWScale
			o.WScale = uint8(scale)
		}
	}
}

const (
	fS  = wire.SYN
	fSA = wire.SYN | wire.ACK
	fA  = wire.ACK
	fPA = wire.PSH | wire.ACK
	fFA = wire.FIN | wire.ACK
	fR  = wire.RST
)

// handshake is the beginning that most scripts share.
func (s *script) handshake(rtt sim.Duration, win uint16, mss uint16, sack bool, scale int) {
	s.t.Helper()
	s.peer(0, fS, 0, 0, 0, win, synOptions(mss, sack, scale))
	s.expect(0, 0, fSA, 0, 0, 1)
	s.peer(rtt, fA, 1, 0, 1, 400)
	if s.c.State() != StateEstablished {
		s.t.Fatalf("state %v after the handshake", s.c.State())
	}
}

// delayed_ack.pkt
func TestScriptDelayedAck(t *testing.T) {
	s := newScript(t, 15*ms, nil)
	s.handshake(30*ms, 50000, 1460, true, 7)
	s.peer(10*ms, fPA, 1, 100, 1, 400)
	s.expect(0, 0, fA, 1, 0, 101)
	s.readAll(0, 100)
	s.write(0, 60)
	s.expect(0, 0, fPA, 1, 60, 101)
	s.peer(30*ms, fPA, 101, 100, 61, 400)
	s.expect(40*ms, 40*ms, fA, 61, 0, 201)
	s.readAll(0, 100)
	s.write(0, 60)
	s.expect(0, 0, fPA, 61, 60, 201)
	// The delay ran out, so the exchange counts as one-sided again and what is
	// left of the first quick ACKs is used. The script does not mention this
	// ACK: packetdrill merges it with the data that follows 10 ms later.
	s.peer(30*ms, fPA, 201, 100, 121, 400)
	s.expect(0, 0, fA, 121, 0, 301)
	s.write(10*ms, 60)
	s.expect(0, 0, fPA, 121, 60, 301)
	s.peer(30*ms, fA, 301, 0, 181, 400)
	s.done()
}

// fast_retransmit_dupacks.pkt
func TestScriptFastRetransmit(t *testing.T) {
	s := newScript(t, 30*ms, nil)
	s.peer(0, fS, 0, 0, 0, 50000, synOptions(1000, false, 7))
	s.expect(0, 0, fSA, 0, 0, 1)
	s.peer(40*ms, fA, 1, 0, 1, 400)
	s.write(0, 6000)
	s.expect(0, 0, fPA, 1, 6000, 1)
	// Segment 1:1001 is lost, each later one produces a duplicate.
	s.peer(40*ms, fA, 1, 0, 1, 400)
	s.peer(3*ms, fA, 1, 0, 1, 400)
	s.peer(3*ms, fA, 1, 0, 1, 400)
	s.expect(0, 0, fA, 1, 1000, 1)
	s.peer(40*ms, fA, 1, 0, 6001, 400)
	s.done()
}

// fin_active_close.pkt
func TestScriptFinActiveClose(t *testing.T) {
	s := newScript(t, 30*ms, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.write(0, 250)
	s.expect(0, 0, fPA, 1, 250, 1)
	s.peer(20*ms, fA, 1, 0, 251, 400)
	s.do(0, s.c.CloseWrite)
	s.expect(0, 0, fFA, 251, 0, 1)
	s.peer(20*ms, fA, 1, 0, 252, 400)
	if s.c.State() != StateFinWait2 {
		t.Fatalf("state %v", s.c.State())
	}
	s.peer(50*ms, fPA, 1, 90, 252, 400)
	s.expect(0, 0, fA, 252, 0, 91)
	s.readAll(0, 90)
	s.peer(50*ms, fFA, 91, 0, 252, 400)
	s.expect(0, 0, fA, 252, 0, 92)
	s.readAll(0, 0)
	s.do(0, s.c.Close)
	s.peer(600*ms, fFA, 91, 0, 252, 400)
	s.expect(0, 0, fA, 252, 0, 92)
	s.done()
}

// fin_passive_close.pkt
func TestScriptFinPassiveClose(t *testing.T) {
	s := newScript(t, 30*ms, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.peer(0, fFA, 1, 0, 1, 400)
	s.expect(0, 60*ms, fA, 1, 0, 2)
	s.readAll(0, 0)
	s.write(0, 700)
	s.expect(0, 0, fPA, 1, 700, 2)
	s.peer(20*ms, fA, 2, 0, 701, 400)
	s.do(0, s.c.Close)
	s.expect(0, 0, fFA, 701, 0, 2)
	s.expect(210*ms, 260*ms, fFA, 701, 0, 2)
	s.peer(20*ms, fA, 2, 0, 702, 400)
	if s.c.State() != StateClosed || !s.c.Forgotten() {
		t.Fatalf("state %v", s.c.State())
	}
	s.done()
}

// handshake_ts_data.pkt
func TestScriptHandshakeTimestamps(t *testing.T) {
	s := newScript(t, 30*ms, func(c *Config) { c.TSOffset = 50 })
	ts := func(val, ecr uint32) func(*Segment) {
		return func(s *Segment) {
			s.Segment.Opt |= wire.HasTS
			s.TSVal, s.TSEcr = val, ecr
		}
	}
	echoes := func(val, ecr uint32) func(*Segment) {
		return func(g *Segment) {
			t.Helper()
			if !g.Segment.Opt.Has(wire.HasTS) || g.TSEcr != ecr || g.TSVal != val {
				t.Fatalf("TS val %d ecr %d, want %d %d", g.TSVal, g.TSEcr, val, ecr)
			}
		}
	}
	s.peer(0, fS, 0, 0, 0, 40000, synOptions(1400, true, 6), ts(900, 0))
	s.expect(0, 0, fSA, 0, 0, 1, echoes(50, 900), func(g *Segment) {
		if g.Opt.MSS != 1460 || !g.Opt.Has(wire.OptSACKPermitted|wire.OptWScale) || g.Opt.WScale != 8 {
			t.Fatalf("options of the SYN/ACK: %+v", g.Opt)
		}
	})
	s.peer(30*ms, fA, 1, 0, 1, 700, ts(930, 50))
	s.peer(10*ms, fPA, 1, 333, 1, 700, ts(940, 50))
	s.expect(0, 0, fA, 1, 0, 334, echoes(90, 940))
	s.readAll(0, 333)
	s.write(20*ms, 777)
	s.expect(0, 0, fPA, 1, 777, 334, echoes(110, 940))
	s.peer(30*ms, fA, 334, 0, 778, 700, ts(990, 110))
	s.done()
}

// nagle.pkt
func TestScriptNagle(t *testing.T) {
	s := newScript(t, 30*ms, nil)
	s.handshake(20*ms, 50000, 1000, true, 7)
	s.write(0, 150)
	s.expect(0, 0, fPA, 1, 150, 1)
	s.write(10*ms, 200)
	s.write(10*ms, 250)
	// Nothing may leave before this ACK; then both writes go in one segment.
	s.peer(40*ms, fA, 1, 0, 151, 400)
	s.expect(0, 0, fPA, 151, 450, 1)
	// A full-sized segment is not held back.
	s.write(10*ms, 1300)
	s.expect(0, 0, fA, 601, 1000, 1)
	s.peer(50*ms, fA, 1, 0, 1601, 400)
	s.expect(0, 0, fPA, 1601, 300, 1)
	s.peer(50*ms, fA, 1, 0, 1901, 400)
	s.c.SetNoDelay(true)
	s.write(0, 10)
	s.expect(0, 0, fPA, 1901, 10, 1)
	s.write(5*ms, 20)
	s.expect(0, 0, fPA, 1911, 20, 1)
	s.done()
}

// rst_validation.pkt
func TestScriptResetValidation(t *testing.T) {
	s := newScript(t, 30*ms, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.peer(100*ms, fR, 2000, 0, 0, 0)
	s.expect(0, 0, fA, 1, 0, 1)
	s.peer(1100*ms, fS, 1, 0, 0, 50000, synOptions(1460, true, 7))
	s.expect(0, 0, fA, 1, 0, 1)
	s.peer(1100*ms, fR, 90000000, 0, 0, 0) // far beyond the window
	s.peer(50*ms, fPA, 1, 50, 1, 400)
	s.expect(0, 0, fA, 1, 0, 51)
	s.peer(100*ms, fR, 51, 0, 0, 0)
	s.readAll(50*ms, 50)
	if s.c.State() != StateClosed || s.c.Reason().String() != "reset_received" {
		t.Fatalf("state %v, %v", s.c.State(), s.c.Reason())
	}
	s.done()
}

// rto_backoff.pkt
func TestScriptBackoff(t *testing.T) {
	for _, g := range []Granularity{Exact, LinuxHZ250} {
		s := newScript(t, 30*ms, func(c *Config) { c.Profile.Granularity = g })
		s.handshake(50*ms, 50000, 1460, true, 7)
		s.write(0, 500)
		s.expect(0, 0, fPA, 1, 500, 1)
		s.expect(240*ms, 300*ms, fPA, 1, 500, 1)
		s.expect(240*ms, 290*ms, fPA, 1, 500, 1)
		s.expect(490*ms, 560*ms, fPA, 1, 500, 1)
		s.expect(980*ms, 1120*ms, fPA, 1, 500, 1)
		s.peer(50*ms, fA, 1, 0, 501, 400)
		s.done()
	}
}

// slow_start_growth.pkt
func TestScriptSlowStart(t *testing.T) {
	s := newScript(t, 30*ms, nil)
	s.peer(0, fS, 0, 0, 0, 60000, synOptions(1200, true, 8))
	s.expect(0, 0, fSA, 0, 0, 1)
	s.peer(60*ms, fA, 1, 0, 1, 1000)
	s.write(0, 48000)
	s.expect(0, 0, fPA, 1, 12000, 1)
	s.peer(60*ms, fA, 1, 0, 1201, 1000)
	s.expect(0, 0, fPA, 12001, 2400, 1)
	s.peer(2*ms, fA, 1, 0, 2401, 1000)
	s.expect(0, 0, fPA, 14401, 2400, 1)
	s.peer(2*ms, fA, 1, 0, 3601, 1000)
	s.expect(0, 0, fPA, 16801, 2400, 1)
	// One ACK for two segments releases four.
	s.peer(2*ms, fA, 1, 0, 6001, 1000)
	s.expect(0, 0, fPA, 19201, 4800, 1)
	s.done()
}
