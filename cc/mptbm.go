package cc

import "mpsim/sim"

// The wrapper mpt-bm keeps subflows from filling deep buffers (MPT-BM; Ferlin,
// Dreibholz, Alay, "Multi-path transport over heterogeneous wireless networks: does it
// really pay off?", GLOBECOM 2014). The window of a subflow is capped by how much its
// round-trip time has grown over its smallest, window <= lambda*(min srtt/srtt)*W, here
// with W the delivery rate times srtt (Little's law), so that
//
//	window <= lambda * min srtt * rate,  at least 2 MSS
//
// which lets the round-trip time grow lambda-fold and no further. With W the window or
// what is in flight the cap chases itself: on its way down it falls to nothing. Rate is
// the mean of the delivery rate samples with gain 1/8. The cap holds from srtt > min srtt *
// (1+lambda)/2 on, where a queue is certain, until that has gone (less than 5 % of
// growth), and only while the window limits the sender. While it bites the inner window
// does not grow; losses reduce that as ever.
//
// The smallest smoothed value is kept for the life of the subflow: a path that became
// longer stays capped. Approximate: the paper's text was not at hand, and its lambda is
// not known for sure.

var bloatParams = []Param{
	innerParam(),
	{Name: "lambda", Min: 1, Max: 100, Default: 3, Doc: "growth of the round-trip time from which the cap bites"},
}

var bloatSpec = Spec{
	Name:    "mpt-bm",
	Doc:     "wrapper against bufferbloat (GLOBECOM'14): caps a window by the growth of its round-trip time",
	Coupled: true,
	Params:  bloatParams,
	New: func(p Params, rnd *sim.Rand) Controller {
		return &bloatCap{wrapped: wrapped{newInner(p, bloatParams, rnd)}, lambda: p.Get(bloatParams, "lambda")}
	},
}

// bloatGone is the growth of the round-trip time below which the queue counts as gone.
const bloatGone = 1.05

type bloatCap struct {
	wrapped
	lambda float64
	paths  []bloatPath // by FlowID
	ack    Ack
}

type bloatPath struct {
	srtt, least sim.Duration // 0: none yet
	rate        float64      // bytes per ns; 0: none yet
	limit       int64        // bytes; MaxWindow: none
	queue       bool         // there was one and it has not gone
	mss         int64
}

// Join begins without a measurement but that of the handshake.
func (b *bloatCap) Join(now sim.Time, f FlowID, p Path) {
	b.Controller.Join(now, f, p)
	for len(b.paths) <= int(f) {
		b.paths = append(b.paths, bloatPath{})
	}
	b.paths[f] = bloatPath{srtt: p.RTT, least: p.RTT, mss: p.MSS, limit: MaxWindow}
}

// OnAck measures, and holds the inner window while it is capped.
func (b *bloatCap) OnAck(now sim.Time, f FlowID, a *Ack) {
	if uint(f) >= uint(len(b.paths)) {
		unknownFlow(f, len(b.paths))
	}
	p := &b.paths[f]
	if a.SRTT > 0 {
		p.srtt = a.SRTT
		if p.least == 0 || a.SRTT < p.least {
			p.least = a.SRTT
		}
	}
	p.limit = MaxWindow
	if grown := float64(p.srtt) / float64(max(p.least, 1)); grown > (1+b.lambda)/2 {
		p.queue = true
	} else if grown < bloatGone {
		p.queue = false
	}
	if a.Interval > 0 {
		rate := float64(a.RateDelivered) / float64(a.Interval)
		if p.rate == 0 {
			p.rate = rate
		}
		p.rate += (rate - p.rate) / 8
	}
	if a.CwndLimited && p.queue && p.rate > 0 {
		p.limit = max(int64(min(b.lambda*float64(p.least)*p.rate, float64(MaxWindow))), 2*p.mss)
		if p.limit < b.Controller.Window(f) {
			b.ack = *a
			b.ack.CwndLimited = false
			a = &b.ack
		}
	}
	b.Controller.OnAck(now, f, a)
}

// Window returns the inner window, capped.
func (b *bloatCap) Window(f FlowID) int64 {
	w := b.Controller.Window(f)
	if uint(f) < uint(len(b.paths)) {
		w = min(w, b.paths[f].limit)
	}
	return w
}

// Observe shows the capped window.
func (b *bloatCap) Observe(f FlowID) Metrics {
	m := b.Controller.Observe(f)
	m.Window = b.Window(f)
	return m
}

// Terms appends the inner controller's, and "limit", the cap in segments if there is one.
func (b *bloatCap) Terms(f FlowID, out []Term) []Term {
	out = b.wrapped.Terms(f, out)
	if p := &b.paths[f]; p.limit < MaxWindow {
		out = append(out, Term{"limit", float64(p.limit) / float64(p.mss)})
	}
	return out
}
