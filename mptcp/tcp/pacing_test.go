package tcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// pacedWindow is a fixed window with a pacing rate.
type pacedWindow struct {
	fixedWindow
	rate sim.Rate
}

func (p *pacedWindow) PacingRate(cc.FlowID) sim.Rate { return p.rate }

func (*pacedWindow) Traits() cc.Traits { return cc.Traits{Paced: true} }

// TestPacingSpacesSegments: behind the first ten, segments of 1448 bytes at 11.584 Mb/s
// leave 1 ms apart though the window is open; none is early, and what a retransmission
// takes is not given twice.
func TestPacingSpacesSegments(t *testing.T) {
	for _, lose := range []bool{false, true} {
		n := newNet(t, 5*ms, func(a, b *Config) {
			a.CC = &pacedWindow{fixedWindow{w: 1 << 30}, 11_584_000}
		})
		n.connect()
		if lose {
			n.a.out.drop = func(k int, _ sim.Time, _ *Segment) bool { return k%20 == 0 }
		}
		n.a.write = 400 * 1448
		n.flush(n.a)
		n.runUntil(func() bool { return n.b.got == 400*1448 })
		var times []sim.Time
		for _, r := range n.a.sent {
			if r.seg.Len > 0 {
				times = append(times, r.at)
			}
		}
		if !lose && len(times) != 400 {
			t.Fatalf("%d segments", len(times))
		}
		for i := 1; i < len(times); i++ {
			gap := times[i].Sub(times[i-1])
			if i < 10 && gap != 0 {
				t.Errorf("segment %d leaves %v after the last", i, gap)
			}
			if i > 10 && !lose && gap != ms { // the tenth has waited long and gives half a gap
				t.Fatalf("segment %d leaves %v after the last", i, gap)
			}
			if i >= 10 && gap < ms/2 {
				t.Fatalf("lossy, segment %d leaves %v after the last", i, gap)
			}
		}
		// Half of a delay is made good, so the mean is never above the rate.
		if d := times[len(times)-1].Sub(times[9]); d < sim.Duration(len(times)-10)*ms*9/10 {
			t.Errorf("%d segments within %v", len(times)-10, d)
		}
	}
}

// TestPacingCredit: a segment that leaves late lets the next one leave up to half a
// gap early (Linux tcp_update_skb_after_send).
func TestPacingCredit(t *testing.T) {
	for _, x := range []struct{ late, want sim.Duration }{
		{0, ms}, {200 * sim.Microsecond, 800 * sim.Microsecond}, {10 * ms, ms / 2},
	} {
		c := &Conn{cc: &pacedWindow{rate: 11_584_000}}
		c.snd.mss = 1448
		c.count.bytesSent = 20 * 1448
		c.paceDue = sim.Time(50 * ms)
		now := c.paceDue.Add(x.late)
		c.paceSent(now, 1448)
		if got := c.paceDue.Sub(now); got != x.want {
			t.Errorf("late by %v: the next leaves %v later, want %v", x.late, got, x.want)
		}
	}
}

// TestUnpacedHasNoTimer: a controller without a rate waits for nothing.
func TestUnpacedHasNoTimer(t *testing.T) {
	n := newNet(t, 20*ms, nil)
	n.connect()
	n.a.write = 500_000
	n.flush(n.a)
	for n.b.got < 500_000 && n.step(sim.Never) {
		if n.a.c.paceTimer != sim.Never || n.a.c.paceDue != 0 {
			t.Fatal("reno waits for pacing")
		}
	}
}
