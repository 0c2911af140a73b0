package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// Two of the policies that RFC 8684 section 3.3.8 names. Subflows have an order of
// priority: those that are not backup before those that are, then by the cost of
// their paths, then in the order of their creation.
//
//   - backup, "all-or-nothing": the first subflow that has not failed carries
//     everything. If it is full, we wait.
//   - overflow, "entirely saturating one path before using an additional path": the
//     first subflow with room carries the data, so that a dearer one gets what the
//     cheaper ones have no room for. A backup still serves only when all others have
//     failed: the B flag asks for that.
//
// Data sent again goes by the same order to the first ready subflow that has not
// carried it, and if all have, by minRTT; then backup uses two paths at once, for
// otherwise what a failed one holds would wait for it.

var backupSpec = Spec{
	Name: "backup",
	Doc:  "all or nothing: the first subflow by priority that has not failed carries everything (RFC 8684 section 3.3.8)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &priority{} },
}

var overflowSpec = Spec{
	Name: "overflow",
	Doc:  "the cheapest subflow is saturated before the next one is used (RFC 8684 section 3.3.8)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &priority{overflow: true} },
}

type priority struct {
	base
	overflow bool
}

// Pick appends at most one grant.
func (s *priority) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	for i := range q.Reinject {
		r := q.Reinject[i].Unacked(q.Una)
		if p := s.other(paths, &r); p != nil {
			n := int(p.Fits(int64(r.Len)))
			return append(out, Grant{Flow: p.Flow, DSN: r.DSN, Len: n, Kind: Reinject, Penalise: NoFlow, Why: FirstByPriority})
		}
	}
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	if s.overflow {
		backups := onBackups(paths)
		p := first(paths, backups, data, byPriority)
		if p == nil {
			s.idle(paths, backups)
			return out
		}
		return s.give(q, p, unlimited, whyBackup(backups, s.why(paths, p)), out)
	}
	p := primary(paths)
	switch {
	case p == nil:
		s.wait = NoSubflow
		return out
	case p.Ready(data) != Ready:
		s.wait = PrimaryFull
		return out
	}
	return s.give(q, p, unlimited, whyBackup(p.Backup, FirstByPriority), out)
}

// other returns the first ready subflow by priority that has not carried a range;
// nil: none.
func (s *priority) other(paths []Path, r *Range) (best *Path) {
	if r.Len == 0 {
		return nil
	}
	for i := range paths {
		p := &paths[i]
		if r.CarriedBy(p) || p.Ready(int64(r.Len)) != Ready {
			continue
		}
		if best == nil || byPriority(p, best) {
			best = p
		}
	}
	return best
}

// primary returns the first subflow by priority that has not failed; nil: none.
func primary(paths []Path) (best *Path) {
	for i := range paths {
		if p := &paths[i]; !p.Failed() && (best == nil || byPriority(p, best)) {
			best = p
		}
	}
	return best
}

// why says whether the data overflows: a subflow of higher priority lives.
func (s *priority) why(paths []Path, p *Path) Why {
	for i := range paths {
		if o := &paths[i]; o != p && !o.Failed() && byPriority(o, p) {
			return Overflows
		}
	}
	return FirstByPriority
}

// byPriority reports whether a comes before b.
func byPriority(a, b *Path) bool {
	if a.Backup != b.Backup {
		return b.Backup
	}
	if a.Cost != b.Cost {
		return a.Cost < b.Cost
	}
	return a.Flow < b.Flow
}
