package tcp

import "mpsim/sim"

// Round-trip times and the retransmission timeout: RFC 6298, and Linux's
// variation of it (net/ipv4/tcp_input.c tcp_rtt_estimator, tcp_set_rto). Linux
// counts in microseconds, we in nanoseconds. The smallest round-trip time is that
// of the whole connection (Linux forgets it after 300 s).
//
//	RFC 6298    first R:  SRTT = R, RTTVAR = R/2
//	            then:     RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|, SRTT = 7/8 SRTT + 1/8 R
//	            RTO = max(SRTT + 4 RTTVAR, MinRTO)
//	Linux       first R:  SRTT = R, mdev = R/2, var = max(4 mdev, MinRTO)
//	            then:     mdev as RTTVAR, but with gain 1/32 if R falls below SRTT - mdev
//	            var = max(4 mdev, MinRTO) of the last round trip, decaying by 1/4 per trip
//	            RTO = SRTT + var
type rttEstimator struct {
	srtt8   sim.Duration // 8 SRTT; 0: no measurement yet
	mdev4   sim.Duration // 4 mdev (Linux), 4 RTTVAR (RFC 6298)
	max     sim.Duration // Linux: largest 4 mdev of this round trip, at least MinRTO
	rttvar  sim.Duration // Linux: what is added to SRTT
	tripEnd int64        // position whose acknowledgement ends this round trip
	min     sim.Duration // smallest measurement; 0: none yet
	latest  sim.Duration // last measurement
}

// SRTT returns the smoothed round-trip time, 0 before the first measurement.
func (e *rttEstimator) srtt() sim.Duration { return e.srtt8 >> 3 }

// variance returns RTTVAR of RFC 6298, Linux's mdev.
func (e *rttEstimator) variance() sim.Duration { return e.mdev4 >> 2 }

// sample takes a measurement; una and nxt bound the round trip it closes.
func (e *rttEstimator) sample(p *Profile, rtt sim.Duration, una, nxt int64) {
	rtt = max(rtt, 1)
	e.latest = rtt
	if e.srtt8 == 0 {
		e.srtt8 = rtt << 3
		e.mdev4 = rtt << 1
		e.rttvar = max(e.mdev4, p.MinRTO)
		e.max = e.rttvar
		e.tripEnd = nxt
		return
	}
	if p.Estimator == EstimatorRFC6298 {
		d := rtt - e.srtt()
		e.mdev4 += max(d, -d) - e.mdev4>>2
		e.srtt8 += d
		return
	}
	m := rtt - e.srtt8>>3
	e.srtt8 = max(e.srtt8+m, 1)
	if m < 0 {
		if m = -m - e.mdev4>>2; m > 0 {
			m >>= 3
		}
	} else {
		m -= e.mdev4 >> 2
	}
	e.mdev4 += m
	if e.mdev4 > e.max {
		e.max = e.mdev4
		e.rttvar = max(e.rttvar, e.max)
	}
	if una > e.tripEnd {
		if e.max < e.rttvar {
			e.rttvar -= (e.rttvar - e.max) >> 2
		}
		e.tripEnd = nxt
		e.max = p.MinRTO
	}
}

// rto returns the timeout that the measurements ask for.
func (e *rttEstimator) rto(p *Profile) sim.Duration {
	if p.Estimator == EstimatorRFC6298 {
		return min(max(e.srtt()+e.mdev4, p.MinRTO), p.MaxRTO)
	}
	return min(e.srtt8>>3+e.rttvar, p.MaxRTO)
}

// fallback is the state after a handshake without measurement (RFC 6298 section
// 5.7; Linux tcp_init_metrics).
func (e *rttEstimator) fallback(p *Profile) {
	e.rttvar, e.mdev4, e.max = p.FallbackRTO, p.FallbackRTO, p.FallbackRTO
}

// takeRTT accounts for one measurement: it sets the RTO and ends the backoff
// (RFC 6298 section 5, Karn's rule being obeyed by the caller).
func (c *Conn) takeRTT(rtt, newest sim.Duration) {
	e := &c.rtt
	if e.min == 0 || newest < e.min {
		e.min = max(newest, 1)
	}
	e.sample(c.p, rtt, c.snd.una, c.snd.nxt)
	c.rto = e.rto(c.p)
	c.backoff = 0
}

// tsClock is the value of the timestamp clock, from an offset that the endpoint
// draws (RFC 7323 section 5.4).
func (c *Conn) tsClock(now sim.Time) uint32 {
	return c.p.TimestampClock(now) + c.tsOffset
}

// TimestampClock is the value of a timestamp clock that starts at 0: milliseconds,
// or microseconds with MicrosecondTS.
func (p *Profile) TimestampClock(now sim.Time) uint32 {
	if p.MicrosecondTS {
		return uint32(now / sim.Time(sim.Microsecond))
	}
	return uint32(now / sim.Time(sim.Millisecond))
}

// tick is the resolution of the timestamp clock.
func (p *Profile) tick() sim.Duration {
	if p.MicrosecondTS {
		return sim.Microsecond
	}
	return sim.Millisecond
}

// microsecondPAWS is half the wrap of a clock of microseconds, in whole seconds
// (Linux TCP_PAWS_WRAP).
const microsecondPAWS = (1 << 31) / 1_000_000 * sim.Second

// pawsIdle is PAWSIdle, bounded by what the clock allows.
func (p *Profile) pawsIdle() sim.Duration {
	if p.MicrosecondTS {
		return min(p.PAWSIdle, microsecondPAWS)
	}
	return p.PAWSIdle
}

// tsRTT returns the round-trip time that an echoed timestamp gives, at least
// a tick (the resolution of the clock); 0 if it cannot be one of ours.
func (c *Conn) tsRTT(now sim.Time, ecr uint32) sim.Duration {
	d := c.tsClock(now) - ecr
	if c.p.MicrosecondTS {
		if int32(d) < 0 {
			return 0
		}
		return max(sim.Duration(d), 1) * sim.Microsecond
	}
	if d >= 1<<31/1000 {
		return 0
	}
	return max(sim.Duration(d), 1) * sim.Millisecond
}
