package simnet

import (
	"math/bits"

	"mpsim/sim"
)

// Stats are the totals of one link since it was made, in packets and IP octets.
type Stats struct {
	Offered  uint64 // packets that the interface gave to the link
	Accepted uint64 // of those, packets that the queue took
	// AcceptedBytes are the octets of the accepted packets.
	AcceptedBytes uint64
	// SentBytes are the octets of packets whose service has ended.
	SentBytes uint64

	Marked       uint64 // packets to which the queue gave CE
	QueueDrops   uint64 // queue full
	LossDrops    uint64 // Bernoulli loss
	PatternDrops uint64 // exact pattern
	DownDrops    uint64 // outage: offered during it, or lost when it began
	MTUDrops     uint64 // too big

	// What disciplines drop beside QueueDrops.
	HeadDrops    uint64 // waiting packets that gave their room to new ones
	EarlyDrops   uint64 // before the queue was full, by a random draw
	SojournDrops uint64 // because packets had waited too long
	PolicedDrops uint64 // more than the agreed rate

	RetryDrops uint64 // given up by a radio

	// PacketHops are the packets accepted or dropped by the queue.
	PacketHops uint64
	// Utilisation is what was sent, overhead included, as a part of what the
	// link could have carried: its rate while it was up, or the opportunities
	// of its trace. It is 0 for an infinitely fast link.
	Utilisation float64
	// MeanQueueBytes is the average over time of the octets in the queue.
	MeanQueueBytes float64
	// P99QueueBytes is the queue length not exceeded for 99 % of the time, to
	// within 1/8; 0 unless LinkConfig.Histogram is set.
	P99QueueBytes float64

	// How long packets have waited in a discipline until their service began;
	// without a discipline these are 0. P99Wait is exact to 1/8 and 1 us, and
	// needs LinkConfig.Histogram, too.
	MeanWait, P99Wait, MaxWait sim.Duration
}

// Drops returns the number of packets dropped for any reason.
func (s *Stats) Drops() uint64 {
	return s.QueueDrops + s.LossDrops + s.PatternDrops + s.DownDrops + s.MTUDrops + s.RetryDrops + s.DisciplineDrops()
}

// DisciplineDrops returns the number of packets that a discipline dropped though
// there was room in the queue, or for the sake of others.
func (s *Stats) DisciplineDrops() uint64 {
	return s.HeadDrops + s.EarlyDrops + s.SojournDrops + s.PolicedDrops
}

// Stats returns the link's totals up to now.
func (lk *Link) Stats() Stats {
	n, now, l := lk.net, lk.net.sim.Now(), lk.hot()
	n.settle(now, lk.index, l)
	s := Stats{
		Offered:       l.offered,
		AcceptedBytes: l.sent,
		Marked:        lk.marked,
		QueueDrops:    lk.drops[dropQueue],
		LossDrops:     lk.drops[dropLoss],
		PatternDrops:  lk.drops[dropPattern],
		DownDrops:     lk.drops[dropDown],
		MTUDrops:      lk.drops[dropMTU],
		HeadDrops:     lk.drops[dropHead],
		EarlyDrops:    lk.drops[dropEarly],
		SojournDrops:  lk.drops[dropSojourn],
		PolicedDrops:  lk.drops[dropPoliced],
		RetryDrops:    lk.drops[dropRetry],
		PacketHops:    lk.packetHops(),
	}
	var culled uint64
	s.Accepted = s.Offered + lk.purged - s.Drops()
	s.SentBytes = l.sent - uint64(l.bytes) - lk.purgedBytes
	if lk.queue != nil {
		culled = lk.queue.culled
		s.Accepted += culled
		s.SentBytes -= lk.queue.culledBytes
		lk.queue.waits.into(&s, s.Accepted-lk.queue.entered)
	}
	if c := lk.capacity.at(lk, l, now); c > 0 {
		overhead := float64(l.overhead)
		if l.flags&flagTrace != 0 {
			overhead = tunHeader
		}
		packets := float64(s.Accepted - uint64(l.packets) - lk.purgedQueue - culled)
		s.Utilisation = (float64(s.SentBytes) + float64(packets*overhead)) / c
	}
	if d := now - lk.since; d > 0 {
		s.MeanQueueBytes = l.area(now) / float64(d)
	}
	if l.flags&flagHistogram != 0 {
		n.leaveClass(lk.index, l, now)
		s.P99QueueBytes = n.hists[lk.index].quantile(0.99)
	}
	return s
}

// QueueBytes returns the octets in the queue now, the packet in service
// included (unless the link follows a trace).
func (lk *Link) QueueBytes() int64 {
	l := lk.hot()
	lk.net.settle(lk.net.sim.Now(), lk.index, l)
	return int64(l.bytes)
}

// QueuePackets returns the packets in the queue now, as QueueBytes counts.
func (lk *Link) QueuePackets() int64 {
	l := lk.hot()
	lk.net.settle(lk.net.sim.Now(), lk.index, l)
	return int64(l.packets)
}

// Drops returns how many packets the node itself has dropped: for want of a
// route, a receiver or time to live, or in a box.
func (nd *Node) Drops() uint64 {
	var sum uint64
	for _, d := range nd.drops {
		sum += d
	}
	return sum
}

// packetHops is what was accepted, plus the drops of the queue.
func (lk *Link) packetHops() uint64 {
	refused := lk.drops[dropLoss] + lk.drops[dropPattern] + lk.drops[dropDown] + lk.drops[dropMTU] + lk.drops[dropRetry]
	return lk.hot().offered - (refused - lk.purged)
}

// area is the integral of the queue's octets over time up to now, in
// octet-nanoseconds. Each packet has contributed size*(leave-accept), or
// size*(-accept) while it is in the queue.
func (l *hotLink) area(now sim.Time) float64 {
	hi, lo := bits.Mul64(uint64(l.bytes), uint64(now))
	lo, carry := bits.Add64(l.areaLo, lo, 0)
	hi, _ = bits.Add64(l.areaHi, hi, carry)
	return float64(float64(hi)*0x1p64) + float64(lo)
}

// capacityMeter integrates what a link could have sent.
type capacityMeter struct {
	last  sim.Time // when the link has changed, or a step of its schedule has ended
	bytes float64  // up to then
}

// charge adds the time since last, during which the link was as it is.
func (c *capacityMeter) charge(lk *Link, l *hotLink, now sim.Time) {
	c.bytes = c.at(lk, l, now)
	c.last = now
}

// at returns the octets up to now. The sum is always taken over the same pieces,
// so that the result does not depend on how often somebody asks.
func (c *capacityMeter) at(lk *Link, l *hotLink, now sim.Time) float64 {
	switch {
	case l.flags&flagStopped != 0 || now <= c.last:
		return c.bytes
	case l.flags&flagTrace != 0:
		o := lk.cfg.Opportunities
		return c.bytes + float64(opportunity*(o.through(now)-o.through(c.last)))
	case l.flags&flagVarying == 0:
		return c.bytes + octets(l.rate, c.last, now)
	}
	for {
		_, r, end := lk.cfg.Schedule.piece(c.last)
		if end > now {
			return c.bytes + octets(r, c.last, now)
		}
		c.bytes += octets(r, c.last, end)
		c.last = end
	}
}

// octets returns what a rate carries from a to b.
func octets(r sim.Rate, a, b sim.Time) float64 {
	return float64(float64(r) / 8e9 * float64(b-a))
}

// histogram is the distribution over time of a queue length: 8 classes to each
// power of two, so that a quantile is exact to 1/8.
type histogram struct {
	times [8 * 30]sim.Time
}

// leaveClass adds the time up to at, during which the length of a link's queue was
// of its present class. It is called before the class changes.
func (n *Network) leaveClass(li uint32, l *hotLink, at sim.Time) {
	if at > l.classSince {
		n.hists[li].times[classOfLength(l.bytes)] += at - l.classSince
		l.classSince = at
	}
}

// sameClass reports whether two lengths are of the same class.
func sameClass(a, b uint32) bool {
	e := bits.Len32(a|8) - 4
	return a>>e == b>>e
}

// classOfLength numbers lengths: 0 to 15 are their own classes, above each
// power of two has 8.
func classOfLength(b uint32) int {
	if b < 16 {
		return int(b)
	}
	e := bits.Len32(b) - 4 // b>>e is 8 to 15
	return e*8 + int(b>>e)
}

// upperEnd returns the largest length of a class.
func upperEnd(class int) float64 {
	if class < 16 {
		return float64(class)
	}
	e := class/8 - 1
	return float64(uint64(class-e*8+1)<<e - 1)
}

// quantile returns the length that is not exceeded for the part q of the time.
func (h *histogram) quantile(q float64) float64 {
	var total, sum sim.Time
	for _, t := range h.times {
		total += t
	}
	for i, t := range h.times {
		sum += t
		if t > 0 && float64(sum) >= float64(q*float64(total)) {
			return upperEnd(i)
		}
	}
	return 0
}
