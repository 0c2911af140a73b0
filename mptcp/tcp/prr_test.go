package tcp

import "testing"

// TestPRRVectors: ../shared/facts/ALGORITHMS.md D4, in segments of 1000 bytes.
func TestPRRVectors(t *testing.T) {
	const mss = 1000
	for _, v := range []struct {
		delivered, out, pipe, d int64
		safe                    bool
		snd, cwnd               int64
	}{
		{0, 0, 19, 1, false, 1, 20},
		{3, 2, 16, 1, false, 0, 16},
		{10, 5, 8, 1, true, 2, 10},
	} {
		p := prr{prior: 20 * mss, ssthresh: 10 * mss, delivered: v.delivered * mss, out: v.out * mss}
		got := p.sndcnt(v.d*mss, v.pipe*mss, mss, v.safe)
		// A segment leaves while the count is positive: the ceiling in segments.
		if snd := (got + mss - 1) / mss; snd != v.snd || v.pipe+snd != v.cwnd {
			t.Errorf("%+v: sndcnt %d bytes", v, got)
		}
	}
}

// TestPRRRecovery: with 20 segments in flight, one lost and ssthresh 10, PRR sends
// one segment for two delivered, and ends at the threshold (RFC 6937 section 5).
func TestPRRRecovery(t *testing.T) {
	const mss = 1000
	p := prr{prior: 20 * mss, ssthresh: 10 * mss}
	pipe := int64(20 * mss)
	sent := 0
	for i := range 19 {
		pipe -= mss // delivered
		if i == 2 {
			pipe -= mss // and the loss found
		}
		n := p.sndcnt(mss, pipe, mss, false)
		for ; n > 0; n -= mss {
			p.out += mss
			pipe += mss
			sent++
		}
	}
	if sent != 10 || pipe != 10*mss {
		t.Fatalf("sent %d segments, pipe %d", sent, pipe)
	}
}
