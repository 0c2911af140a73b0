package simnet

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Loss happens where a packet is offered to the link, before the queue: a lost
// packet takes no room and no service, as in the emulator of our measurements.
// Whether packet i of the link is lost depends on i and the link's name only,
// so that two variants under comparison meet the same luck. With a correlation
// it depends on the draws of the packets before, too.

// DropPattern drops exact packets of a link, counted from 0 as they are
// offered. Both parts apply.
type DropPattern struct {
	Indices []uint64 // ascending
	// Mask drops packet i if bit i modulo 64 is set.
	Mask uint64
}

func (p *DropPattern) empty() bool { return len(p.Indices) == 0 && p.Mask == 0 }

// drops reports whether the pattern drops packet i.
func (p *DropPattern) drops(i uint64) bool {
	if p.Mask>>(i&63)&1 != 0 {
		return true
	}
	lo, hi := 0, len(p.Indices)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if p.Indices[m] < i {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo < len(p.Indices) && p.Indices[lo] == i
}

// fate says why packet i of the link does not reach the queue, or NoReason.
func (n *Network) fate(now sim.Time, li uint32, l *hotLink, i uint64, size uint16) trace.Reason {
	lk := n.cold[li]
	random := l.flags&flagLoss != 0 && lk.loss.At(i) < lk.cfg.Loss
	burst := l.flags&flagBurst != 0 && lk.burst.loses(now, i)
	switch {
	case l.flags&flagDown != 0:
		return trace.LinkDown
	case size > l.mtu:
		return trace.PacketTooBig
	case l.flags&flagPattern != 0 && lk.cfg.Drop.drops(i):
		return trace.PatternLoss
	case random:
		return trace.RandomLoss
	case burst:
		return trace.BurstLoss
	}
	return trace.NoReason
}

func (lk *Link) setLoss(l *hotLink, p float64) {
	lk.cfg.Loss = p
	l.flags &^= flagLoss
	if p > 0 {
		l.flags |= flagLoss
		if lk.loss == nil {
			draws := NewCorrelated(lk.net.sim.Stream("link/"+lk.name+"/loss"), lk.cfg.LossCorrelation, 1<<63)
			lk.loss = &draws
		}
	}
}

func (lk *Link) setDrop(l *hotLink, p DropPattern) {
	lk.cfg.Drop = p
	l.flags &^= flagPattern
	if !p.empty() {
		l.flags |= flagPattern
	}
}

// dropClass is the row of the drop counters that a reason belongs to.
type dropClass uint8

const (
	dropQueue dropClass = iota
	dropLoss
	dropPattern
	dropDown
	dropMTU
	dropHead
	dropEarly
	dropSojourn
	dropPoliced
	dropRetry
	dropRoute
	dropTTL
	dropOther
	dropClasses
)

func classOf(why trace.Reason) dropClass {
	switch why {
	case trace.QueueFull:
		return dropQueue
	case trace.RetryLimit:
		return dropRetry
	case trace.RandomLoss, trace.BurstLoss:
		return dropLoss
	case trace.PatternLoss:
		return dropPattern
	case trace.LinkDown:
		return dropDown
	case trace.PacketTooBig:
		return dropMTU
	case trace.HeadDrop:
		return dropHead
	case trace.EarlyDrop:
		return dropEarly
	case trace.SojournDrop:
		return dropSojourn
	case trace.Policed:
		return dropPoliced
	case trace.NoRoute, trace.NotForwarding:
		return dropRoute
	case trace.TTLExpired:
		return dropTTL
	}
	return dropOther
}

// drop ends a packet at a link.
func (n *Network) drop(now sim.Time, li uint32, id PacketID, why trace.Reason) {
	l := &n.links[li]
	lk := n.cold[li]
	lk.drops[classOf(why)]++
	t := n.traces[l.from]
	n.foldDrop(now, t, l.salt, id, why)
	if t.Wants(trace.PacketDropped) {
		n.observe(now, trace.PacketDropped, l, li, id, why)
	}
	if n.watch != nil {
		n.watch.Dropped(now, n.nodes[l.from], lk, nil, id, why)
	}
	n.Free(id)
}

// dropAt ends a packet at a node, where no link is to blame.
func (n *Network) dropAt(now sim.Time, nd *Node, id PacketID, why trace.Reason) {
	nd.drops[classOf(why)]++
	n.foldDrop(now, nd.trace, 0, id, why)
	if nd.trace.Wants(trace.PacketDropped) {
		s := n.Segment(id)
		nd.trace.Observe(&trace.Record{
			At: now, Kind: trace.PacketDropped, Why: why, Flow: -1,
			A: -1, B: int64(s.Seq), C: int64(s.Len), D: int64(n.meta[id].size),
		})
	}
	if n.watch != nil {
		var b Box
		if n.boxes.running != nil {
			b = n.boxes.running.box
		}
		n.watch.Dropped(now, nd, nil, b, id, why)
	}
	n.Free(id)
}
