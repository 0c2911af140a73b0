package scenarios

import (
	"mpsim/mptcp/tcp"
	"mpsim/sim"
)

// This file says how large the buffers of a flow have to be. With R the sum of the rates
// of its paths and RTT the longest round-trip time:
//
//	R RTT      all paths are busy while nothing is lost
//	2 R RTT    and while a loss on the longest path is repaired (RFC 6182 section 5.3,
//	           RFC 8684 section 3.3.5): it shows after a round trip, and its repair
//	           arrives after another
//	R RTO      and while a timeout on the longest path is waited for
//
// A buffer of "2bdp" is twice the first. Rates and delays are those of the links when
// the run begins, without queues; paths that share a link count each.
//
// Departure: the RTO runs from the last ACK before the silence, not from the loss, so that
// R RTO bridges a timeout only if little was in flight.

// bufferNeeds are sizes of a receive buffer in bytes.
type bufferNeeds struct{ busy, repair, timeout int64 }

// needsOf computes them for the sum of the rates and the longest round-trip time, where
// the sender's timeouts are those of a profile.
func needsOf(total sim.Rate, longest sim.Duration, p *tcp.Profile) bufferNeeds {
	rto := longest + p.MinRTO
	if p.Estimator == tcp.EstimatorRFC6298 {
		rto = max(longest, p.MinRTO)
	}
	return bufferNeeds{
		busy:    total.BytesIn(longest),
		repair:  total.BytesIn(2 * longest),
		timeout: total.BytesIn(rto),
	}
}

// bufferInBDP turns a buffer in bandwidth-delay products into bytes for one flow.
func (c *checker) bufferInBDP(f *Flow, b **Buffer, key string) {
	if *b == nil || (*b).BDP == 0 {
		return
	}
	at := c.sc.Defaults.valuePos(key)
	if f.has(key) {
		at = f.valuePos(key)
	}
	if f.Protocol == "udp" {
		return
	}
	total, longest, link, sound := c.plan.product(f)
	switch {
	case !sound: // noted already
		return
	case link != "":
		c.add(at, "flow %q: %s is %v, but link %q has no constant rate; write bytes", f.Name, key, *b, link)
		return
	case longest == 0:
		c.add(at, "flow %q: %s is %v, but its paths have no delay; write bytes", f.Name, key, *b)
		return
	}
	n := Buffer{N: int64((*b).BDP * float64(total.BytesIn(longest)))}
	if n.N < minBuffer || n.N > 1<<30 {
		c.add(at, "flow %q: %s is %v, which is %d bytes; it must lie between %dB and 1GiB", f.Name, key, *b, n.N, minBuffer)
		return
	}
	*b = &n
}

// product returns the sum of the rates of a flow's paths and the longest round-trip time;
// link names one that makes a path's rate unknown, "": none does. Sound says that all links
// are without problems.
func (p *plan) product(f *Flow) (total sim.Rate, longest sim.Duration, link string, sound bool) {
	client, server := p.byName[f.Client], p.byName[f.Server]
	download := f.Direction == "down" || f.converses()
	for _, i := range client.ifaces {
		if f.Protocol == "tcp" && i.name != f.Via {
			continue
		}
		_, hops, ok := p.reach(i, server)
		if !ok {
			continue
		}
		least, rtt, last := sim.Rate(0), sim.Duration(0), ""
		for _, h := range hops {
			there, back := h.link.Up, h.link.Down
			if there.Delay == nil || back.Delay == nil || there.Rate == nil && there.Trace == nil || back.Rate == nil && back.Trace == nil {
				return 0, 0, "", false
			}
			if !h.isA {
				there, back = back, there
			}
			data := there
			if download {
				data = back
			}
			rtt += there.Delay.Duration() + back.Delay.Duration()
			last = h.link.Name
			if data.Trace != nil || h.link.Profile.Name != "" {
				return 0, 0, last, true
			}
			if r := data.Rate; !r.Unlimited && (least == 0 || r.Bits < least) {
				least = r.Bits
			}
		}
		if least == 0 {
			return 0, 0, last, true
		}
		total += least
		longest = max(longest, rtt)
	}
	return total, longest, "", true
}
