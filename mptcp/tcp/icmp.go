package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ICMP errors about a connection (RFC 1122 section 4.2.3.9, RFC 5461, RFC 6069;
// Linux tcp_v4_err). One that arrives while the connection is being opened ends
// it. Later ones are soft: they only say why, should the connection time out.
// Messages about the MTU are those of mtu.go.

// ICMPOutcome is what became of an ICMP error.
type ICMPOutcome uint8

// The outcomes.
const (
	ICMPIgnored ICMPOutcome = iota // about nothing that is in flight
	ICMPSoft                       // noted
	ICMPHard                       // the connection is over
)

// HandleICMP processes an ICMP error about a segment that we sent with the given
// sequence number; why is trace.Unreachable, or trace.Refused if nothing listens
// at the port. unreachable says that net or host cannot be reached: then the last
// doubling of the retransmission timeout was for nothing (RFC 6069).
func (c *Conn) HandleICMP(now sim.Time, seq wire.Seq, why trace.Reason, unreachable bool) ICMPOutcome {
	switch c.state {
	case StateClosed, StateTimeWait:
		return ICMPIgnored
	case StateSynSent, StateSynReceived:
		if seq != c.iss {
			return ICMPIgnored
		}
		if c.state == StateSynReceived && !unreachable {
			return ICMPIgnored // Linux tcp_req_err
		}
		c.die(now, why)
		return ICMPHard
	}
	// Only about what is in flight: others may be forged (RFC 5927 section 4.1).
	if pos := c.sndPos(seq); pos < c.snd.una || pos > c.snd.nxt {
		c.refused(now, why)
		return ICMPIgnored
	}
	c.retries.soft, c.retrying = why, true
	c.stats.SoftErrors++
	if unreachable {
		c.revertBackoff(now, seq)
	}
	return ICMPSoft
}

// revertBackoff takes the latest doubling of the retransmission timeout back, if
// the segment that timed out has met a gap in connectivity and not congestion
// (Linux tcp_ld_RTO_revert).
func (c *Conn) revertBackoff(now sim.Time, seq wire.Seq) {
	fl := &c.flight
	if seq != c.sndSeq(c.snd.una) || c.caState != cc.LossState || c.backoff == 0 || fl.empty() || c.rtx.kind != timerRTO {
		return
	}
	c.backoff--
	base := c.p.InitialRTO
	if c.rtt.srtt() > 0 {
		base = c.rtt.rto(c.p)
	}
	c.rto = min(c.roundTimeout(base)<<min(c.backoff, 30), c.p.MaxRTO)
	c.arm(now, timerRTO, max(c.rto-now.Sub(fl.at(fl.head).at), 0))
}

// timedOut is why a connection ends that gets no answer.
func (c *Conn) timedOut() trace.Reason {
	if c.retries.soft != trace.NoReason {
		return c.retries.soft
	}
	return trace.TimedOut
}
