package simnet_test

import (
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/sim"
)

// losses offers n packets, one each gap, and returns which were lost.
func losses(t *testing.T, b simnet.Burst, n int, gap sim.Time) []bool {
	t.Helper()
	p := newPair(t, simnet.LinkConfig{Burst: b})
	for i := range n {
		p.at(sim.Time(i)*gap, func() { p.send(100) })
	}
	p.finish()
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	for _, a := range p.arrived {
		out[a.Seq-1] = false
	}
	if got := p.ab.Stats().LossDrops; got != uint64(n-len(p.arrived)) {
		t.Errorf("%d counted of %d lost", got, n-len(p.arrived))
	}
	return out
}

// runs returns how many packets were lost, in how many runs.
func runs(lost []bool) (total, bursts float64) {
	for i, l := range lost {
		if l {
			total++
			if i == 0 || !lost[i-1] {
				bursts++
			}
		}
	}
	return total, bursts
}

// With p = 0.01, r = 0.2 and everything lost in the bad state, 1/21 of the packets is
// lost in bursts of 5 (geometric, mean 1/r). The number of bursts in n packets has about
// the variance of that of renewals with interval G + B, both geometric:
// n (var G + var B) / (E G + E B)^3.
func TestGilbertElliottStatistics(t *testing.T) {
	const n, p, r = 400000, 0.01, 0.2
	b := simnet.Burst{Model: simnet.GilbertPacket, P: p, R: r, Bad: 1}
	if m := b.Mean(); math.Abs(m-1./21) > 1e-12 {
		t.Fatalf("mean %v, want 1/21", m)
	}
	total, bursts := runs(losses(t, b, n, 1))
	eg, eb := 1/p, 1/r
	vg, vb := (1-p)/(p*p), (1-r)/(r*r)
	cycle := eg + eb
	if sd := math.Sqrt(n * (vg + vb) / (cycle * cycle * cycle)); math.Abs(bursts-n/cycle) > 4*sd {
		t.Errorf("%v bursts, want %v within 4 x %v", bursts, n/cycle, sd)
	}
	if sd := math.Sqrt(vb / bursts); math.Abs(total/bursts-eb) > 4*sd {
		t.Errorf("mean burst of %v packets, want %v within 4 x %v", total/bursts, eb, sd)
	}
	// The share: the variance of a two-state chain's mean is pi0 pi1 (1+x)/(1-x)/n
	// with x = 1-p-r.
	x := 1 - p - r
	share := 1. / 21
	if sd := math.Sqrt(share * (1 - share) * (1 + x) / (1 - x) / n); math.Abs(total/n-share) > 4*sd {
		t.Errorf("share %v, want %v within 4 x %v", total/n, share, sd)
	}
}

// Loss within the states, as 1-k and 1-h of the literature: (r(1-k) + p(1-h))/(p+r).
func TestGilbertElliottPartialLoss(t *testing.T) {
	const n = 300000
	b := simnet.Burst{Model: simnet.GilbertPacket, P: 0.05, R: 0.1, Good: 0.02, Bad: 0.6}
	want := (0.1*0.02 + 0.05*0.6) / 0.15
	total, _ := runs(losses(t, b, n, 1))
	if math.Abs(b.Mean()-want) > 1e-12 || math.Abs(total/n-want) > 4*math.Sqrt(want*(1+0.85)/0.15/n) {
		t.Errorf("share %v and mean %v, want %v", total/n, b.Mean(), want)
	}
}

// The chain in time: after an idle hour the state is fresh, and bursts last as long in
// time whatever the gaps between packets.
func TestGilbertElliottInTime(t *testing.T) {
	b := simnet.Burst{Model: simnet.GilbertTime, GoodTime: 90 * sim.Millisecond, BadTime: 10 * sim.Millisecond, Bad: 1}
	if m := b.Mean(); math.Abs(m-0.1) > 1e-12 {
		t.Fatalf("mean %v", m)
	}
	for _, gap := range []sim.Time{ms / 10, 2 * ms} {
		const n = 200000
		total, bursts := runs(losses(t, b, n, gap))
		// Correlation time 9 ms: the number of independent samples is about duration/(2*9 ms).
		sd := math.Sqrt(0.09 / min(n, float64(n)*float64(gap)/float64(18*ms)))
		if math.Abs(total/n-0.1) > 4*sd {
			t.Errorf("gap %v: share %v, want 0.1 within 4 x %v", gap, total/n, sd)
		}
		// A packet after a lost one is lost with probability 0.1 + 0.9 exp(-gap/9ms).
		stay := 0.1 + 0.9*math.Exp(-float64(gap)/float64(9*ms))
		if got := total / bursts; math.Abs(got-1/(1-stay)) > 5*math.Sqrt(stay)/(1-stay)/math.Sqrt(bursts) {
			t.Errorf("gap %v: bursts of %v packets, want %v", gap, got, 1/(1-stay))
		}
	}
}

// netem's chain of four states: isolated losses with p14 in the gap, bursts with losses
// of mean 1/(p31+p32) between receptions of mean 1/p23.
func TestFourState(t *testing.T) {
	const n = 400000
	b := simnet.Burst{Model: simnet.FourState, P13: 0.01, P31: 0.1, P32: 0.3, P23: 0.4, P14: 0.02}
	// pi3 = pi1 p13/p31, pi2 = pi3 p32/p23, pi4 = pi1 p14
	want := (0.1 + 0.02) / (1 + 0.1 + 0.075 + 0.02)
	if math.Abs(b.Mean()-want) > 1e-12 {
		t.Fatalf("mean %v, want %v", b.Mean(), want)
	}
	total, _ := runs(losses(t, b, n, 1))
	if math.Abs(total/n-want) > 0.004 {
		t.Errorf("share %v, want %v", total/n, want)
	}
	isolated := simnet.Burst{Model: simnet.FourState, P14: 0.05, P31: 1, P23: 1}
	if total, bursts := runs(losses(t, isolated, 100000, 1)); total != bursts {
		t.Errorf("%v losses in %v runs: after an isolated loss the next packet always arrives", total, bursts)
	}
}

// What cannot be a chain is refused.
func TestBurstValidate(t *testing.T) {
	for _, b := range []simnet.Burst{
		{Model: simnet.GilbertPacket, P: 1.5},
		{Model: simnet.GilbertPacket, Bad: math.NaN()},
		{Model: simnet.GilbertTime, BadTime: 1},
		{Model: simnet.FourState, P13: 0.6, P14: 0.6, P31: 1},
		{Model: simnet.FourState, P13: 0.6},
		{Model: 9},
	} {
		if b.Validate() == nil {
			t.Errorf("%+v was accepted", b)
		}
	}
}

// netem draws the step first and then loses the packet with the probability of the state
// before it (loss_gilb_ell): a step to bad with the first packet loses the second one at
// the earliest, and the packet that leaves the bad state is still lost. In loss_4state a
// packet is lost by the state that it leads to.
func TestNetemOrder(t *testing.T) {
	ge := simnet.Burst{Model: simnet.GilbertPacket, P: 0.1, R: 0.3, Good: 0, Bad: 1}
	if got := simnet.BurstSteps(ge, []float64{0.5, 0, 0.05, 0, 0.9, 0.9, 0.2, 0.99, 0.5, 0}); got != "..LL." {
		t.Errorf("Gilbert-Elliott: %s", got)
	}
	four := simnet.Burst{Model: simnet.FourState, P13: 0.1, P31: 0.2, P32: 0.3, P23: 0.5, P14: 0.05}
	// 1 -> 4 (lost) -> 1 whatever is drawn -> 3 (lost) -> 3 (lost) -> 2 -> 2 -> 3 (lost) -> 1 -> 1
	if got := simnet.BurstSteps(four, []float64{0.04, 0.01, 0.12, 0.6, 0.1, 0.7, 0.4, 0.45, 0.9}); got != "L.LL..L.." {
		t.Errorf("four states: %s", got)
	}
}
