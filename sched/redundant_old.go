package sched

import (
	"slices"

	"mpsim/cc"
	"mpsim/sim"
)

// redundantOld is the redundant scheduler of v0.89: a segment of new data goes where
// minRTT sends it, and one copy for every other active subflow is queued. A copy
// comes before new data. When it is its turn, minRTT chooses among the subflows that
// have not carried the segment; if that is not the one for which the copy was made,
// the copy is dropped. If the choice is to wait, everything waits, so that the
// slowest subflow sets the pace.
type redundantOld struct {
	base
	copies []pendingCopy // first in, first out
}

// pendingCopy is a range that is to go to a subflow.
type pendingCopy struct {
	dsn  uint64
	n    int
	flow cc.FlowID
}

// Asks implements [Asker].
func (*redundantOld) Asks() Facts { return FactInFlight }

// Pick appends at most one grant.
func (s *redundantOld) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, done := s.again(q, paths, out)
	if done {
		return out
	}
	for len(s.copies) > 0 {
		g, ok, wait := s.copy(q, paths, &s.copies[0])
		if wait {
			s.wait = NoRoom
			return out
		}
		if ok {
			return append(out, g)
		}
		s.copies = slices.Delete(s.copies, 0, 1)
	}
	if q.Next == q.End {
		s.wait = AllCopied
		return out
	}
	if q.NewData(1) == 0 {
		s.wait = PeerWindowClosed
		return out
	}
	fresh := Range{DSN: q.Next, Len: int(distance(q.Next, q.End))}
	p, why := lowestRTT(paths, &fresh)
	if p == nil {
		s.wait = why
		return out
	}
	at := len(out)
	if out = s.give(q, p, p.MSS, why, out); len(out) > at {
		for i := range paths {
			if o := &paths[i]; o != p && !o.Backup && !o.Failed() && o.Lane < 64 {
				s.copies = append(s.copies, pendingCopy{q.Next, out[at].Len, o.Flow})
			}
		}
	}
	return out
}

// copy returns the grant of a copy. If there is none the copy waits, or is dropped.
func (s *redundantOld) copy(q *Queue, paths []Path, c *pendingCopy) (g Grant, ok, wait bool) {
	if gone := min(distance(c.dsn, q.Una), int64(c.n)); gone > 0 {
		c.dsn, c.n = c.dsn+uint64(gone), c.n-int(gone)
	}
	i := q.find(c.dsn)
	if c.n == 0 || i == len(q.InFlight) {
		return g, false, false
	}
	r := q.InFlight[i].Unacked(c.dsn)
	r.Len = min(r.Len, c.n)
	p, _ := lowestRTT(paths, &r)
	switch {
	case p == nil:
		return g, false, true
	case p.Flow != c.flow || r.CarriedBy(p):
		return g, false, false
	}
	n := int(p.Fits(int64(r.Len)))
	c.dsn, c.n = c.dsn+uint64(n), c.n-n
	return Grant{Flow: p.Flow, DSN: r.DSN, Len: n, Kind: Redundant, Penalise: NoFlow, Why: NextOfItsOwn}, true, false
}

// OnPath drops the copies for a subflow that comes or goes.
func (s *redundantOld) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	s.copies = slices.DeleteFunc(s.copies, func(c pendingCopy) bool { return c.flow == f })
}
