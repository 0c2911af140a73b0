package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// redundant sends everything on every subflow (net/mptcp/mptcp_redundant.c of the
// out-of-tree Linux stack), so that each byte arrives as fast as over the path that
// is fastest for it. Two versions differ much:
//
// 90 (v0.90 and later): each subflow walks the connection's data on its own. In
// turn, each with room gets the segment behind the last one that it got; what was
// DATA_ACKed meanwhile is skipped. The slow path holds nobody up.
//
// 89 (v0.89): see redundant_old.go.
//
// In both, backups get new data only when all others have failed, and never a copy.
// Data that the connection sends again comes first and is placed by minRTT. On one
// subflow everything is sent once.
//
// Departure: a subflow that has come too late to have a bit in the set of carriers
// (the 65th at once) carries new data and no copies.

var redundantParams = []cc.Param{
	{Name: "version", Doc: "of the out-of-tree stack: 90 (each subflow walks the data on its own) or 89 (copies are queued, and dropped if another subflow is chosen)", Default: 90, Min: 89, Max: 90, Whole: true},
}

var redundantSpec = Spec{
	Name:   "redundant",
	Doc:    "all data on all subflows (redundant of out-of-tree Linux)",
	Params: redundantParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		if p.Get(redundantParams, "version") == 89 {
			return &redundantOld{}
		}
		return &redundant{last: NoFlow}
	},
}

type redundant struct {
	base
	last cc.FlowID // that got a segment last
	next []uint64  // by FlowID: behind the last segment of each
}

// Asks implements [Asker].
func (*redundant) Asks() Facts { return FactInFlight }

// Pick appends at most one grant of a segment.
func (s *redundant) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, done := s.again(q, paths, out)
	if done {
		return out
	}
	s.wait = NoSubflow
	backups := onBackups(paths)
	from := 0
	for from < len(paths) && paths[from].Flow <= s.last {
		from++
	}
	for k := range paths {
		p := &paths[(from+k)%len(paths)]
		if p.Backup != backups || p.Failed() {
			continue
		}
		if g, ok := s.segment(q, p, backups); ok {
			s.last = p.Flow
			s.next[p.Flow] = g.DSN + uint64(g.Len)
			return append(out, g)
		}
	}
	return out
}

// segment returns the next segment of a subflow.
func (s *redundant) segment(q *Queue, p *Path, backup bool) (g Grant, ok bool) {
	for int(p.Flow) >= len(s.next) {
		s.next = append(s.next, 0)
	}
	g = Grant{Flow: p.Flow, DSN: q.Next, Kind: New, Penalise: NoFlow, Why: whyBackup(backup, NextOfItsOwn)}
	want := int64(0)
	if r := q.uncarried(max(s.next[p.Flow], q.Una), p); r.Len > 0 && !p.Backup {
		g.DSN, g.Kind, want = r.DSN, Redundant, int64(r.Len)
	} else if want = q.NewData(p.MSS); want == 0 {
		s.waitFor(q)
		return g, false
	}
	if p.Ready(want) != Ready {
		s.wait = NoRoom
		return g, false
	}
	g.Len = int(p.Fits(min(want, p.MSS)))
	return g, g.Len > 0
}

// waitFor notes why there is nothing for a subflow, unless another one is full.
func (s *redundant) waitFor(q *Queue) {
	switch {
	case s.wait == NoRoom:
	case q.Next == q.End:
		s.wait = AllCopied
	default:
		s.wait = PeerWindowClosed
	}
}

// uncarried returns what is in flight from dsn on and was never on p, up to the end
// of a range; its length is 0 if there is nothing.
func (q *Queue) uncarried(dsn uint64, p *Path) Range {
	if p.Lane >= 64 {
		return Range{}
	}
	for i := q.find(dsn); i < len(q.InFlight); i++ {
		if r := &q.InFlight[i]; !r.CarriedBy(p) {
			return r.Unacked(dsn)
		}
	}
	return Range{}
}

// find returns the index of the first range in flight that ends behind dsn.
func (q *Queue) find(dsn uint64) int {
	lo, hi := 0, len(q.InFlight)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r := &q.InFlight[mid]; r.DSN+uint64(r.Len) > dsn {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// OnPath makes a subflow begin at the head of the data.
func (s *redundant) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	if int(f) < len(s.next) {
		s.next[f] = 0
	}
}
