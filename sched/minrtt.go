package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// minRTT, the default scheduler of the out-of-tree Linux stack
// (net/mptcp/mptcp_sched.c): of the subflows that can take data now, the one
// with the smallest smoothed round-trip time; the first in order on a tie.
//
//   - Backup subflows serve only when every other one has failed (or has carried
//     the range already), not when the others are merely busy: then we wait.
//   - Ranges to be sent again go before new data, and prefer subflows that have
//     not carried them. When every subflow that has not failed did, the choice
//     starts over as if none had.
//   - A subflow without a sample has round-trip time 0 and is taken first, as in
//     Linux.
//
// A call grants one range to one subflow: what its window, its send queue and
// for new data the peer's window leave, in whole segments unless the range ends.
// The connection asks again until there is no grant.
//
// Departures: a range that has to wait for a busy subflow does not hold up those
// behind it nor new data, which in Linux it does. Opportunistic retransmission
// and penalisation are not part of it. Linux's test of the subflow's own receive
// window is left out, because the window of a subflow is the connection's.

var minRTTSpec = Spec{
	Name: "minrtt",
	Doc:  "lowest round-trip time first among subflows with room (default of out-of-tree Linux); backups only when all others have failed",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &minRTT{} },
}

// minRTT decides by the rows alone.
type minRTT struct{ base }

// Windowed implements [Windowed].
func (*minRTT) Windowed() bool { return true }

// Pick appends at most one grant.
func (m *minRTT) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := m.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	if p := lowestOpen(q, paths); p != nil {
		return m.give(q, p, unlimited, LowestRTT, out)
	}
	fresh := Range{DSN: q.Next, Len: int(distance(q.Next, q.End))}
	p, why := lowestRTT(paths, &fresh)
	if p == nil {
		m.wait = why
		return out
	}
	return m.give(q, p, unlimited, why, out)
}

// lowestRTT returns the subflow for a range; nil: wait.
func lowestRTT(paths []Path, r *Range) (*Path, Why) {
	p, wait := lowestOf(paths, r, false)
	switch {
	case p != nil:
		return p, LowestRTT
	case wait:
		return nil, NoRoom
	}
	p, wait = lowestOf(paths, r, true)
	switch {
	case p != nil:
		return p, OnlyBackups
	case wait:
		return nil, NoRoom
	case r.Carried == 0:
		return nil, NoSubflow
	}
	again := Range{DSN: r.DSN, Len: r.Len}
	p, why := lowestRTT(paths, &again)
	if p != nil {
		why = AllCarried
	}
	return p, why
}

// lowestOf searches the backup or the other subflows for one that has not carried
// the range. Wait says, if there is none that is ready, that one is busy.
func lowestOf(paths []Path, r *Range, backup bool) (best *Path, wait bool) {
	want := int64(r.Len)
	for i := range paths {
		p := &paths[i]
		if p.Backup != backup || best != nil && p.SRTT >= best.SRTT || r.CarriedBy(p) || p.Failed() {
			continue
		}
		if p.InLoss || !p.takes(want) {
			wait = true
			continue
		}
		best = p
	}
	return best, wait
}
