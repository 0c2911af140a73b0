package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// This file is what most schedulers share: what comes before the choice of a
// subflow for new data, and the grant after it.

// base is embedded by schedulers that keep the default for what does not concern
// them.
type base struct{ wait Why }

// OnDataAck does nothing.
func (*base) OnDataAck(sim.Time, uint64) {}

// OnTimeout does nothing: the rows say which subflow may have failed.
func (*base) OnTimeout(sim.Time, cc.FlowID) {}

// OnPath does nothing.
func (*base) OnPath(sim.Time, cc.FlowID, bool) {}

// WhyWait implements [Explainer].
func (b *base) WhyWait() Why { return b.wait }

// again grants the first range that is to be sent again and that a subflow can
// take, by the rule of minRTT, whatever the scheduler. It reports whether it did,
// and notes why not.
func (b *base) again(q *Queue, paths []Path, out []Grant) ([]Grant, bool) {
	for i := range q.Reinject {
		r := q.Reinject[i].Unacked(q.Una)
		if r.Len == 0 {
			continue
		}
		p, why := lowestRTT(paths, &r)
		if p != nil {
			n := int(p.Fits(int64(r.Len)))
			return append(out, Grant{Flow: p.Flow, DSN: r.DSN, Len: n, Kind: Reinject, Penalise: NoFlow, Why: why}), true
		}
		b.wait = why
	}
	return out, false
}

// prepare is the first step of most schedulers: it grants what is to be sent
// again, or returns how many new bytes there are that the peer has room for, 0 if
// the decision is made.
func (b *base) prepare(q *Queue, paths []Path, out []Grant) ([]Grant, int64) {
	if len(q.Reinject) > 0 {
		var done bool
		if out, done = b.again(q, paths, out); done {
			return out, 0
		}
	}
	if q.Next == q.End {
		return out, 0
	}
	n := q.NewData(1)
	if n == 0 {
		b.wait = PeerWindowClosed
	}
	return out, n
}

// give grants as much new data to p as fits, but no more than limit bytes.
func (b *base) give(q *Queue, p *Path, limit int64, why Why, out []Grant) []Grant {
	n := p.Fits(min(q.NewData(p.MSS), limit))
	if n <= 0 {
		b.wait = PeerWindowClosed
		return out
	}
	return append(out, Grant{Flow: p.Flow, DSN: q.Next, Len: int(n), Kind: New, Penalise: NoFlow, Why: why})
}

// unlimited is a limit of give that limits nothing.
const unlimited int64 = 1 << 62

// Failed reports whether the subflow may never take data again.
func (p *Path) Failed() bool { return p.PotentiallyFailed || p.Stale }

// onBackups reports whether new data has to go to the backup subflows: every
// other one has failed.
func onBackups(paths []Path) bool {
	for i := range paths {
		if p := &paths[i]; !p.Backup && !p.Failed() {
			return false
		}
	}
	return true
}

// idle says why nothing is granted if no candidate was ready: there is none in
// the class of subflows whose turn it is, or they are all full.
func (b *base) idle(paths []Path, backups bool) {
	b.wait = NoSubflow
	for i := range paths {
		if p := &paths[i]; p.Backup == backups && !p.Failed() {
			b.wait = NoRoom
			return
		}
	}
}

// first returns the ready subflow of the class that comes first by the order
// less, the earlier one on a tie; nil: none is ready. Less reports whether a is
// to be preferred to b.
func first(paths []Path, backups bool, want int64, less func(a, b *Path) bool) (best *Path) {
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Ready(want) != Ready {
			continue
		}
		if best == nil || less(p, best) {
			best = p
		}
	}
	return best
}

// whyBackup is why, unless backups serve, which explains more.
func whyBackup(backups bool, why Why) Why {
	if backups {
		return OnlyBackups
	}
	return why
}

// perFlow is a number of a scheduler for each subflow, by FlowID; 0 until set.
type perFlow []int64

func (v *perFlow) at(f cc.FlowID) *int64 {
	for int(f) >= len(*v) {
		*v = append(*v, 0)
	}
	return &(*v)[f]
}

func (v perFlow) get(f cc.FlowID) int64 {
	if int(f) < len(v) {
		return v[f]
	}
	return 0
}

func (v perFlow) clear() {
	for i := range v {
		v[i] = 0
	}
}
