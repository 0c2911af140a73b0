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

// HYSTART_LOW_WINDOW is 16 segments, and with eight samples (HYSTART_MIN_SAMPLES) the ninth
// of a round judges.
func TestHyStartSamples(t *testing.T) {
	for _, v := range []struct {
		window int64
		acks   int
		ends   bool
	}{{15, 50, false}, {16, 8, false}, {16, 9, true}} {
		c := joined(t, "cubic", v.window, 0)
		x := &c.(*each[cubicLinux, *cubicLinux]).flows[0]
		x.exit.linux.delayMin = 40 * ms
		now := sim.Time(sim.Second)
		x.exit.linux.newRound(now, 1000)
		for i := range v.acks {
			now = now.Add(3 * ms) // no train
			a := ackOf(0, c.Window(0), 60*ms)
			a.Una, a.Nxt = 1, 1000
			c.OnAck(now, 0, &a)
			if ended := !c.Observe(0).SlowStart; ended && (!v.ends || i != v.acks-1) {
				t.Fatalf("%+v: ended with ACK %d", v, i+1)
			}
		}
		if got := !c.Observe(0).SlowStart; got != v.ends {
			t.Errorf("%+v: ended %v", v, got)
		}
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
		grown += h.slowed(3, &f)
	}
	if grown != 6 {
		t.Errorf("24 bytes in pieces of 3 grew the window by %d", grown)
	}
}

// RFC 9406 section 4.3: one ACK counts as L = 8 segments at most, and as all that it
// acknowledges if the flow is paced; in conservative slow start a quarter of that.
// Later slow starts are those of RFC 5681 by bytes, without a limit.
func TestHyStartPlusPlusLimit(t *testing.T) {
	for _, v := range []struct {
		name        string
		paced       float64
		css, later  bool
		acked, want int64
	}{
		{"cubic", 0, false, false, 7, 7},
		{"cubic", 0, false, false, 8, 8},
		{"cubic", 0, false, false, 9, 8},
		{"cubic", 0, false, false, 40, 8},
		{"cubic", 1, false, false, 40, 40},
		{"cubic", 0, true, false, 40, 2},
		{"cubic", 1, true, false, 40, 10},
		{"cubic", 0, false, true, 40, 40},
		{"reno", 0, false, false, 40, 8},
		{"lia", 0, false, false, 40, 8},
		{"lia", 1, false, false, 40, 40},
		{"lia", 0, true, false, 40, 2},
	} {
		set := []Setting{{"pacing", v.paced}}
		if v.name == "cubic" {
			set = append(set, Setting{"hystart", hystartRFC})
		} else {
			set = append(set, Setting{"hystartpp", 1})
		}
		c := joined(t, v.name, 50, 0, set...)
		h := flowOf(t, c, 0).plus
		if x, ok := c.(*each[cubicLinux, *cubicLinux]); ok {
			h = &x.flows[0].exit.rfc
		}
		h.css = v.css
		if v.later {
			flowOf(t, c, 0).Thresh = 500 * mss
		}
		feed(c, 0, 0, v.acked*mss, 50*ms)
		if got := c.Window(0)/mss - 50; got != v.want {
			t.Errorf("%+v: grew by %d segments", v, got)
		}
	}
}

// RFC 9406 section 4.2: RttThresh = max(4 ms, min(lastRoundMinRTT/8, 16 ms)), from both
// sides.
func TestHyStartPlusPlusThreshold(t *testing.T) {
	for _, v := range []struct{ last, thresh sim.Duration }{
		{20 * ms, 4 * ms}, {32 * ms, 4 * ms}, {40 * ms, 5 * ms}, {80 * ms, 10 * ms}, {128 * ms, 16 * ms}, {400 * ms, 16 * ms},
	} {
		for _, short := range []sim.Duration{0, 1} {
			h := hystartPP{begun: true, windowEnd: 100, lastMin: v.last, roundMin: noDelay, baseline: noDelay}
			f := Flow{W: 50 * mss, Thresh: MaxWindow, MSS: mss}
			for range hystartPPSamples {
				h.ends(&Ack{RTT: v.last + v.thresh - short, Una: 1, Nxt: 200}, &f)
			}
			if h.css != (short == 0) {
				t.Errorf("a rise of %v - %d ns over %v: conservative slow start %v", v.thresh, int64(short), v.last, h.css)
			}
		}
	}
}

// The cushion is four bursts of 64 KiB at the pacing rate (hystart_ack_delay), at most
// 1 ms: 100 MB in 100 ms are paced at 16 Gb/s in slow start, 131.072 us.
func TestHyStartCushion(t *testing.T) {
	h := hystart{delayMin: 40 * ms}
	for _, v := range []struct {
		w     int64
		paced bool
		want  sim.Duration
	}{{1e8, false, 20_065_536}, {1e8, true, 40_131_072}, {1e6, false, 20_500_000}, {1e6, true, 41_000_000}} {
		f := Flow{W: v.w, Thresh: MaxWindow, MSS: mss, SRTT: 100 * ms, rules: Rules{Paced: v.paced}}
		if got := h.trainLength(&f); got != v.want {
			t.Errorf("window %d, paced %v: %d ns, want %d", v.w, v.paced, int64(got), int64(v.want))
		}
	}
}
