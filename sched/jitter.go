package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// jitter prefers paths with a stable delay (RFC 8684 section 3.3.8: "properties
// such as the delay or jitter of links, where stability (of delay or bandwidth) is
// more important than throughput"). Of the subflows whose round-trip time varies by
// no more than margin above the least of all that live, the one with the smallest
// round-trip time and room takes the data. More variable ones are left out, full or
// not the others.
//
// The variation is RTTVAR of RFC 6298. A subflow without a sample counts as steady:
// it is about to be measured.
//
// Departure: the standard names the policy and gives no rule; this one is mpsim's.
// Data sent again is placed by minRTT.

var jitterParams = []cc.Param{
	{Name: "margin", Doc: "by how much RTTVAR may exceed the least one, in milliseconds", Default: 5, Max: 1e6},
}

var jitterSpec = Spec{
	Name:   "jitter",
	Doc:    "lowest round-trip time first among paths of stable delay; variable ones are left out (RFC 8684 section 3.3.8)",
	Params: jitterParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &steady{margin: sim.Duration(p.Get(jitterParams, "margin") * float64(sim.Millisecond))}
	},
}

type steady struct {
	base
	margin sim.Duration
}

// Pick appends at most one grant.
func (s *steady) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	least := sim.Duration(-1)
	for i := range paths {
		if p := &paths[i]; p.Backup == backups && !p.Failed() && (least < 0 || p.RTTVar < least) {
			least = p.RTTVar
		}
	}
	var best *Path
	left := false
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Ready(data) != Ready {
			continue
		}
		if p.RTTVar > least+s.margin {
			left = true
			continue
		}
		if best == nil || p.SRTT < best.SRTT {
			best = p
		}
	}
	if best == nil {
		if s.idle(paths, backups); left {
			s.wait = OnlyVariable
		}
		return out
	}
	return s.give(q, best, unlimited, whyBackup(backups, SteadyDelay), out)
}
