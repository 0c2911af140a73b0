package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// fastNet is a pair whose client has a cookie and n bytes to write, and whose
// server accepts the payload of SYNs if accept.
func fastNet(t *testing.T, n int64, accept bool, change func(a, b *Config)) *net {
	w := newNet(t, 10*ms, change)
	w.accept = func(now sim.Time, c *Conn, s *Segment) {
		c.AcceptFast(now, s, &FastOpenAnswer{Accept: accept && s.Opt.Has(wire.OptFastOpen)})
	}
	took := w.a.c.ConnectFast(0, &FastOpenRequest{Cookie: wire.FastOpen{Len: 8}, Data: n, MSS: 1460})
	if took != n {
		t.Fatalf("ConnectFast took %d of %d", took, n)
	}
	w.flush(w.a)
	return w
}

// TestFastOpenData follows RFC 7413 section 4.2: the payload of the SYN is at
// most a segment less the room for all options; the server has it and answers
// after half a round trip; what does not fit follows the handshake.
func TestFastOpenData(t *testing.T) {
	w := fastNet(t, 3000, true, nil)
	if s := w.a.sent[0].seg; s.Len != 1460-40 || !s.Opt.Has(wire.OptFastOpen) {
		t.Fatalf("the SYN has %d bytes", s.Len)
	}
	w.b.write = 500
	w.runUntil(func() bool { return w.b.got > 0 })
	if w.now != sim.Time(10*ms) || w.b.c.State() != StateSynReceived {
		t.Errorf("the server has data at %v in %v", w.now, w.b.c.State())
	}
	w.runUntil(func() bool { return w.a.got == 500 && w.b.got == 3000 })
	if w.now > sim.Time(30*ms) || w.a.bad+w.b.bad != 0 {
		t.Errorf("all at %v, %d bad bytes", w.now, w.a.bad+w.b.bad)
	}
	if w.a.c.SYNDataAcked() != 1420 || w.b.c.SYNDataAccepted() != 1420 {
		t.Errorf("%d acknowledged, %d accepted", w.a.c.SYNDataAcked(), w.b.c.SYNDataAccepted())
	}
}

// TestFastOpenRefused: data that the SYN/ACK does not acknowledge follows at once
// and takes the place of the third segment (Linux tcp_rcv_fastopen_synack).
func TestFastOpenRefused(t *testing.T) {
	w := fastNet(t, 500, false, nil)
	w.runUntil(func() bool { return w.b.got == 500 })
	if len(w.a.sent) < 2 || w.a.sent[1].seg.Len != 500 || w.a.sent[1].at != sim.Time(20*ms) || w.b.bad != 0 {
		t.Errorf("behind the SYN: %s", w.line(w.a, &w.a.sent[1].seg))
	}
}

// TestFastOpenSYNLost: the second SYN is an ordinary one (RFC 7413 section
// 4.2.1), and an acknowledgement of more than the SYN carried is answered by a
// reset.
func TestFastOpenSYNLost(t *testing.T) {
	w := newNet(t, 10*ms, nil)
	w.a.out.drop = func(n int, _ sim.Time, _ *Segment) bool { return n == 0 }
	w.a.c.ConnectFast(0, &FastOpenRequest{Cookie: wire.FastOpen{Len: 8}, Data: 500})
	w.flush(w.a)
	w.runUntil(func() bool { return w.b.got == 500 })
	if s := w.a.sent[1].seg; s.Len != 0 || s.Opt.Has(wire.OptFastOpen) || !s.Flags.Has(wire.SYN) {
		t.Errorf("second SYN: %s", w.line(w.a, &s))
	}
	if s := w.a.sent[0].seg; s.Len != 536-40 {
		t.Errorf("without a known segment size the SYN has %d bytes", s.Len)
	}

	w = newNet(t, 10*ms, nil)
	w.a.c.ConnectFast(0, &FastOpenRequest{Cookie: wire.FastOpen{Len: 8}, Data: 500})
	var out Segment
	w.a.c.Poll(0, &out)
	var s Segment
	s.Flags, s.Ack = wire.SYN|wire.ACK, out.Seq+1+wire.Seq(out.Len)+1
	w.a.c.Handle(sim.Time(20*ms), &s)
	if w.a.c.State() != StateSynSent || !w.a.c.Poll(sim.Time(20*ms), &out) || !out.Flags.Has(wire.RST) {
		t.Errorf("an acknowledgement beyond the SYN: %v", w.a.c.State())
	}
}
