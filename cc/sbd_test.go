package cc

import (
	"math"
	"slices"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// sbdDefaults are the parameters that RFC 8382 section 2.2 recommends.
func sbdDefaults() *sbdRules {
	return &sbdRules{n: 50, m: 30, cs: .1, ch: .3, pl: .05, pv: .7, pf: .1, pmad: .1, ps: .15, pd: .1}
}

// interval feeds samples of the delays, in ms, to a path whose receiver acknowledges each
// segment, and closes the interval.
func (p *sbdPath) interval(delays ...float64) {
	for _, d := range delays {
		p.sample(&Ack{Acked: mss, Delivered: mss, OWD: sim.Duration(d * 1e6)})
	}
	p.close()
}

func repeated(n int, d float64) []float64 { return slices.Repeat([]float64{d}, n) }

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The vectors of ALGORITHMS A11. Of ten samples seven below the mean and three above make
// a skew of 0.4, no bottleneck; four below and six above make -0.2, a bottleneck. The mean
// is that of the interval before, 100 ms, and so is what the distances are from: of seven
// samples at 90 ms and three at 121 ms they are (7*10 + 3*21)/10 = 13.3 ms. A sample at the
// mean is neither.
//
// row:F9
func TestSBDSkewAndVariance(t *testing.T) {
	for _, v := range []struct {
		delays    []float64
		skew, mad float64
		bottled   bool
	}{
		{slices.Concat(repeated(7, 90), repeated(3, 121)), .4, 13.3, false},
		{slices.Concat(repeated(4, 85), repeated(6, 110)), -.2, 12, true},
		{slices.Concat(repeated(4, 85), repeated(5, 110), repeated(1, 100)), -.1, 11, true},
	} {
		p := newSBDPath(sbdDefaults(), mss)
		p.bottled = false
		p.interval(100)
		p.bottled = false // nothing was compared yet
		p.interval(v.delays...)
		near(t, "skew_est", p.skew, v.skew)
		near(t, "var_est in ms", p.variance/1e6, v.mad)
		if p.bottled != v.bottled {
			t.Errorf("skew_est %v: bottleneck %v", p.skew, p.bottled)
		}
	}
}

// With M = 2 the mean is that of two intervals, whatever their number of samples, and the
// estimates are over the samples of both: 100 (1 sample), 130 (3), then mean_delay 115 and
// E_T 130 for the third interval, whose samples 110, 118 and 121 are one below and two
// above, |110-130|+|118-130|+|121-130| = 41. The interval before it had three above, 90.
func TestSBDEstimatesOverSeveralIntervals(t *testing.T) {
	r := sbdDefaults()
	r.m = 2
	p := newSBDPath(r, mss)
	p.interval(100)
	p.interval(130, 130, 130)
	if p.mean != 15*ms {
		t.Errorf("mean_delay %v above the first, want 15ms", p.mean)
	}
	p.interval(110, 118, 121)
	near(t, "skew_est", p.skew, (-3.-1)/6)
	near(t, "var_est in ms", p.variance/1e6, (90.+41)/6)
	p.interval() // no samples: no interval
	if p.closed != 3 {
		t.Errorf("%d intervals", p.closed)
	}
}

// A bottleneck begins below c_s = 0.1 and ends at c_h = 0.3; much loss is one, whatever the
// skew.
func TestSBDHysteresis(t *testing.T) {
	r := sbdDefaults()
	r.m, r.n = 1, 2
	p := newSBDPath(r, mss)
	p.interval(100)
	p.bottled = false
	level := 100.0
	// skewed is an interval of 20 samples around the mean of the one before.
	skewed := func(below int) {
		d := slices.Concat(repeated(below, level-1), repeated(20-below, level+1))
		p.interval(d...)
		level += float64(20-2*below) / 20
	}
	for i, v := range []struct {
		below   int
		bottled bool
	}{{12, false}, {11, false}, {10, true}, {12, true}, {13, false}, {12, false}, {8, true}} {
		skewed(v.below)
		near(t, "skew_est", p.skew, float64(2*v.below-20)/20)
		if p.bottled != v.bottled {
			t.Errorf("step %d, skew_est %v: bottleneck %v", i, p.skew, p.bottled)
		}
	}
	skewed(20)
	p.sample(&Ack{Lost: 4 * mss}) // 4 of 4 + 20 + 20 over N = 2
	skewed(20)
	near(t, "pkt_loss", p.loss, 4./44)
	if !p.bottled {
		t.Error("loss of 9 % is no bottleneck")
	}
	skewed(20)
	skewed(20)
	if p.loss != 0 || p.bottled {
		t.Errorf("loss %v, bottleneck %v after N intervals", p.loss, p.bottled)
	}
}

// Crossings of the mean count where they are further away than 0.7*var_est, and on the
// other side than the last that was. With M = N = 8 and single samples, after 100 at first:
// 120 is above (var_est is 0); 97 is below mean_delay 110 by 13 < 0.7*20; 80 is below 317/3 by
// 25.7 > 0.7*21.5; 140 above 99.25 by 40.75 > 0.7*20; 139 is on the same side.
func TestSBDCrossings(t *testing.T) {
	r := sbdDefaults()
	r.m, r.n = 8, 8
	p := newSBDPath(r, mss)
	for i, v := range []struct {
		owd       float64
		crossings int
	}{{100, 0}, {120, 0}, {97, 0}, {80, 1}, {140, 2}, {139, 2}} {
		p.interval(v.owd)
		if p.crossings != v.crossings {
			t.Errorf("interval %d: %d crossings, want %d", i, p.crossings, v.crossings)
		}
	}
	near(t, "freq_est", p.freq(), 2./8)
	for range 8 {
		p.interval(139)
	}
	near(t, "freq_est once N intervals have passed", p.freq(), 0)
}

// The offset of the clocks cancels, also where the difference of two clocks of 32 bits
// wraps, in microseconds and in milliseconds.
func TestSBDClocksWrap(t *testing.T) {
	for _, tick := range []sim.Duration{sim.Microsecond, ms} {
		for _, offset := range []int64{0, 12345, 1<<31 - 20, -(1 << 31) + 3} {
			p := newSBDPath(sbdDefaults(), mss)
			for _, d := range []sim.Duration{50 * ms, 60 * ms, 30 * ms} {
				n := int32(offset + int64(d/tick)) // wraps as in the header
				p.sample(&Ack{Acked: mss, Delivered: mss, OWD: sim.Duration(n) * tick})
				p.close()
			}
			near(t, "var_est in ms", p.variance/1e6, (10.+30)/2)
			near(t, "skew_est", p.skew, 0) // 60 is above 50, 30 below 55
		}
	}
}

// Acknowledgements of a single segment are no samples if the receiver delays them, for
// they waited for its timer.
func TestSBDLeavesOutDelayedAcknowledgements(t *testing.T) {
	p := newSBDPath(sbdDefaults(), mss)
	ack := func(segments int64, d sim.Duration) {
		p.sample(&Ack{Acked: segments * mss, Delivered: segments * mss, OWD: d})
	}
	ack(2, 100*ms)
	ack(1, 100*ms)
	p.close()
	ack(2, 110*ms)
	ack(1, 150*ms)
	ack(0, 120*ms) // out of order: acknowledged at once
	p.close()
	near(t, "var_est in ms", p.variance/1e6, (10.+20)/2)
	// It no longer does.
	ack(1, 115*ms)
	p.close()
	ack(1, 130*ms)
	p.close()
	if p.closed != 3 || p.last != 30*ms {
		t.Errorf("%d intervals, last %v", p.closed, p.last)
	}
}

// estimated is a path with estimates that tell it apart.
func estimated(r *sbdRules, crossings int, mad, skew, loss float64) *sbdPath {
	p := newSBDPath(r, mss)
	p.closed = 2 * int64(r.m)
	p.crossings, p.variance, p.skew, p.loss, p.bottled = crossings, mad*1e6, skew, loss, true
	return p
}

// The flow chart of RFC 8382 section 3.3.1, by hand. Estimates are crossings of 50, ms, and
// parts.
//
// row:F9
func TestSBDGroups(t *testing.T) {
	r := sbdDefaults()
	of := func(crossings int, mad, skew, loss float64) *sbdPath {
		return estimated(r, crossings, mad, skew, loss)
	}
	idle, young := of(10, 10, 0, 0), of(10, 10, 0, 0)
	idle.bottled = false
	young.closed--
	for _, v := range []struct {
		what  string
		paths []*sbdPath
		want  []int32
	}{
		{"equal", []*sbdPath{of(10, 10, 0, 0), of(10, 10, 0, 0)}, []int32{0, 0}},
		{"no bottleneck, not ready, left", []*sbdPath{of(10, 10, 0, 0), idle, young, nil, of(10, 10, 0, 0)}, []int32{0, -1, -1, -1, 0}},
		{"freq by 0.08 and 0.10", []*sbdPath{of(6, 10, 0, 0), of(10, 10, 0, 0), of(15, 10, 0, 0)}, []int32{1, 1, 0}},
		{"a chain of neighbours", []*sbdPath{of(14, 10, 0, 0), of(6, 10, 0, 0), of(10, 10, 0, 0)}, []int32{0, 0, 0}},
		{"mad by a tenth of the larger", []*sbdPath{of(10, 10, 0, 0), of(10, 9.01, 0, 0), of(10, 9, 0, 0)}, []int32{0, 0, 0}},
		{"mad by a tenth, without the one between", []*sbdPath{of(10, 9, 0, 0), of(10, 10, 0, 0)}, []int32{1, 0}},
		{"skew by 0.15", []*sbdPath{of(10, 10, .25, 0), of(10, 10, 0, 0), of(10, 10, .125, 0), of(10, 10, -.15, 0)}, []int32{0, 0, 0, 1}},
		{"little loss", []*sbdPath{of(10, 10, 0, .05), of(10, 10, 0, .01)}, []int32{0, 0}},
		{"loss by a tenth", []*sbdPath{of(10, 10, 0, .06), of(10, 10, 0, .05)}, []int32{0, 1}},
		{"similar loss", []*sbdPath{of(10, 10, 0, .06), of(10, 10, 0, .055)}, []int32{0, 0}},
		// Sorted by mad alone the second would join its neighbours; freq comes first and
		// takes it out.
		{"freq before mad", []*sbdPath{of(25, 10, 0, 0), of(0, 9.5, 0, 0), of(25, 9, 0, 0)}, []int32{0, 2, 1}},
		{"mad before skew", []*sbdPath{of(10, 10, .2, 0), of(10, 5, .1, 0), of(10, 10, 0, 0)}, []int32{0, 2, 1}},
	} {
		var g sbdGroups
		g.grow(len(v.paths))
		g.divide(v.paths)
		if !slices.Equal(g.group, v.want) {
			t.Errorf("%s: groups %v, want %v", v.what, g.group, v.want)
		}
	}
}

// A pair is coupled while there is no verdict, and then if half of the last 64 say so. Two
// that are coupled with a third are coupled. Whoever joins is coupled with all again.
func TestSBDVotes(t *testing.T) {
	r := sbdDefaults()
	g := sbdGroups{stable: .5}
	alike, other := estimated(r, 10, 10, 0, 0), estimated(r, 30, 10, 0, 0)
	third := estimated(r, 10, 10, 0, 0)
	paths := []*sbdPath{alike, other, third}
	g.grow(3)
	want := func(what string, groups ...int32) {
		t.Helper()
		if !slices.Equal(g.coupled, groups) {
			t.Errorf("%s: coupled %v, want %v", what, g.coupled, groups)
		}
	}
	g.couple(paths)
	want("before any verdict", 0, 0, 0)
	g.judge(paths)
	want("one verdict", 0, 1, 0)
	for range 99 {
		g.judge(paths)
	}
	other.crossings = 10
	for range 31 {
		g.judge(paths)
	}
	want("31 of 64", 0, 1, 0)
	g.judge(paths)
	want("32 of 64", 0, 0, 0)
	other.crossings = 30
	for range 40 {
		g.judge(paths)
	}
	want("24 of 64", 0, 1, 0)
	third.closed = 0
	g.forget(2)
	g.judge(paths)
	want("the third has joined anew", 0, 0, 0)
	paths[2] = nil
	g.judge(paths)
	want("the third has left", 0, 1, 0)
}

// Subflows in groups of their own are as if in connections of their own, and those of one
// group as if the others were not there: random histories of every inner controller.
//
// row:F9
func TestGroupsAreConnectionsOfTheirOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := rapid.SampledFrom(sbdSpecs()).Draw(t, "inner")
		make := func() Controller {
			c, err := New(spec.Name, nil, sim.NewRand(1, 0, "x"))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		grouped, first, second := make().(Grouped), make(), make()
		alone := []Controller{first, second, first} // by FlowID
		w := newWalk(t, 3)
		w.join(grouped)
		for f, x := range w.flows {
			alone[f].Join(0, FlowID(f), Path{MSS: x.mss, InitWindow: x.iw, RTT: x.rtt})
		}
		for range 60 {
			e := w.draw(t)
			grouped.SetGroup(1, 7)
			now := w.now
			w.apply(grouped, e)
			w.now = now
			w.apply(alone[e.flow], e)
			grouped.SetGroup(1, 7)
			for f := range FlowID(3) {
				if grouped.Window(f) != alone[f].Window(f) || grouped.Ssthresh(f) != alone[f].Ssthresh(f) {
					t.Fatalf("%s: window of %d is %d in its group, %d alone, after %+v", spec.Name, f, grouped.Window(f), alone[f].Window(f), e)
				}
			}
		}
	})
}

// shaken acknowledges two segments of each of two subflows every 10 ms. Delays rise and
// fall with a period each.
type shaken struct {
	c       Controller
	now     sim.Time
	periods [2]int
	i       int
	ack     Ack
}

func (s *shaken) run(steps int) {
	for range steps {
		s.i++
		s.now = s.now.Add(10 * ms)
		for f := range FlowID(2) {
			s.ack = ackOf(2*mss, s.c.Window(f), 100*ms)
			up := s.i % s.periods[f]
			s.ack.OWD = 20*ms + sim.Duration(min(up, s.periods[f]-up))*60*ms/sim.Duration(s.periods[f])
			s.c.OnAck(s.now, f, &s.ack)
		}
	}
}

// The wrapper from acknowledgements to windows: two subflows whose delays are alike stay
// coupled, two whose delays oscillate at different speed are Reno each from 21 s on.
//
// row:F9
func TestSBDDecouples(t *testing.T) {
	for _, v := range []struct {
		periods [2]int
		apart   bool
	}{{[2]int{150, 150}, false}, {[2]int{150, 700}, true}} {
		c := must(t, "sbd")
		for f := range FlowID(2) {
			setFlow(t, c, f, 10, 5, 100*ms)
		}
		s := shaken{c: c, periods: v.periods}
		s.run(2090)
		wantTerms(t, c, 1, map[string]float64{"group": 0, "verdict": -1, "alpha": .5})
		s.run(400)
		m := termsOf(t, c, 1)
		if apart := m["group"] != 0; apart != v.apart {
			t.Errorf("periods %v: %v", v.periods, m)
		}
		want := m["w_total"]
		if v.apart {
			want = segments(c, 1)
			near(t, "alpha of a subflow alone", m["alpha"], 1)
		} else {
			want = segments(c, 0) + segments(c, 1)
		}
		if math.Abs(m["w_total"]-want) > 1e-9 {
			t.Errorf("periods %v: LIA's sum is %v, want %v", v.periods, m["w_total"], want)
		}
	}
}

// No acknowledgement allocates, and none that closes an interval.
func TestSBDDoesNotAllocate(t *testing.T) {
	c := must(t, "sbd")
	for f := range FlowID(2) {
		setFlow(t, c, f, 10, 5, 100*ms)
	}
	s := shaken{c: c, periods: [2]int{150, 700}}
	s.run(3000)
	if n := testing.AllocsPerRun(10, func() { s.run(100) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The parameters that RFC 8382 section 3.3 recommends (ALGORITHMS A11) are the defaults.
func TestSBDDefaults(t *testing.T) {
	params := find("sbd").Params
	for name, want := range map[string]float64{
		"interval_ms": 350, "n": 50, "m": 30, "c_s": 0.1, "c_h": 0.3, "p_l": 0.05, "p_v": 0.7,
		"p_f": 0.1, "p_mad": 0.1, "p_s": 0.15, "p_d": 0.1,
	} {
		if i := indexOf(params, name); i < 0 || params[i].Default != want {
			t.Errorf("%s: want the default %v", name, want)
		}
	}
}
