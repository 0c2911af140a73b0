package cc

import (
	"math"
	"slices"
	"testing"

	"mpsim/sim"
)

// pipe is a bottleneck with an endless buffer and a paced sender, by arithmetic: each
// packet leaves when pacing and window let it, is served in turn, and is acknowledged
// a propagation time later, with the delivery rate sample of draft-cheng.
type pipe struct {
	c       Controller
	rate    float64 // packets per ns
	rtt     sim.Duration
	now     sim.Time
	due     sim.Time // when pacing lets the next packet leave
	free    sim.Time // when the server is free
	flight  []pipePacket
	sent    int64
	arrived int64 // packets delivered
	at      sim.Time
	first   sim.Time
	most    int64 // packets in flight, largest since reset
	least   int64
}

type pipePacket struct {
	left, back sim.Time // departure, acknowledgement
	prior      int64
	priorAt    sim.Time
	firstAt    sim.Time
}

func newPipe(t *testing.T, rtt sim.Duration, mbps float64) *pipe {
	p := &pipe{c: must(t, "bbr"), rtt: rtt, rate: mbps * 1e6 / 8 / mss / 1e9}
	p.c.Join(0, 0, Path{MSS: mss, InitWindow: 10 * mss, RTT: rtt})
	return p
}

// run goes on until the time given.
func (p *pipe) run(until sim.Time) {
	p.most, p.least = 0, math.MaxInt64
	for p.now < until {
		next := sim.Never
		if len(p.flight) > 0 {
			next = p.flight[0].back
		}
		if int64(len(p.flight)+1)*mss <= p.c.Window(0) && p.due <= next {
			p.send()
			continue
		}
		p.now = max(p.now, next)
		p.ack()
	}
}

func (p *pipe) send() {
	p.now = max(p.now, p.due)
	if len(p.flight) == 0 {
		p.at, p.first = p.now, p.now
	}
	service := sim.Duration(1 / p.rate)
	p.free = max(p.free, p.now).Add(service)
	p.flight = append(p.flight, pipePacket{p.now, p.free.Add(p.rtt - service), p.arrived, p.at, p.first})
	p.sent++
	p.c.OnSent(p.now, 0, mss)
	p.due = p.now.Add(sim.Duration(mss * 8e9 / int64(p.c.PacingRate(0))))
	p.most = max(p.most, int64(len(p.flight)))
}

func (p *pipe) ack() {
	x := p.flight[0]
	before := int64(len(p.flight))
	p.flight = p.flight[1:]
	p.arrived++
	p.at, p.first = p.now, x.left
	interval := max(x.left.Sub(x.firstAt), p.now.Sub(x.priorAt))
	rtt := p.now.Sub(x.left)
	a := Ack{
		Acked: mss, Delivered: mss, RTT: rtt, SRTT: rtt, MinRTT: p.rtt, InFlight: before * mss,
		Una: uint64(p.arrived), Nxt: uint64(p.sent), CwndLimited: true,
		Interval: interval, RateDelivered: (p.arrived - x.prior) * mss,
		TotalDelivered: p.arrived * mss, PriorDelivered: x.prior * mss,
	}
	p.c.OnAck(p.now, 0, &a)
	p.least = min(p.least, int64(len(p.flight)))
}

func (p *pipe) bbr() *bbr { return &p.c.(*each[bbr, *bbr]).flows[0] }

// On a path of 80 Mb/s and 20 ms, 200 packets, the model finds rate and delay; in
// PROBE_BW the flight swings between the product and five quarters of it, and three
// quanta (draft section 4.2.3.2).
func TestBBRFindsThePath(t *testing.T) {
	p := newPipe(t, 20*sim.Millisecond, 80)
	p.run(sim.Time(2 * sim.Second))
	b := p.bbr()
	if b.mode != bbrProbeBW || !b.full {
		t.Fatalf("mode %d after two seconds", b.mode)
	}
	if got := b.bw.best() * 8e3; math.Abs(got/80-1) > 0.02 {
		t.Errorf("BtlBw %v Mb/s, want 80", got)
	}
	if b.minRTT != 20*sim.Millisecond {
		t.Errorf("RTprop %v", b.minRTT)
	}
	arrived := p.arrived
	p.run(sim.Time(8 * sim.Second))
	if got := float64(p.arrived-arrived) / 6 / 10_000; got < 0.97 || got > 1.01 {
		t.Errorf("delivers %v of the rate", got)
	}
	// Both with three quanta of a millisecond: 5/4 is reached, then 1 again.
	if p.most < 250 || p.most > 250+30+10 || p.least < 150 || p.least > 200+30+2 {
		t.Errorf("between %d and %d packets in flight, product 200", p.least, p.most)
	}
}

// STARTUP ends after the three rounds in which the rate does not grow (log2 of the
// product above the initial window before that), and DRAIN takes its queue away.
func TestBBRStartup(t *testing.T) {
	p := newPipe(t, 20*sim.Millisecond, 80)
	b := p.bbr()
	for b.mode == bbrStartup && p.now < sim.Time(sim.Second) {
		p.run(p.now + 1)
	}
	// Ten packets, doubled at gain 2.885 each round, reach 200 after log2(20) = 4.3.
	if b.round < 5 || b.round > 10 {
		t.Errorf("STARTUP took %d rounds", b.round)
	}
	if n := len(p.flight); n < 300 {
		t.Errorf("%d packets in flight at its end, want the gain of 2.885 on 200", n)
	}
	if b.mode != bbrDrain {
		t.Fatalf("mode %d after STARTUP", b.mode)
	}
	for b.mode == bbrDrain && p.now < sim.Time(sim.Second) {
		p.run(p.now + 1)
	}
	if n := len(p.flight); b.mode != bbrProbeBW || n > 215 {
		t.Errorf("mode %d with %d packets in flight after DRAIN", b.mode, n)
	}
}

// RTprop is measured again ten seconds after it was last: the window is four segments
// for at least 200 ms and then what it was. The low rates of that time do not enter the
// model.
func TestBBRProbesRTT(t *testing.T) {
	p := newPipe(t, 5*sim.Millisecond, 80)
	b := p.bbr()
	var from, to sim.Time
	low := int64(math.MaxInt64)
	for p.now < sim.Time(12*sim.Second) && to == 0 {
		p.run(p.now + 1)
		switch {
		case b.mode == bbrProbeRTT:
			if from == 0 {
				from = p.now
			}
			low = min(low, b.W)
		case from > 0:
			to = p.now
		}
	}
	if from < sim.Time(10*sim.Second) || from > sim.Time(10500*sim.Millisecond) {
		t.Errorf("PROBE_RTT at %v", from)
	}
	if d := to.Sub(from); d < 200*sim.Millisecond || d > 240*sim.Millisecond {
		t.Errorf("PROBE_RTT lasts %v", d)
	}
	if low != 4*mss {
		t.Errorf("window %d meanwhile", low)
	}
	if b.W < 90*mss {
		t.Errorf("window %d afterwards", b.W)
	}
	if got := b.bw.best() * 8e3; math.Abs(got/80-1) > 0.02 {
		t.Errorf("BtlBw %v Mb/s after more than ten rounds of four packets", got)
	}
}

// The cycle: 5/4, 3/4, six times 1; it never begins with 3/4.
func TestBBRCycle(t *testing.T) {
	want := []float64{1.25, 0.75, 1, 1, 1, 1, 1, 1}
	if !slices.Equal(bbrGains[:], want) {
		t.Errorf("gains %v", bbrGains)
	}
	first := map[int]int{}
	for i := range 500 {
		b := bbr{rnd: sim.NewRand(uint64(i), 0, "cycle")}
		b.probeBW(0)
		first[b.phase]++
	}
	if first[1] > 0 || len(first) != 7 {
		t.Errorf("first phases %v", first)
	}
}

// The filter by hand: a maximum holds for ten rounds, then the best of the later
// samples takes its place.
func TestBBRFilter(t *testing.T) {
	var m maxFilter
	m.update(10, 0, 100)
	for r := int64(1); r <= 10; r++ {
		m.update(10, r, 50)
		if m.best() != 100 {
			t.Fatalf("round %d: %v", r, m.best())
		}
	}
	m.update(10, 11, 40)
	if m.best() != 50 {
		t.Errorf("after ten rounds: %v", m.best())
	}
	m.update(10, 12, 70)
	if m.best() != 70 {
		t.Errorf("a new maximum: %v", m.best())
	}
	m.update(10, 40, 10)
	if m.best() != 10 {
		t.Errorf("after a long silence: %v", m.best())
	}
}

// Recovery: the first round sends what is delivered, and at its end the window returns;
// neither model nor pacing change by a loss.
func TestBBRRecovery(t *testing.T) {
	p := newPipe(t, 20*sim.Millisecond, 80)
	p.run(sim.Time(3 * sim.Second))
	b := p.bbr()
	w, rate := b.W, p.c.PacingRate(0)
	flight := int64(len(p.flight)) * mss
	p.c.OnLoss(p.now, 0, Loss{InFlight: flight, Bytes: mss})
	if b.W != w {
		t.Errorf("window %d after a loss, was %d", b.W, w)
	}
	a := Ack{Delivered: mss, RTT: 20 * sim.Millisecond, SRTT: 20 * sim.Millisecond, InFlight: flight,
		Lost: mss, TotalDelivered: b.total + mss, State: Recovery}
	p.c.OnAck(p.now, 0, &a)
	if b.W != flight-mss {
		t.Errorf("window %d in the first round, want what is in flight and delivered, %d", b.W, flight-mss)
	}
	a.State, a.Lost = Open, 0
	p.c.OnAck(p.now, 0, &a)
	if b.W < w-5*mss || b.W > w+5*mss {
		t.Errorf("window %d after recovery, was %d", b.W, w)
	}
	if got := p.c.PacingRate(0); math.Abs(float64(got)/float64(rate)-1) > 0.01 {
		t.Errorf("pacing %v, was %v", got, rate)
	}
	p.c.OnTimeout(p.now, 0, Loss{})
	if b.W != mss || b.prior < w-5*mss {
		t.Errorf("timeout: window %d, kept %d", b.W, b.prior)
	}
	if tr := TraitsOf(p.c); !tr.OwnRecovery || !tr.Paced {
		t.Errorf("traits %+v", tr)
	}
}

// A rate beyond 64 bits is the largest one on every machine: what a conversion makes of
// it depends on the processor.
func TestBBRRateIsBounded(t *testing.T) {
	p := newPipe(t, 20*sim.Millisecond, 80)
	b := p.bbr()
	b.rate = 1e12 // bytes per ns
	if got := b.PacingRate(); got != maxPacing {
		t.Errorf("paces at %d", got)
	}
	if b.rate = 1e15; b.quantum() != 64<<10 {
		t.Errorf("quantum %d", b.quantum())
	}
	b.rate = 1
	b.minRTT = 600 * sim.Second
	b.bw.reset(maxSample{0, 1e12})
	if got := b.inflight(2); got != MaxWindow {
		t.Errorf("wants %d in flight", got)
	}
}

// The window by hand, of bbr_quantization_budget: 19.2 segments and three quanta of two
// make 26, the next even number above 25.2; while 5/4 is probed there are two more.
func TestBBRBudget(t *testing.T) {
	b := &newPipe(t, 20*sim.Millisecond, 80).bbr().Flow
	x := bbr{Flow: *b, mode: bbrProbeBW, phase: 2, minRTT: 10 * sim.Millisecond, rate: 20e6 / 8e9}
	x.bw.reset(maxSample{0, 19.2 * mss / 10e6})
	if got := x.inflight(1); got != 26*mss {
		t.Errorf("%v segments, want 26", float64(got)/mss)
	}
	x.phase = 0
	if got := x.inflight(1); got != 28*mss {
		t.Errorf("%v segments while probing, want 28", float64(got)/mss)
	}
	if x.mode = bbrStartup; x.inflight(1) != 26*mss {
		t.Errorf("%v segments in STARTUP, want 26", float64(x.inflight(1))/mss)
	}
}

// On entering PROBE_RTT a larger window from before is kept (bbr_update_min_rtt saves
// the window when the mode is set), and a timeout does not end the round: Linux'
// round_start is overwritten by the next acknowledgement.
func TestBBRKeepsWindowAndRound(t *testing.T) {
	p := newPipe(t, 20*sim.Millisecond, 80)
	p.run(sim.Time(3 * sim.Second))
	b := p.bbr()
	b.prior = 2 * b.W
	want := b.prior
	b.refreshRTT(b.minAt.Add(bbrExpiry+1), &Ack{})
	if b.mode != bbrProbeRTT || b.prior != want {
		t.Errorf("mode %d, keeps %d, want %d", b.mode, b.prior, want)
	}
	p.run(p.now.Add(30 * sim.Millisecond))
	b.roundEnd = b.total + 10*mss
	end := b.roundEnd
	p.c.OnTimeout(p.now, 0, Loss{})
	if b.roundEnd != end || b.fullBW != 0 {
		t.Errorf("round ends at %d, was %d; full %v", b.roundEnd, end, b.fullBW)
	}
}
