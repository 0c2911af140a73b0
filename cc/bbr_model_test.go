package cc

import (
	"math"
	"testing"
)

// The gains of draft-cardwell-iccrg-bbr-00 (ALGORITHMS A9), over an estimate of 80 Mb/s: pacing
// is 1 % below the gain times the rate (Linux bbr_rate_bytes_per_sec), and the window's
// gain is that of the state.
func TestBBRGains(t *testing.T) {
	const rate = 80e6 / 8e9 // bytes per ns
	for _, v := range []struct {
		mode         bbrMode
		phase        int
		pace, window float64
	}{
		{bbrStartup, 0, 2.885, 2.885},
		{bbrDrain, 0, 1 / 2.885, 2.885},
		{bbrProbeBW, 0, 1.25, 2},
		{bbrProbeBW, 1, 0.75, 2},
		{bbrProbeBW, 2, 1, 2},
		{bbrProbeBW, 7, 1, 2},
		{bbrProbeRTT, 0, 1, 1},
	} {
		c := joined(t, "bbr", 10, 0).(*each[bbr, *bbr])
		b := &c.flows[0]
		b.mode, b.phase, b.full = v.mode, v.phase, true
		b.bw.reset(maxSample{0, rate})
		b.pace(b.pacingGain())
		if got, want := float64(b.PacingRate())/80e6, v.pace*0.99; math.Abs(got-want) > 1e-6 {
			t.Errorf("mode %d, phase %d: paces at %.6f of the rate, want %.6f", v.mode, v.phase, got, want)
		}
		if got := termsOf(t, c, 0)["cwnd_gain"]; got != v.window {
			t.Errorf("mode %d: window gain %v, want %v", v.mode, got, v.window)
		}
	}
}

// bbrRound delivers one sample that ends a round.
func bbrRound(b *bbr, mbps float64) {
	a := Ack{
		Interval: 10 * ms, RateDelivered: int64(mbps * 1e6 / 8 / 100), Delivered: mss, InFlight: 10 * mss,
		PriorDelivered: b.roundEnd, TotalDelivered: b.roundEnd + 10*mss,
	}
	b.sample(&a)
	b.fillPipe(&a)
}

// The pipe is full when the rate has grown by less than a quarter in three rounds.
func TestBBRFullPipe(t *testing.T) {
	for _, v := range []struct {
		growth float64
		rounds int // without enough growth
		full   bool
	}{{1.2501, 9, false}, {1.2499, 2, false}, {1.2499, 3, true}, {1, 3, true}} {
		b := &joined(t, "bbr", 10, 0).(*each[bbr, *bbr]).flows[0]
		bbrRound(b, 100)
		for i := range v.rounds {
			rate := 100 * v.growth
			if v.growth > 1.25 {
				rate = 100 * math.Pow(v.growth, float64(i+1))
			}
			bbrRound(b, rate)
		}
		if b.full != v.full {
			t.Errorf("growth %v in %d rounds: full %v", v.growth, v.rounds, b.full)
		}
	}
}

// A quarter more is enough, less is not.
func TestBBRGrowth(t *testing.T) {
	for growth, want := range map[float64]int{1.2501: 0, 1.2499: 1} {
		b := &joined(t, "bbr", 10, 0).(*each[bbr, *bbr]).flows[0]
		bbrRound(b, 100)
		if bbrRound(b, 100*growth); b.fullRounds != want {
			t.Errorf("growth %v: %d rounds without growth, want %d", growth, b.fullRounds, want)
		}
	}
}

// BtlBw is the largest rate of ten rounds.
func TestBBRRateWindow(t *testing.T) {
	b := &joined(t, "bbr", 10, 0).(*each[bbr, *bbr]).flows[0]
	bbrRound(b, 100)
	for i := range 10 {
		bbrRound(b, 50)
		if got := b.bw.best() * 8e3; math.Abs(got-100) > 1e-6 {
			t.Fatalf("%v Mb/s %d rounds later", got, i+1)
		}
	}
	bbrRound(b, 50)
	if got := b.bw.best() * 8e3; math.Abs(got-50) > 1e-6 {
		t.Errorf("%v Mb/s eleven rounds later, want 50", got)
	}
}
