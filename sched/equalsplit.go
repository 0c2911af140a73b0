package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// equalsplit, after implementation 2 (FreeBSD) of the survey in
// draft-eardley-mptcp-implementations-survey-02, question 8.1: "a simple algorithm
// is used to divide the send buffer between subflows, so that traffic is spread
// across the subflows". Each of the n subflows may hold an n-th of the
// connection's send buffer, sent or not; of those with room in window and share the
// one that holds least gets a segment.
//
// Departure: the survey does not say more than this. Backups have a share only when
// all others have failed; failed ones keep what they hold and count for no share.
// Data sent again is placed by minRTT and needs no share.

var equalSplitSpec = Spec{
	Name: "equalsplit",
	Doc:  "each subflow may hold an equal share of the send buffer (implementation 2 of the 2013 survey)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &equalSplit{} },
}

type equalSplit struct{ base }

// Pick appends at most one grant.
func (s *equalSplit) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	n := int64(0)
	for i := range paths {
		if p := &paths[i]; p.Backup == backups && !p.Failed() {
			n++
		}
	}
	if n == 0 {
		s.wait = NoSubflow
		return out
	}
	share := q.SendBuffer / n
	var best *Path
	used := false
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Ready(data) != Ready {
			continue
		}
		// A share that is smaller than a segment still lets one out.
		if p.Queued > 0 && p.Queued+min(p.MSS, data) > share {
			used = true
			continue
		}
		if best == nil || p.Queued < best.Queued {
			best = p
		}
	}
	if best == nil {
		if s.idle(paths, backups); used {
			s.wait = ShareUsed
		}
		return out
	}
	return s.give(q, best, best.MSS, whyBackup(backups, HoldsLeast), out)
}
