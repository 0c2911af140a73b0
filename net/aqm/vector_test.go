package aqm

import (
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// E3 of the algorithm facts: the distances between drops are interval/sqrt(count): the
// drops of a persistent queue come at 0, 100, 170.7, 228.4 and 278.4 ms.
func TestCoDelDistances(t *testing.T) {
	r := codelRules{interval: int64(100 * sim.Millisecond)}
	at := int64(0)
	for count, want := range []float64{0, 100, 170.7, 228.4, 278.4} {
		if got := math.Round(float64(at)/1e5) / 10; got != want {
			t.Errorf("drop %d at %v ms, want %v", count, got, want)
		}
		c := codelState{count: uint32(count + 1)}
		at += c.distance(&r)
	}
	// In nanoseconds, against integer arithmetic: d is the largest number with
	// d^2 count <= interval^2.
	for count := uint64(1); count < 2000; count++ {
		c := codelState{count: uint32(count)}
		d := uint64(c.distance(&r))
		if d*d*count > 1e16 || (d+1)*(d+1)*count <= 1e16 {
			t.Errorf("count %d: %d ns", count, d)
		}
	}
}

// Linux's arithmetic is Newton's iteration for 1/sqrt(count) from 1, one step a drop,
// x (3 - count x^2)/2, in 16 bits: 1, 0.5, 0.5625, 0.4878, ..., which comes within 1 % of
// the root by the tenth drop.
func TestCoDelNewton(t *testing.T) {
	r := codelRules{linux: true, interval: 1 << 20}
	c := codelState{count: 1, inverse: 1<<16 - 1}
	x := 1.0
	for c.count < 400 {
		if got := float64(c.inverse) / 65536; math.Abs(got-x) > 4e-4 {
			t.Fatalf("count %d: %v, Newton %v", c.count, got, x)
		}
		if root := 1 / math.Sqrt(float64(c.count)); c.count >= 10 && math.Abs(x-root) > 0.01*root {
			t.Errorf("count %d: %v, root %v", c.count, x, root)
		}
		if d := c.distance(&r); d != 1<<20*int64(c.inverse)>>16 {
			t.Errorf("distance %d", d)
		}
		c.count++
		c.step(&r)
		x = x * (3 - float64(c.count)*x*x) / 2
	}
}

// E5: p = 0.05, delay 20 ms, before 18 ms, target 15 ms:
// (0.125 0.005 + 1.25 0.002)/2 = 0.0015625, p = 0.0515625.
func TestPIEVector(t *testing.T) {
	s := pieState{target: 15 * sim.Millisecond, alpha: 0.125, beta: 1.25, p: 0.05, delay: 20 * sim.Millisecond, before: 18 * sim.Millisecond}
	s.change(15 * sim.Millisecond)
	if math.Abs(s.p-0.0515625) > 1e-15 {
		t.Errorf("p = %v, want 0.0515625", s.p)
	}
	if s.before != 20*sim.Millisecond {
		t.Errorf("delay before is %v", s.before)
	}
}

// The scale of a change by the probability (RFC 8033 section 4.2), the largest step
// (section 5.5), the addition above 250 ms and the decay at rest.
func TestPIEChange(t *testing.T) {
	for _, x := range []struct {
		p, delay, before, want float64 // ms
	}{
		// 0.125 0.08 + 1.25 0 = 0.01 for a delay 80 ms above the target
		{0.0000005, 95, 95, 0.0000005 + 0.01/2048},
		{0.000005, 95, 95, 0.000005 + 0.01/512},
		{0.00005, 95, 95, 0.00005 + 0.01/128},
		{0.0005, 95, 95, 0.0005 + 0.01/32},
		{0.005, 95, 95, 0.005 + 0.01/8},
		{0.05, 95, 95, 0.05 + 0.01/2},
		{0.5, 95, 95, 0.5 + 0.01},
		{0.5, 95, 55, 0.5 + 0.02},   // 0.06 is too much at once
		{0.5, 275, 275, 0.5 + 0.04}, // 0.0325 is too much, and 0.02 more
		{0.5, 0, 0, (0.5 - 0.125*0.015) * 0.98},
		{0.001, 0, 100, 0}, // not below 0
		{0.99, 300, 250, 1},
	} {
		s := pieState{target: 15 * sim.Millisecond, alpha: 0.125, beta: 1.25, p: x.p,
			delay: sim.Duration(x.delay) * sim.Millisecond, before: sim.Duration(x.before) * sim.Millisecond}
		s.change(15 * sim.Millisecond)
		if math.Abs(s.p-x.want) > 1e-15 {
			t.Errorf("p %v, delays %v and %v: %v, want %v", x.p, x.before, x.delay, s.p, x.want)
		}
	}
}

// Derandomisation (RFC 8033 section 5.4): at a probability of 1/128 the first drop comes
// not before the 109th packet (0.85 128 = 108.8), and at the latest with the 1088th (8.5 128).
// Without it the draw alone decides.
func TestPIESpreadsDrops(t *testing.T) {
	for _, x := range []struct {
		spread bool
		u      float64
		want   int
	}{{true, 0, 109}, {true, 0.999, 1088}, {false, 0, 1}} {
		s := pieState{p: 1.0 / 128, spread: x.spread}
		n := 1
		for !s.early(x.u) {
			n++
		}
		if n != x.want || s.sum != 0 {
			t.Errorf("spread %v, draw %v: packet %d is the first to be dropped, want %d", x.spread, x.u, n, x.want)
		}
	}
	if s := (pieState{p: 1.0 / 128}); s.early(0.999) || s.early(1.0/128) {
		t.Error("a drop with a draw above the probability")
	}
}

// Nothing is dropped with a small queue, nor after a small delay unless the probability is
// 0.2 or more (RFC 8033 section 4.1).
func TestPIESpares(t *testing.T) {
	ms := sim.Millisecond
	for _, x := range []struct {
		before sim.Duration
		p      float64
		bytes  int
		want   bool
	}{
		{20 * ms, 0.5, 3000, true}, {20 * ms, 0.5, 3001, false},
		{7 * ms, 0.19, 9000, true}, {7 * ms, 0.2, 9000, false}, {8 * ms, 0.19, 9000, false},
	} {
		s := pieState{target: 15 * ms, mean: 1500, before: x.before, p: x.p}
		if got := s.spares(x.bytes); got != x.want {
			t.Errorf("%+v: %v", x, got)
		}
	}
}

// The rate of departures in mahimahi's PIE: 17 packets of 1000 octets in 17 ms are the first
// measurement above 16384 octets, 1000 octets a millisecond; the next one counts 1/8. At
// rest the burst is allowed again.
func TestMahimahiPIERate(t *testing.T) {
	q := mahimahiPIE{target: 20, update: 30, maxBurst: 150, alpha: 0.125, beta: 1.25, measuring: true}
	q.list.Bytes = 20000
	for i := int64(1); i <= 17; i++ {
		if q.rate != 0 {
			t.Fatalf("a rate after %d packets", i-1)
		}
		q.departed(i, 1000)
	}
	if q.rate != 1000 || !q.measuring || q.began != 17 {
		t.Errorf("rate %d", q.rate)
	}
	for i := range int64(17) {
		q.departed(17+(i+1)/2, 1000) // twice as fast: 17000 octets in 8 ms
	}
	if want := int64(1000 - 125 + 17000/8/8); q.rate != want {
		t.Errorf("rate %d, want %d", q.rate, want)
	}
	q.list.Bytes = 0
	q.tick(31)
	if q.burst != 150 || q.rate != 0 || q.measuring {
		t.Errorf("at rest: burst %d ms, rate %d", q.burst, q.rate)
	}
}

// The draft that mahimahi follows (E5): a change every 30 ms, divided by 128, 32 or 16,
// and times 0.98 at rest. Five milliseconds above the target that came two milliseconds
// later than before: 0.125 5 + 1.25 2 = 3.125.
func TestMahimahiPIEChange(t *testing.T) {
	for _, x := range []struct {
		p, want          float64
		delay, before, n int64
	}{
		{0.005, 0.005 + 3.125/128, 20, 18, 1},
		{0.05, 0.05 + 3.125/32, 20, 18, 1},
		{0.5, 0.5 + 3.125/16, 20, 18, 1},
		{0.9, (0.9 - 0.125*15/16) * 0.98, 0, 0, 0},
	} {
		q := mahimahiPIE{target: 15, alpha: 0.125, beta: 1.25, update: 30, maxBurst: 150, p: x.p, delay: x.before, rate: x.n}
		q.list.Bytes = int(x.delay)
		q.tick(31)
		if math.Abs(q.p-x.want) > 1e-15 || q.delay != x.delay || q.last != 30 {
			t.Errorf("p %v: %v, want %v; delay %d at %d", x.p, q.p, x.want, q.delay, q.last)
		}
		if q.tick(60); q.last != 30 {
			t.Errorf("a change after exactly 30 ms: mahimahi waits for more")
		}
	}
}

// E2: adaptive RED's steps, with a target between 4 and 6 tenths of the way.
func TestAREDSteps(t *testing.T) {
	for _, x := range []struct{ maxp, avg, want float64 }{
		{0.1, 11.01, 0.11},   // min(0.01, 0.025)
		{0.02, 11.01, 0.025}, // min(0.01, 0.005)
		{0.495, 14, 0.5},     // not above 0.5
		{0.1, 8.99, 0.09},    // 0.9
		{0.0105, 8.99, 0.01}, // not below 0.01
		{0.1, 9.01, 0.1},     // inside
		{0.1, 10.99, 0.1},
	} {
		r := redState{min: 5, max: 15, maxp: x.maxp, avg: x.avg}
		if r.step(x.avg); math.Abs(r.maxp-x.want) > 1e-15 {
			t.Errorf("maxp %v, average %v: %v, want %v", x.maxp, x.avg, r.maxp, x.want)
		}
	}
	r := redState{min: 5, max: 15, maxp: 0.01}
	if r.step(0) {
		t.Error("the least maxp is not at rest")
	}
}

// E6: r = 1 MB/s, b = 10 kB, eight packets of 1500 octets at once: six at 0, the seventh
// at 0.5 ms, the eighth at 2 ms. A packet above the depth never passes.
func TestBucketVector(t *testing.T) {
	b := newBucket(8e6, 10000)
	now := sim.Time(0)
	var got []sim.Time
	for range 8 {
		b.fill(now)
		now = b.ready(now, 1500)
		b.fill(now)
		b.spend(1500)
		got = append(got, now)
	}
	want := []sim.Time{0, 0, 0, 0, 0, 0, 500_000, 2_000_000}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("packet %d at %v, want %v", i+1, got[i], want[i])
		}
	}
	if b.ready(now, 10001) != sim.Never || b.fits(10001) || !b.fits(10000) {
		t.Error("a packet above the depth of the bucket passes")
	}
}

// At an odd rate nothing is lost by rounding: after n packets the last one leaves at
// the first nanosecond at which all tokens are there.
func TestBucketKeepsFractions(t *testing.T) {
	const rate, size, n uint64 = 7_000_003, 1500, 10000
	b := newBucket(int64(rate), int64(2*size))
	now := sim.Time(0)
	for range n + 2 { // the first two have their tokens
		b.fill(now)
		now = b.ready(now, int(size))
		b.fill(now)
		b.spend(int(size))
	}
	if want := sim.Time((n*size*tokenUnit + rate - 1) / rate); now != want {
		t.Errorf("%d packets take %d ns, want %d", n, now, want)
	}
}

// Bands by Linux's table for TOS, and by lists.
func TestPrioBands(t *testing.T) {
	for _, x := range []struct {
		list string
		ok   bool
	}{
		{"dscp:46 port:53", true}, {"udp, icmp", true}, {"", true},
		{"dscp:64", false}, {"port:65536", false}, {"port", false}, {"tcp:80", false}, {"46", false}, {"dscp:-1", false},
	} {
		for _, name := range []string{"high", "low"} {
			_, err := New("prio", []Setting{{Name: name, Text: x.list, IsText: true}}, Place{})
			if (err == nil) != x.ok {
				t.Errorf("%s = %q: %v", name, x.list, err)
			}
		}
	}
}

// What adaptive RED takes from the rate of the link (Floyd et al. 2001, section 5): 100 Mb/s
// are C = 12500 packets of 1000 octets a second, 5 ms of half of them 31.25; at 10 Mb/s the
// least threshold of 5 holds.
func TestAREDConfiguresItself(t *testing.T) {
	for _, x := range []struct {
		rate             sim.Rate
		more             []Setting
		min, max, weight float64
	}{
		{100e6, nil, 31.25, 93.75, 1 - math.Exp(-1.0/12500)},
		{10e6, nil, 5, 15, 1 - math.Exp(-1.0/1250)},
		{0, nil, 5, 15, 0.002},
		{100e6, []Setting{{Name: "min", Number: 10, Packets: true}, {Name: "weight", Number: 0.1}}, 10, 30, 0.1},
		{100e6, []Setting{{Name: "max", Number: 60, Packets: true}}, 20, 60, 1 - math.Exp(-1.0/12500)},
	} {
		make, err := New("ared", x.more, Place{})
		if err != nil {
			t.Fatal(err)
		}
		var a *ared
		s := sim.New(1, 0)
		n := simnet.New(s, new(trace.Run))
		i, j := n.AddNode("a").AddInterface("x"), n.AddNode("b").AddInterface("x")
		n.Connect("l", i, j, simnet.LinkConfig{Rate: x.rate, Discipline: func(p *simnet.Port) simnet.Discipline {
			a = make(p).(*ared)
			return a
		}}, simnet.LinkConfig{})
		if a.min != x.min || a.max != x.max || math.Abs(a.weight-x.weight) > 1e-15 || !a.gentle || !a.unit.packets {
			t.Errorf("%v %v: min %v, max %v, weight %v", x.rate, x.more, a.min, a.max, a.weight)
		}
	}
}
