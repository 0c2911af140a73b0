package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

func dctcpNet(t *testing.T) *net {
	return newNet(t, 5*ms, func(a, b *Config) { a.CC, b.CC = newCC(t, "dctcp"), newCC(t, "dctcp") })
}

// TestExactEcho: RFC 8257 section 3.2. With delayed ACKs, single marks and runs of
// any parity are echoed so that the bytes acknowledged with ECE are those that were
// marked, neither more nor less; ECN is negotiated though the profile has none, and
// the sender counts the same bytes (Linux tp->delivered_ce).
func TestExactEcho(t *testing.T) {
	n := dctcpNet(t)
	n.connect()
	if !n.a.c.UsesECN() || !n.b.c.UsesECN() {
		t.Fatal("not negotiated")
	}
	n.a.out.rate = 20 * sim.MegabitPerSecond
	n.a.write = 3_000_000
	marked := map[wire.Seq]bool{}
	total := int64(0)
	n.a.out.ce = func(k int) bool { return k > 150 && (k%17 == 0 || k/40%4 == 1 || k%29 < 3) }
	n.a.out.mangle = func(k int, s *Segment) {
		if s.TOS&wire.ECNMask == wire.CE && s.Len > 0 && !marked[s.Seq] {
			marked[s.Seq] = true
			total += int64(s.Len)
		}
	}
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 3_000_000 && n.a.c.InFlight() == 0 })
	echoed, last, delayed := int64(0), n.a.cfg.ISS+1, 0
	for _, r := range n.b.sent[1:] {
		d := int64(r.seg.Ack.Diff(last))
		if d < 0 {
			t.Fatalf("ACK %d behind %d", r.seg.Ack, last)
		}
		if r.seg.Flags.Has(wire.ECE) {
			echoed += d
		}
		if d > 1448 {
			delayed++
		}
		last = r.seg.Ack
	}
	if total == 0 || echoed != total {
		t.Errorf("%d bytes were marked, %d acknowledged with ECE", total, echoed)
	}
	if delayed < 500 {
		t.Errorf("only %d delayed ACKs: every segment is acknowledged", delayed)
	}
	if st := n.a.c.Stats(); st.RetransmittedSegments > 0 || st.ECNReductions == 0 {
		t.Errorf("%d retransmissions, %d reductions", st.RetransmittedSegments, st.ECNReductions)
	}
}

// TestExactEchoNeedsBothEnds: without ECN at the peer it is a plain connection.
func TestExactEchoNeedsBothEnds(t *testing.T) {
	n := newNet(t, 5*ms, func(a, b *Config) { a.CC = newCC(t, "dctcp") })
	n.connect()
	n.a.write = 100_000
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 100_000 })
	for _, r := range n.a.sent {
		if n.a.c.UsesECN() || r.seg.TOS&wire.ECNMask != 0 {
			t.Fatal("ECN with a peer that did not agree")
		}
	}
}

// TestExactRetransmissionsCarryECT: RFC 8257 (Linux INET_ECN_xmit) marks what is sent
// again as capable, RFC 3168 does not.
func TestExactRetransmissionsCarryECT(t *testing.T) {
	for _, exact := range []bool{true, false} {
		n := dctcpNet(t)
		if !exact {
			n = newNet(t, 5*ms, func(a, b *Config) { a.Profile.ECN, b.Profile.ECN = true, true })
		}
		n.connect()
		n.a.write = 300_000
		n.a.out.drop = func(k int, _ sim.Time, _ *Segment) bool { return k == 30 }
		n.flush(n.a)
		n.runUntil(func() bool { return n.b.got == 300_000 })
		seen, again := map[wire.Seq]bool{}, 0
		for _, r := range n.a.sent {
			if r.seg.Len == 0 {
				continue
			}
			if seen[r.seg.Seq] {
				again++
				if got := r.seg.TOS&wire.ECNMask == wire.ECT0; got != exact {
					t.Errorf("exact %v: a retransmission has ECT %v", exact, got)
				}
			}
			seen[r.seg.Seq] = true
		}
		if again == 0 {
			t.Error("nothing was sent again")
		}
	}
}
