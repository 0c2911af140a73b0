package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// random (compared with lowest round-trip time first and round robin in
// [PAMS2014], RFC 8041 section 3.7): every quantum of segments goes to a subflow
// drawn from those that can take data now, all alike or in proportion to the
// weights of their paths. The connection's own random stream decides; nothing is
// drawn where there is no choice.
//
// Departure: backups are drawn only when all others have failed. Data sent again
// is placed by minRTT.

var randomParams = []cc.Param{
	{Name: "weighted", Doc: "1: draw in proportion to the weights of the paths", Max: 1, Whole: true},
	{Name: "segments", Doc: "segments for each draw", Default: 1, Min: 1, Max: 1 << 16, Whole: true},
}

var randomSpec = Spec{
	Name:   "random",
	Doc:    "a subflow drawn for each quantum of segments, uniformly or by the weights of the paths",
	Params: randomParams,
	New: func(p cc.Params, rnd *sim.Rand) Scheduler {
		return &random{
			rnd:      rnd,
			weighted: p.Get(randomParams, "weighted") == 1,
			segments: int64(p.Get(randomParams, "segments")),
		}
	},
}

type random struct {
	base
	rnd      *sim.Rand
	weighted bool
	segments int64
}

// Pick appends at most one grant.
func (s *random) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	p := s.draw(paths, backups, data)
	if p == nil {
		s.idle(paths, backups)
		return out
	}
	return s.give(q, p, s.segments*p.MSS, whyBackup(backups, Drawn), out)
}

// draw returns one of the ready subflows; nil: there is none.
func (s *random) draw(paths []Path, backups bool, data int64) (last *Path) {
	sum, ready := int64(0), 0
	for i := range paths {
		if p := &paths[i]; p.Backup == backups && p.Ready(data) == Ready {
			sum += s.chance(p)
			ready++
			last = p
		}
	}
	if ready < 2 {
		return last
	}
	x := int64(s.rnd.IntN(uint64(sum)))
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Ready(data) != Ready {
			continue
		}
		if x -= s.chance(p); x < 0 {
			return p
		}
	}
	return last
}

func (s *random) chance(p *Path) int64 {
	if s.weighted {
		return p.weight()
	}
	return 1
}
