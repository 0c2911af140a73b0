package mbox_test

import (
	"math"
	"slices"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// offsets sends n packets, one each gap, through a box, and returns the extra delay of each
// and the order in which they arrive.
func offsets(t *testing.T, n int, gap sim.Duration, f mbox.Filter, name string, settings ...mbox.Setting) (delay []sim.Duration, order []int) {
	t.Helper()
	p := newPath(t, name, f, settings...)
	var sent []sim.Time
	got := &timed{p: p}
	p.b.SetReceiver(got)
	for i := range n {
		sent = append(sent, p.Sim.Now())
		p.send(true, wire.Segment{Flags: wire.ACK, Seq: wire.Seq(i)}, nil)
		p.Wait(gap)
	}
	p.Wait(1000 * sim.Second)
	for k, i := range got.seq {
		order = append(order, i)
		delay = append(delay, got.at[k].Sub(sent[i]))
	}
	return delay, order
}

type timed struct {
	p   *path
	seq []int
	at  []sim.Time
}

func (r *timed) Receive(now sim.Time, id simnet.PacketID) {
	r.seq = append(r.seq, int(r.p.Net.Segment(id).Seq))
	r.at = append(r.at, now)
	r.p.Net.Free(id)
}

func moments(d []sim.Duration) (mean, deviation float64) {
	for _, x := range d {
		mean += float64(x) / float64(len(d))
	}
	for _, x := range d {
		deviation += (float64(x) - mean) * (float64(x) - mean) / float64(len(d))
	}
	return mean, math.Sqrt(deviation)
}

// Moments of the distributions: uniform of half width j has the deviation j/sqrt(3),
// normal j; that of netem's pareto table, a Pareto distribution of shape 3 less its mean and
// times 4/3, cut at 4, is 0.95 j by integration: E X^2 with Y = 4/3 (V - 3/2), V = U^(-1/3),
// density 3 v^-4 up to v = 4.5.
func TestDelayDistributions(t *testing.T) {
	const n = 20000
	for _, c := range []struct {
		name      string
		deviation float64
	}{{"uniform", 1 / math.Sqrt(3)}, {"normal", 1}, {"pareto", paretoDeviation()}} {
		d, order := offsets(t, n, 200*sim.Millisecond, mbox.Everything(), "delay",
			set("delay", int(50*sim.Millisecond)), set("jitter", int(10*sim.Millisecond)), set("distribution", c.name))
		if len(d) != n || !slices.IsSorted(order) {
			t.Fatalf("%s: %d of %d arrived", c.name, len(d), n)
		}
		mean, deviation := moments(d)
		want := c.deviation * 1e7
		if math.Abs(deviation-want) > 0.05*want || math.Abs(mean-5e7) > 4*want/math.Sqrt(n)+0.02*1e7 {
			t.Errorf("%s: mean %v, deviation %v, want 50 ms and %v", c.name, sim.Duration(mean), sim.Duration(deviation), sim.Duration(want))
		}
	}
}

// With a correlation of 50 % neighbours have that, and the deviation shrinks by
// sqrt((1-c)/(1+c)); the same of what a filter picks (netem: duplicate 20% 50%), which then
// comes in groups.
func TestCorrelatedDelay(t *testing.T) {
	const n, c = 20000, 0.5
	for _, name := range []string{"uniform", "normal"} {
		d, _ := offsets(t, n, 200*sim.Millisecond, mbox.Everything(), "delay", set("delay", int(50*sim.Millisecond)),
			set("jitter", int(10*sim.Millisecond)), set("distribution", name), set("delay_correlation", int(100*c)))
		mean, deviation := moments(d)
		neighbours := 0.0
		for i := 1; i < n; i++ {
			neighbours += (float64(d[i]) - mean) * (float64(d[i-1]) - mean) / (n * deviation * deviation)
		}
		want := map[string]float64{"uniform": 1e7 / math.Sqrt(3), "normal": 1e7}[name] * math.Sqrt((1-c)/(1+c))
		if math.Abs(neighbours-c) > 4/math.Sqrt(n) || math.Abs(deviation-want) > 0.05*want {
			t.Errorf("%s: neighbours %v, deviation %v; want %v and %v", name, neighbours, sim.Duration(deviation), c, sim.Duration(want))
		}
	}
	for _, corr := range []float64{0, c} {
		f := mbox.Everything()
		f.Probability, f.Correlation = 0.3, corr
		d, _ := offsets(t, n, 200*sim.Millisecond, f, "delay", set("delay", int(50*sim.Millisecond)))
		picked, pairs := 0, 0
		for i := range d {
			if d[i] > 0 {
				picked++
				if i > 0 && d[i-1] > 0 {
					pairs++
				}
			}
		}
		after := float64(pairs) / float64(picked)
		if share := float64(picked) / n; (after > 1.3*share) != (corr > 0) {
			t.Errorf("correlation %v: %v picked, %v after one that was", corr, share, after)
		}
	}
}

func paretoDeviation() float64 {
	var mean, square, mass float64
	const steps = 2_000_000
	for i := range steps {
		u := (float64(i) + 0.5) / steps
		x := min((math.Pow(u, -1./3)-1.5)*4/3, 4)
		mean += x / steps
		square += x * x / steps
		mass += 1. / steps
	}
	return math.Sqrt(square - mean*mean)
}

// Jitter beyond the gaps between packets changes their order unless it is to be kept; with
// order kept a packet leaves at max(leave before, now + X).
func TestDelayOrder(t *testing.T) {
	for _, keep := range []int{0, 1} {
		delay, order := offsets(t, 500, sim.Millisecond, mbox.Everything(), "delay",
			set("delay", int(20*sim.Millisecond)), set("jitter", int(10*sim.Millisecond)), set("keep_order", keep))
		if sorted := slices.IsSorted(order); sorted != (keep == 1) || len(order) != 500 {
			t.Errorf("keep_order %d: sorted %v", keep, sorted)
		}
		for _, d := range delay {
			if d < 10*sim.Millisecond || d > 30*sim.Millisecond {
				t.Fatalf("keep_order %d: held for %v", keep, d)
			}
		}
	}
}

// With gap 5 and probability 1 each fifth packet goes at once and the others wait for
// 10 ms, as tc-netem(8) says of "delay 10ms reorder 100% gap 5"; with probability 1/4 and no
// gap a quarter does.
func TestReorder(t *testing.T) {
	delay, order := offsets(t, 20, sim.Millisecond, mbox.Everything(), "reorder", set("delay", int(10*sim.Millisecond)), set("gap", 5))
	for k, i := range order {
		want := 10 * sim.Millisecond
		if i%5 == 4 {
			want = 0
		}
		if delay[k] != want {
			t.Errorf("packet %d: %v, want %v", i, delay[k], want)
		}
	}
	f := mbox.Everything()
	f.Probability = 0.25
	delay, _ = offsets(t, 4000, sim.Millisecond, f, "reorder", set("delay", int(10*sim.Millisecond)))
	ahead := 0
	for _, d := range delay {
		if d == 0 {
			ahead++
		}
	}
	if math.Abs(float64(ahead)-1000) > 4*math.Sqrt(4000*0.25*0.75) {
		t.Errorf("%d of 4000 went ahead", ahead)
	}
}

// What is held is bounded.
func TestDelayLimit(t *testing.T) {
	_, order := offsets(t, 30, sim.Millisecond, mbox.Everything(), "delay", set("delay", int(sim.Second)), set("limit", 7))
	if len(order) != 7 {
		t.Errorf("%d packets of 30 passed", len(order))
	}
}

// One bit of what is behind the IP header differs, and the checksum is wrong, or right if
// that is asked for.
func TestCorrupt(t *testing.T) {
	for _, fix := range []int{0, 1} {
		p := newPath(t, "corrupt", mbox.Everything(), set("fix_checksum", fix))
		got := &raw{p: p}
		p.b.SetReceiver(got)
		var want [][]byte
		for i := range 200 {
			s := wire.Segment{Flags: wire.ACK, Seq: wire.Seq(i), Len: 100, TTL: 64, Off: 1000}
			want = append(want, wire.AppendPacket(nil, &p.there, &s, nil, -1))
			p.send(true, s, nil)
		}
		bad := 0
		for k, b := range got.packets {
			seq := 0
			best := 1 << 30
			for i := range want { // which one was it
				if d := differing(b, want[i], fix == 1); d < best {
					seq, best = i, d
				}
			}
			if best != 1 {
				t.Fatalf("fix %d: packet %d differs from %d in %d bits", fix, k, seq, best)
			}
			if got.bad[k] {
				bad++
			}
		}
		if n := len(got.packets); fix == 1 && (bad != 0 || n != 200) || fix == 0 && (bad != n || n < 190) {
			t.Errorf("fix_checksum %d: %d arrived, %d with a wrong checksum", fix, n, bad)
		}
		if p.seen.why[trace.Corrupted] != 200 {
			t.Errorf("%d notes", p.seen.why[trace.Corrupted])
		}
	}
}

// differing counts the bits in which two packets differ, but for the TCP checksum.
func differing(a, b []byte, fixed bool) (n int) {
	if len(a) != len(b) {
		return 1 << 20
	}
	for i := range a {
		if fixed && (i == 36 || i == 37) {
			continue
		}
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

type raw struct {
	p       *path
	packets [][]byte
	bad     []bool
}

func (r *raw) Receive(_ sim.Time, id simnet.PacketID) {
	n := r.p.Net
	s, o := n.Segment(id), n.Options(id)
	r.packets = append(r.packets, wire.AppendPacket(nil, n.Tuple(simnet.RouteID(s.Route)), s, o, -1))
	r.bad = append(r.bad, o.Has(wire.OptBadSum))
	n.Free(id)
}
