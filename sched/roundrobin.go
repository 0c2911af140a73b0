package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// roundrobin, the "roundrobin" scheduler of the out-of-tree Linux stack
// (net/mptcp/mptcp_rr.c): each subflow in turn gets a quantum of segments.
//
//   - A subflow that has used a part of its quantum goes on; else the first that
//     has used nothing begins. When all that are considered have used theirs, all
//     begin anew.
//   - cwnd_limited = 1: only subflows with room are considered, so that a full one
//     loses its turn. cwnd_limited = 0: a full one is waited for. The shares are
//     then equal, and everything goes at the pace of the slowest.
//   - A grant uses its length in segments, rounded up, of the quantum.
//
// Departures: the kernel lets backups take part like any other; here they serve
// only when all others have failed. Data sent again is placed by minRTT.

var roundRobinParams = []cc.Param{
	{Name: "segments", Doc: "segments that a subflow gets in its turn (num_segments)", Default: 1, Min: 1, Max: 1 << 16, Whole: true},
	cwndLimitedParam,
}

// cwndLimitedParam is shared by the schedulers that take turns.
var cwndLimitedParam = cc.Param{
	Name: "cwnd_limited", Whole: true, Max: 1, Default: 1,
	Doc: "1: a subflow without room loses its turn; 0: it is waited for, so that shares are exact",
}

var roundRobinSpec = Spec{
	Name:   "roundrobin",
	Doc:    "subflows in turn, a quantum of segments each (roundrobin of out-of-tree Linux)",
	Params: roundRobinParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &roundRobin{
			segments: int64(p.Get(roundRobinParams, "segments")),
			strict:   p.Get(roundRobinParams, "cwnd_limited") == 0,
		}
	},
}

type roundRobin struct {
	base
	segments int64
	strict   bool
	used     perFlow // segments of the quantum
}

// Pick appends at most one grant.
func (s *roundRobin) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	p := s.next(paths, backups, data)
	switch {
	case p == nil:
		s.idle(paths, backups)
		return out
	case p.Ready(data) != Ready:
		s.wait = TurnOfFull
		return out
	}
	used := s.used.at(p.Flow)
	n := len(out)
	out = s.give(q, p, (s.segments-*used)*p.MSS, whyBackup(backups, InTurn), out)
	if len(out) > n {
		*used += segments(int64(out[n].Len), p.MSS)
	}
	return out
}

// next returns whose turn it is; nil: no subflow is considered.
func (s *roundRobin) next(paths []Path, backups bool, data int64) *Path {
	var fresh, any *Path
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || !s.considered(p, data) {
			continue
		}
		if any == nil {
			any = p
		}
		switch used := s.used.get(p.Flow); {
		case used > 0 && used < s.segments:
			return p
		case used == 0 && fresh == nil:
			fresh = p
		}
	}
	if fresh == nil && any != nil {
		s.used.clear()
		return any
	}
	return fresh
}

// considered reports whether a subflow takes part in the round.
func (s *roundRobin) considered(p *Path, data int64) bool {
	if s.strict {
		return !p.Failed() && !p.InLoss
	}
	return p.Ready(data) == Ready
}

// OnPath makes a subflow begin with its whole quantum.
func (s *roundRobin) OnPath(_ sim.Time, f cc.FlowID, _ bool) { *s.used.at(f) = 0 }

// segments returns how many segments, or other pieces of at most mss bytes, n bytes are.
func segments(n, mss int64) int64 { return (n + mss - 1) / mss }
