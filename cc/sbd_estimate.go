package cc

import "mpsim/sim"

// The estimates of RFC 8382 section 3.2 of one subflow. Every T each subflow summarises
// the one-way delays of the interval, of which only changes count: clocks need not agree.
// With E_T the mean of an interval and mean_delay that of the last M of them before the
// present one,
//
//	skew_est = sum_M (samples below mean_delay - samples above it)/sum_M samples
//	var_est  = sum_M sum|OWD - E_T of the interval before|/sum_M samples
//	freq_est = crossings/N: intervals of the last N whose E_T lies beyond
//	           mean_delay +- p_v*var_est on the other side than the last such one
//	pkt_loss = lost/(lost + delivered) over N, in bytes
//
// A subflow has a bottleneck if skew_est < c_s, or < c_h and it had one, or
// pkt_loss > p_l.
//
// A sample is an acknowledgement, cumulative or selective, of a segment that has not been
// sent again. A receiver that delays acknowledgements answers a lone segment late, by up to
// 40 or 200 ms: where acknowledgements of several segments are no exception (more than a
// third of those of the last interval), those of one at most are no samples. An interval
// without samples is no interval: the estimates stay as they are. The first one has
// nothing to compare with and counts only for its mean.
//
// Departures: RFC 8382's receiver computes the estimates, of every packet, and reports
// them; here the sender does, of what is acknowledged. Section 4.1's weights, which let
// recent intervals count more (F = 20), are not modelled.

// sbdRules are the thresholds of RFC 8382 section 2.2.
type sbdRules struct {
	n, m     int     // intervals
	cs, ch   float64 // of skew_est
	pl       float64 // of pkt_loss
	pv       float64 // of a crossing, parts of var_est
	pf, pmad float64 // differences: of freq_est; of var_est, parts of the larger
	ps, pd   float64 // of skew_est; of pkt_loss, parts of the larger
}

// sbdSummary is one interval. Delays are relative to the first sample of the subflow.
type sbdSummary struct {
	mean      sim.Duration // E_T
	compared  int64        // samples behind skew and variation
	skew      int64        // samples below mean_delay less those above
	variation sim.Duration // sum of distances from the E_T before
	lost      int64        // bytes
	delivered int64        // bytes
	crossed   bool
}

// sbdPath is what is known of the delays of one subflow.
type sbdPath struct {
	rules *sbdRules
	first sim.Duration // one-way delay to which the others are relative
	seen  bool

	mss     int64
	delayed bool // the receiver delays acknowledgements

	// The present interval.
	singles, multiples int // acknowledgements of one segment at most, and of more
	sum                sim.Duration
	count              int64
	now                sbdSummary

	ring   []sbdSummary // the last N intervals, oldest at next if full
	filled int
	next   int
	closed int64        // intervals since the subflow joined
	mean   sim.Duration // mean_delay
	last   sim.Duration // E_T of the last interval
	side   int8         // of mean_delay on which the last significant E_T was: 1 above, -1, 0: none yet

	bottled   bool
	crossings int     // of the last N
	skew      float64 // skew_est
	variance  float64 // var_est, a mean absolute difference, in ns
	loss      float64 // pkt_loss
}

func newSBDPath(r *sbdRules, mss int64) *sbdPath {
	return &sbdPath{rules: r, mss: mss, ring: make([]sbdSummary, r.n)}
}

// sample takes the delay and the fates that one acknowledgement tells.
func (p *sbdPath) sample(a *Ack) {
	p.now.delivered += a.Delivered
	p.now.lost += a.Lost
	if a.Acked > p.mss {
		p.multiples++
	} else if a.Acked > 0 {
		p.singles++
		if p.delayed {
			return
		}
	}
	if a.OWD == 0 {
		return
	}
	if !p.seen {
		p.seen, p.first = true, a.OWD
	}
	// The difference of two clocks wraps at 2^32 ticks; that of milliseconds is a
	// multiple of that of microseconds.
	d := sim.Duration(int32((a.OWD-p.first)/sim.Microsecond)) * sim.Microsecond
	p.sum += d
	p.count++
	if p.filled == 0 {
		return
	}
	p.now.compared++
	switch {
	case d < p.mean:
		p.now.skew++
	case d > p.mean:
		p.now.skew--
	}
	p.now.variation += max(d-p.last, p.last-d)
}

// close ends the interval.
func (p *sbdPath) close() {
	p.delayed = 2*p.multiples > p.singles
	p.singles, p.multiples = 0, 0
	if p.count == 0 {
		return
	}
	p.now.mean = p.sum / sim.Duration(p.count)
	p.now.crossed = p.crosses(p.now.mean)
	p.last = p.now.mean
	p.ring[p.next] = p.now
	p.next++
	if p.next == len(p.ring) {
		p.next = 0
	}
	p.filled = min(p.filled+1, len(p.ring))
	p.closed++
	p.sum, p.count, p.now = 0, 0, sbdSummary{}
	p.estimate()
}

// crosses reports whether an E_T is a significant crossing of mean_delay.
func (p *sbdPath) crosses(mean sim.Duration) bool {
	if p.filled == 0 {
		return false
	}
	margin, side := p.rules.pv*p.variance, int8(0)
	switch away := float64(mean - p.mean); {
	case away > margin:
		side = 1
	case away < -margin:
		side = -1
	}
	before := p.side
	if side != 0 {
		p.side = side
	}
	return side != 0 && before != 0 && side != before
}

func (p *sbdPath) estimate() {
	var compared, skew, lost, delivered int64
	var means, variation sim.Duration
	p.crossings = 0
	m := min(p.filled, p.rules.m)
	at := p.next
	for i := range p.filled {
		if at == 0 {
			at = len(p.ring)
		}
		at--
		s := &p.ring[at]
		if i < m {
			compared, skew = compared+s.compared, skew+s.skew
			means, variation = means+s.mean, variation+s.variation
		}
		if s.crossed {
			p.crossings++
		}
		lost, delivered = lost+s.lost, delivered+s.delivered
	}
	p.mean = means / sim.Duration(m)
	p.skew = float64(skew) / float64(max(compared, 1))
	p.variance = float64(variation) / float64(max(compared, 1))
	p.loss = float64(lost) / float64(max(lost+delivered, 1))
	r := p.rules
	p.bottled = p.skew < r.cs || p.bottled && p.skew < r.ch || p.loss > r.pl
}

// ready reports whether the estimates may be trusted (RFC 8382 section 3.3.2).
func (p *sbdPath) ready() bool { return p.closed >= 2*int64(p.rules.m) }

// freq returns freq_est.
func (p *sbdPath) freq() float64 { return float64(p.crossings) / float64(p.rules.n) }
