package tcp

import "mpsim/sim"

// The delivery rate sample that every acknowledgement gives a controller
// (draft-cheng-iccrg-delivery-rate-estimation, Linux tcp_rate.c): bytes
// delivered between the acknowledgement before which the newest acknowledged
// segment was sent and this one, over the longer of the times in which they were
// sent and acknowledged.

// rateState is the connection's part of the estimator.
type rateState struct {
	delivered   int64    // bytes that arrived, cumulatively or selectively
	deliveredAt sim.Time // when that last grew
	firstAt     sim.Time // when the first segment of the present sample was sent
	appLimited  int64    // value of delivered until which samples are limited; 0: none
}

// rateSample is what one acknowledgement gives.
type rateSample struct {
	priorDelivered uint32
	priorAt        sim.Time
	interval       sim.Duration // first of sending, then of the sample
	order          uint32
	delivered      int64
	taken          bool
	appLimited     bool
}

// elapsedShift is the unit of sent.elapsed: 64 ns, so that it covers 275 s.
const elapsedShift = 6

// rateSent stamps a record that is being sent.
func (c *Conn) rateSent(now sim.Time, r *sent, idle bool) {
	if idle {
		c.rate.firstAt, c.rate.deliveredAt = now, now
	}
	r.deliveredAt = c.rate.deliveredAt
	r.elapsed = uint32(min(now.Sub(c.rate.firstAt)>>elapsedShift, 1<<32-1))
	r.delivered = uint32(c.rate.delivered)
	if c.rate.appLimited > 0 {
		r.flags |= sentAppLimited
	}
}

// rateDelivered notes that a record was delivered; the one sent last counts.
func (c *Conn) rateDelivered(_ sim.Time, r *sent, f *ackFacts) {
	s := &f.sample
	if s.taken && int32(r.order-s.order) < 0 {
		return
	}
	s.taken = true
	s.order = r.order
	s.priorDelivered, s.priorAt = r.delivered, r.deliveredAt
	s.interval = sim.Duration(r.elapsed) << elapsedShift
	s.appLimited = r.flags&sentAppLimited != 0
	c.rate.firstAt = r.at
}

// rateOf completes the sample. An interval below the smallest round-trip time
// is not credible and gives none.
func (c *Conn) rateOf(now sim.Time, f *ackFacts) {
	if c.rate.delivered > f.deliv {
		c.rate.deliveredAt = now
	}
	if c.rate.appLimited > 0 && c.rate.delivered > c.rate.appLimited {
		c.rate.appLimited = 0
	}
	s := &f.sample
	if !s.taken {
		return
	}
	s.interval = max(s.interval, now.Sub(s.priorAt))
	s.delivered = int64(uint32(c.rate.delivered) - s.priorDelivered)
	if s.interval < c.rtt.min {
		s.interval, s.delivered = 0, 0
	}
}
