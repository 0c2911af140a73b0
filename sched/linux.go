package sched

import (
	"math/bits"

	"mpsim/cc"
	"mpsim/sim"
)

// linux, the default scheduler of upstream Linux (net/mptcp/protocol.c of 6.18,
// mptcp_subflow_get_send and __subflow_push_pending): the subflow that would
// flush what it has queued first.
//
//	linger = queued / average pacing rate
//
//   - The pacing rate is averaged when a subflow is picked, weighted by what it
//     had queued against the burst that it gets.
//   - The pick gets a burst of 65428 bytes, counted in the buffers that hold the
//     data: the buffer in which the burst ends is sent whole. It ends early at the
//     peer's window, where a segment may be cut short, or at the end of a buffer
//     behind which the subflow's own send queue is full.
//   - The congestion window is not looked at. What exceeds it waits in the
//     subflow's queue, up to its send buffer; if the pick has none left, we wait.
//   - Backup subflows serve only when no other one is active. Stale subflows are
//     not active, those that have timed out are.
//   - Ranges to be sent again go first, in order, to the same pick, whoever has
//     carried them.
//
// Queues are counted in memory ([FactMemory]). Departures: rates are in bits a second.
// A subflow without a rate lingers for no time (the kernel skips it, which does not happen there
// because its handshake has measured one).

var linuxParams = []cc.Param{
	{Name: "burst", Doc: "bytes that a pick gets, before rounding up to whole buffers (MPTCP_SEND_BURST_SIZE)", Default: 65428, Min: 1, Max: 1 << 30, Whole: true},
}

var linuxSpec = Spec{
	Name:   "linux",
	Doc:    "the subflow that flushes its queue first, in bursts of 64 KiB beyond the congestion window (default of upstream Linux)",
	Params: linuxParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &linux{burst: int64(p.Get(linuxParams, "burst"))}
	},
}

type linux struct {
	burst int64
	wait  Why
	rates []sim.Rate // averaged, by FlowID; 0: not picked yet
}

// Pick appends at most one grant.
func (l *linux) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	p := l.choose(paths)
	switch {
	case p == nil:
		l.wait = NoSubflow
		return out
	case p.SendBufFree <= 0:
		l.wait = SendQueueFull
		return out
	}
	why := ShortestQueue
	if p.Backup {
		why = OnlyBackups
	}
	room := p.SendBufFree
	for i := range q.Reinject {
		if r := q.Reinject[i].Unacked(q.Una); r.Len > 0 {
			n := int64(r.Len)
			for _, next := range q.Reinject[i+1:] {
				if distance(r.DSN, next.DSN) != n {
					break
				}
				n += int64(next.Len)
			}
			n = l.whole(q, r.DSN, n, room)
			l.picked(p, n)
			return append(out, Grant{Flow: p.Flow, DSN: r.DSN, Len: int(n), Kind: Reinject, Penalise: NoFlow, Why: why})
		}
	}
	if q.Next == q.End { // what was to be sent again has been acknowledged
		l.wait = NoWhy
		return out
	}
	n := min(distance(q.Next, q.End), distance(q.Next, q.PeerEdge))
	if n == 0 {
		l.wait = PeerWindowClosed
		return out
	}
	n = l.whole(q, q.Next, n, room)
	l.picked(p, min(l.burst, distance(q.Next, q.PeerEdge)))
	return append(out, Grant{Flow: p.Flow, DSN: q.Next, Len: int(n), Kind: New, Penalise: NoFlow, Why: why})
}

// WhyWait implements [Explainer].
func (l *linux) WhyWait() Why { return l.wait }

// choose returns the subflow with the least to flush, nil: none.
func (l *linux) choose(paths []Path) *Path {
	var best [2]*Path
	var least [2]uint64
	for i := range paths {
		p := &paths[i]
		if p.Stale {
			continue
		}
		kind := 0
		if p.Backup {
			kind = 1
		}
		t := l.linger(p)
		if best[kind] == nil || t < least[kind] {
			best[kind], least[kind] = p, t
		}
	}
	if best[0] != nil {
		return best[0]
	}
	return best[1]
}

// Asks implements [Asker].
func (*linux) Asks() Facts { return FactPacing | FactMemory }

// linger is the time in units of 2^-32 of 8 s that the subflow's queue takes.
func (l *linux) linger(p *Path) uint64 {
	rate := l.rate(p)
	if rate == 0 || p.Queued <= 0 {
		return 0
	}
	return uint64(p.Queued) << 32 / uint64(rate)
}

// rate is the average pacing rate of a subflow; before its first pick, its
// pacing rate.
func (l *linux) rate(p *Path) sim.Rate {
	if i := int(p.Flow); i < len(l.rates) && l.rates[i] > 0 {
		return l.rates[i]
	}
	return p.Pacing
}

// picked averages the rate of a subflow that gets a burst.
func (l *linux) picked(p *Path, burst int64) {
	rate := l.rate(p)
	if burst <= 0 || rate == 0 {
		return
	}
	for len(l.rates) <= int(p.Flow) {
		l.rates = append(l.rates, 0)
	}
	l.rates[p.Flow] = blend(rate, p.Queued, p.Pacing, burst)
}

// blend is (a*m + b*n) / (m+n) without overflow.
func blend(a sim.Rate, m int64, b sim.Rate, n int64) sim.Rate {
	m = max(m, 0)
	h1, l1 := bits.Mul64(uint64(a), uint64(m))
	h2, l2 := bits.Mul64(uint64(b), uint64(n))
	lo, carry := bits.Add64(l1, l2, 0)
	hi, _ := bits.Add64(h1, h2, carry)
	r, _ := bits.Div64(hi, lo, uint64(m+n))
	return sim.Rate(r)
}

// whole returns how many of n bytes from dsn on go to one subflow: whole buffers
// until the burst is used up or its send queue, of which room is left, is full.
func (l *linux) whole(q *Queue, dsn uint64, n, room int64) int64 {
	sent := int64(0)
	for i := q.buffer(dsn); sent < n; i++ {
		if i < len(q.Buffers) {
			sent = distance(dsn, q.Buffers[i])
		} else {
			sent = min(l.burst, n)
		}
		if sent >= l.burst || sent >= room {
			break
		}
		if i >= len(q.Buffers) {
			break
		}
	}
	return min(sent, n)
}

// OnDataAck does nothing.
func (*linux) OnDataAck(sim.Time, uint64) {}

// OnTimeout does nothing: the kernel keeps using a subflow until it is stale.
func (*linux) OnTimeout(sim.Time, cc.FlowID) {}

// OnPath forgets the rate of a subflow that comes or goes.
func (l *linux) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	if int(f) < len(l.rates) {
		l.rates[f] = 0
	}
}
