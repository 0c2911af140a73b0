package cc

import (
	"testing"

	"mpsim/sim"
)

// rounds drives slow start by hand: a round acknowledges, segment by segment, what
// was outstanding when the ACK that ended the last round arrived; what that ACK
// released belongs to the next one.
type rounds struct {
	c             Controller
	now           sim.Time
	una, nxt, end uint64
}

func (r *rounds) run(rtt, spacing sim.Duration) {
	r.now = r.now.Add(rtt)
	if r.una == r.end { // a window of one
		r.end = r.nxt
	}
	end := r.end
	for r.una < end {
		r.una++
		a := ackOf(mss, r.c.Window(0), rtt)
		a.Una, a.Nxt = r.una, r.nxt
		r.c.OnAck(r.now, 0, &a)
		r.end = r.nxt
		r.nxt = r.una + uint64(r.c.Window(0)/mss)
		r.now = r.now.Add(spacing)
	}
}

func (r *rounds) slowStart() bool { return r.c.Observe(0).SlowStart }

func hystartOn(t *testing.T, kind float64, window int64) *rounds {
	c := joined(t, "cubic", window, 0, Setting{"hystart", kind})
	return &rounds{c: c, nxt: uint64(window), end: uint64(window)}
}

// Delay: the threshold is an eighth of the smallest delay within [4 ms, 16 ms];
// the smallest of more than eight samples counts.
func TestHyStartDelay(t *testing.T) {
	for _, v := range []struct {
		base, rise sim.Duration
		ends       bool
	}{
		{20 * ms, 4 * ms, false},
		{20 * ms, 4*ms + 1, true},
		{80 * ms, 10 * ms, false},
		{80 * ms, 10*ms + 1, true},
		{400 * ms, 16 * ms, false},
		{400 * ms, 16*ms + 1, true},
	} {
		r := hystartOn(t, hystartLinux, 20)
		r.run(v.base, 3*ms)
		r.run(v.base+v.rise, 3*ms)
		if r.slowStart() == v.ends {
			t.Errorf("base %v, rise %v: in slow start %v", v.base, v.rise, r.slowStart())
		}
		if v.ends && r.c.Window(0) >= 80*mss {
			t.Errorf("base %v: ended at %d segments only", v.base, r.c.Window(0)/mss)
		}
	}
	// Below 16 segments nothing is judged.
	r := hystartOn(t, hystartLinux, 6)
	r.run(20*ms, 3*ms)
	r.run(60*ms, 50*ms)
	if r.c.Window(0) < 16*mss {
		t.Errorf("slow start ended at %d segments", r.c.Window(0)/mss)
	}
}

// ACK train: spacing up to 2 ms, longer than half the smallest delay with a
// cushion of at most 1 ms: (40+1)/2 = 20.5 ms.
func TestHyStartAckTrain(t *testing.T) {
	for _, v := range []struct {
		spacing sim.Duration
		acks    int
		paced   float64
		ends    bool
	}{
		{2 * ms, 10, 0, false}, // 20 ms
		{2 * ms, 11, 0, true},  // 22 ms
		{2*ms + 1, 30, 0, false},
		{1020 * sim.Microsecond, 20, 0, false}, // 20.4 ms
		{1030 * sim.Microsecond, 20, 0, true},  // 20.6 ms
		{1020 * sim.Microsecond, 40, 1, false}, // paced: 41 ms
		{1030 * sim.Microsecond, 40, 1, true},
	} {
		c := joined(t, "cubic", 100, 0, Setting{"pacing", v.paced})
		x := &c.(*each[cubicLinux, *cubicLinux]).flows[0]
		x.exit.linux.delayMin = 40 * ms
		now := sim.Time(sim.Second)
		x.exit.linux.newRound(now, 1000)
		for range v.acks {
			now = now.Add(v.spacing)
			a := ackOf(mss, c.Window(0), 40*ms)
			a.Una, a.Nxt = 1, 1000
			c.OnAck(now, 0, &a)
		}
		if got := !c.Observe(0).SlowStart; got != v.ends {
			t.Errorf("%d ACKs %v apart: ended %v", v.acks, v.spacing, got)
		}
	}
}

// Without the parameter slow start goes on.
func TestHyStartOff(t *testing.T) {
	r := hystartOn(t, hystartNone, 20)
	r.run(20*ms, ms)
	r.run(100*ms, ms)
	if !r.slowStart() {
		t.Error("slow start ended")
	}
}

// RFC 9406 section 4.2: a rise of max(4 ms, min(last/8, 16 ms)) between rounds
// makes growth four times slower; a delay below the baseline resumes slow start;
// five rounds end it.
func TestHyStartPlusPlus(t *testing.T) {
	conservative(t, hystartOn(t, hystartRFC, 64))
	for _, name := range []string{"reno", "lia", "olia", "balia", "ewtcp", "coupled", "semicoupled", "epsilon", "westwood-coordinated"} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []float64{refMode, ootMode} {
				set := []Setting{{"hystartpp", 1}, {"mode", mode}}
				if name != "lia" && name != "olia" && name != "balia" {
					set = set[:1]
				}
				conservative(t, &rounds{c: joined(t, name, 64, 0, set...), nxt: 64, end: 64})
				off := &rounds{c: joined(t, name, 20, 0), nxt: 20, end: 20}
				off.run(20*ms, ms)
				off.run(100*ms, ms)
				if !off.slowStart() {
					t.Error("slow start ended though the parameter is 0")
				}
			}
		})
	}
}

func conservative(t *testing.T, r *rounds) {
	t.Helper()
	grown := func(r *rounds, rtt sim.Duration) float64 {
		before := r.c.Window(0)
		r.run(rtt, 0)
		return float64(r.c.Window(0)) / float64(before)
	}
	// A round of slow start is two segments short of doubling, see rounds.
	if g := grown(r, 20*ms); g != 2 {
		t.Fatalf("the first round grew %v-fold", g)
	}
	if g := grown(r, 24*ms-1); g < 1.95 {
		t.Fatalf("a rise below the threshold: %v-fold", g)
	}
	// Seven samples are full speed, then the rise of 4 ms above 24 ms - 1 ns shows.
	if g := grown(r, 28*ms-1); g < 1.24 || g > 1.28 {
		t.Fatalf("the round that found the rise grew %v-fold", g)
	}
	if g := grown(r, 28*ms-1); g < 1.24 || g > 1.25 {
		t.Fatalf("conservative slow start grew %v-fold", g)
	}
	if g := grown(r, 27*ms); g < 1.95 {
		t.Fatalf("slow start was not resumed: %v-fold", g)
	}
	grown(r, 31*ms) // enters again: the first of five rounds
	for range 3 {
		grown(r, 31*ms)
		if !r.slowStart() {
			t.Fatal("ended before five rounds")
		}
	}
	grown(r, 31*ms)
	if r.slowStart() {
		t.Fatal("did not end after five rounds")
	}
}

// Later slow starts are standard ones.
func TestHyStartPlusPlusOnlyOnce(t *testing.T) {
	r := hystartOn(t, hystartRFC, 200)
	r.c.OnTimeout(0, 0, Loss{InFlight: 200 * mss, Nxt: 1})
	for r.nxt, r.end = 1, 1; r.slowStart(); {
		before, una := r.c.Window(0), r.una
		r.run(sim.Duration(20+before/mss)*ms, 0)
		if r.slowStart() && r.c.Window(0) != before+int64(r.una-una)*mss {
			t.Fatalf("grew from %d to %d", before, r.c.Window(0))
		}
	}
	if r.c.Ssthresh(0) != 140*mss {
		t.Errorf("slow start ended at %d, not at the threshold of 140", r.c.Ssthresh(0)/mss)
	}
}

// Eight samples, not fewer, make a round's delay; growth loses no bytes.
func TestHyStartPlusPlusSamples(t *testing.T) {
	h := hystartPP{begun: true, windowEnd: 100, lastMin: 20 * ms, roundMin: noDelay, baseline: noDelay}
	f := Flow{W: 50 * mss, Thresh: MaxWindow, MSS: mss}
	for i := 1; i <= 8; i++ {
		h.ends(&Ack{RTT: 30 * ms, Una: 1, Nxt: 200}, &f)
		if h.css != (i == 8) {
			t.Fatalf("after %d samples: %v", i, h.css)
		}
	}
	grown := int64(0)
	for range 8 {
		grown += h.slowed(3)
	}
	if grown != 6 {
		t.Errorf("24 bytes in pieces of 3 grew the window by %d", grown)
	}
}
