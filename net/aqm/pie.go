package aqm

import (
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// PIE (RFC 8033): packets are dropped at random when they come, with a probability that
// every 15 ms moves by
//
//	dp = alpha (delay - target) + beta (delay - delay before)
//
// with alpha = 0.125/s and beta = 1.25/s, scaled down where the probability is small
// (section 4.2); by at most 0.02 at once from 0.1 on (section 5.5), and by 0.02 more while the
// delay is above 250 ms (net/sched/sch_pie.c); times 0.98 while the delay is 0. The delay is
// the waiting time of the last packet that went, 0 once the queue is empty (section 4.2,
// the timestamps of appendix A). Nothing is dropped while a burst is allowed (150 ms from
// when PIE was inactive), while the delay was below half the target with a probability
// below 0.2, or with at most two packets of the mean size in the queue. Drops are spread
// by an accumulated probability (section 5.4): never below 0.85, always from 8.5 on. With
// ecn, ECN-capable packets are marked up to a probability of 0.1 (section 5.1).
//
// variant = "mahimahi" is in pie_mahimahi.go.
//
// Not modelled: the delay by the rate of departures (section 5.2), switching on at a third
// of the buffer (section 5.3), probabilities by packet size.

var pieSpec = Spec{
	Name: "pie",
	Doc:  "proportional integral controller enhanced: random drops by the trend of the waiting time (RFC 8033)",
	Params: []Param{
		{Name: "target", Kind: Span, Default: 15e6, Min: 1e6, Max: 60e9, Doc: "waiting time that is aimed at"},
		{Name: "update", Kind: Span, Default: 15e6, Min: 1e6, Max: 60e9, Doc: "time between two changes of the probability; with variant mahimahi 30 ms unless given"},
		{Name: "max_burst", Kind: Span, Default: 150e6, Min: 0, Max: 60e9, Doc: "for how long a burst passes"},
		{Name: "alpha", Kind: Real, Default: 0.125, Min: 0, Max: 100, Doc: "weight of the distance to the target, per second"},
		{Name: "beta", Kind: Real, Default: 1.25, Min: 0, Max: 100, Doc: "weight of the trend, per second"},
		{Name: "mean_packet", Kind: Length, Default: 1500, Min: 40, Max: 65535, Doc: "octets of a typical packet: with two in the queue nothing is dropped"},
		flag("ecn", "1: ECN-capable packets are marked instead of dropped up to a probability of 0.1", false),
		flag("derandomise", "0: drops are independent of each other", true),
		{Name: "variant", Kind: Choice, Choices: []string{"rfc", "mahimahi"}, Doc: "RFC 8033, or the older draft that mahimahi has"},
	},
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		if v.text("variant") == "mahimahi" {
			return newMahimahiPIE(v, p)
		}
		return &pie{
			fifo: fifo{port: p}, rand: p.Stream(), ecn: v.on("ecn"), update: v.span("update"), next: sim.Time(v.span("update")),
			pieState: pieState{
				target: v.span("target"), maxBurst: v.span("max_burst"), alpha: v.real("alpha"), beta: v.real("beta"),
				mean: int(v.int("mean_packet")), spread: v.on("derandomise"),
			},
		}
	},
}

const (
	pieMaxStep   = 0.02 // largest step up from a probability of 0.1 on
	pieHighDelay = 250 * sim.Millisecond
	pieDecay     = 0.98
	pieMarkUpTo  = 0.1
	pieNever     = 0.85 // accumulated probability below which nothing is dropped
	pieAlways    = 8.5
)

// pieState is the controller of PIE.
type pieState struct {
	target, maxBurst sim.Duration
	alpha, beta      float64
	p                float64
	delay, before    sim.Duration // now, and at the last change
	burst            sim.Duration // that is still allowed
	mean             int          // octets of a typical packet
	spread           bool         // drops, by the accumulated probability
	sum              float64      // accumulated probability
}

// scaled is the change of a probability p, smaller where p is small.
func scaled(dp, p float64) float64 {
	switch {
	case p < 0.000001:
		return dp / 2048
	case p < 0.00001:
		return dp / 512
	case p < 0.0001:
		return dp / 128
	case p < 0.001:
		return dp / 32
	case p < 0.01:
		return dp / 8
	case p < 0.1:
		return dp / 2
	}
	return dp
}

// change moves the probability, once an interval.
func (s *pieState) change(update sim.Duration) {
	dp := float64(s.alpha*(s.delay-s.target).Seconds()) + float64(s.beta*(s.delay-s.before).Seconds())
	dp = scaled(dp, s.p)
	if s.p >= 0.1 && dp > pieMaxStep {
		dp = pieMaxStep
	}
	if s.delay > pieHighDelay {
		dp += pieMaxStep
	}
	s.p += dp
	if s.delay == 0 && s.before == 0 {
		s.p *= pieDecay
	}
	s.p = min(max(s.p, 0), 1)
	s.before = s.delay
	s.burst = max(0, s.burst-update)
}

// calm reports that nothing has to be controlled.
func (s *pieState) calm() bool {
	return s.p == 0 && s.delay < s.target/2 && s.before < s.target/2
}

// spares reports whether nothing is dropped with so many octets in the queue.
func (s *pieState) spares(bytes int) bool {
	return s.before < s.target/2 && s.p < 0.2 || bytes <= 2*s.mean
}

// early reports whether the packet that comes is dropped or marked; u is a random number
// in [0, 1).
func (s *pieState) early(u float64) bool {
	if s.p == 0 {
		s.sum = 0
	}
	s.sum += s.p
	if s.spread && s.sum < pieNever || u >= s.p && !(s.spread && s.sum >= pieAlways) {
		return false
	}
	s.sum = 0
	return true
}

// pie is PIE on the queue of a link.
type pie struct {
	fifo
	pieState
	rand   *sim.Rand
	ecn    bool
	update sim.Duration
	next   sim.Time // when the probability changes
}

// Enqueue implements simnet.Discipline.
func (q *pie) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	q.tick(now)
	if q.calm() {
		q.burst = q.maxBurst
	}
	if q.port.Full(q.port.Size(id)) || q.burst > 0 || q.spares(q.list.Bytes) || !q.early(q.rand.FloatAt(q.port.Index())) {
		return q.fifo.Enqueue(now, id)
	}
	if q.ecn && q.p <= pieMarkUpTo && q.port.Mark(id) {
		return q.fifo.Enqueue(now, id)
	}
	return trace.EarlyDrop
}

// Dequeue implements simnet.Discipline.
func (q *pie) Dequeue(now sim.Time) (simnet.PacketID, sim.Time) {
	q.tick(now)
	id := q.list.Pop(q.port)
	if q.delay = 0; q.list.Packets > 0 {
		q.delay = now.Sub(q.port.Since(id))
	}
	return id, sim.Never
}

// tick carries out the changes that are due.
func (q *pie) tick(now sim.Time) {
	for q.next <= now {
		if q.p == 0 && q.delay == 0 && q.before == 0 && q.burst == 0 {
			q.next = q.next.Add(q.update * ((now.Sub(q.next) + q.update) / q.update))
			return
		}
		q.change(q.update)
		q.next = q.next.Add(q.update)
	}
}

// Evict implements simnet.Discipline.
func (q *pie) Evict() simnet.PacketID {
	q.delay = 0
	return q.list.Pop(q.port)
}
