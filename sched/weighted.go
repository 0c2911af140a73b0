package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// weighted, weighted round robin by deficits (Shreedhar and Varghese, "Efficient
// fair queueing using deficit round robin", SIGCOMM 1995): in each round a subflow
// earns its weight times a quantum of segments, and sends while what it has earned
// lasts.
//
//   - The weight is that of the path in the scenario (key weight of a link), 1
//     where none is given. No more than two rounds' earnings add up.
//   - cwnd_limited = 1: a subflow without room is passed over, keeps what it has
//     earned, and earns nothing, so that shares follow the weights only as far as
//     windows let them. cwnd_limited = 0: it is waited for; shares are exact.
//
// Departure: a backup subflow serves only when all others have failed, whatever
// its weight. Data sent again is placed by minRTT and uses up nothing.

var weightedParams = []cc.Param{
	{Name: "quantum", Doc: "segments that a weight of 1 earns in a round", Default: 1, Min: 1, Max: 1 << 16, Whole: true},
	cwndLimitedParam,
}

var weightedSpec = Spec{
	Name:   "weighted",
	Doc:    "subflows in turn in proportion to the weights of their paths (deficit round robin)",
	Params: weightedParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &weighted{
			quantum: int64(p.Get(weightedParams, "quantum")),
			strict:  p.Get(weightedParams, "cwnd_limited") == 0,
			turn:    NoFlow,
		}
	},
}

type weighted struct {
	base
	quantum int64
	strict  bool
	turn    cc.FlowID // that sends until its deficit is used up
	deficit perFlow   // bytes
}

// Pick appends at most one grant.
func (s *weighted) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	at := s.current(paths, backups, data)
	if at < 0 {
		s.idle(paths, backups)
		return out
	}
	p := &paths[at]
	if s.turn != p.Flow || *s.deficit.at(p.Flow) < min(p.MSS, data) {
		if s.turn == p.Flow {
			at = s.after(paths, at, backups, data)
			p = &paths[at]
		}
		s.turn = p.Flow
		earned := s.quantum * p.weight() * p.MSS
		*s.deficit.at(p.Flow) = min(*s.deficit.at(p.Flow), earned) + earned
	}
	if p.Ready(data) != Ready {
		s.wait = TurnOfFull
		return out
	}
	left := s.deficit.at(p.Flow)
	n := len(out)
	out = s.give(q, p, max(*left-*left%p.MSS, min(p.MSS, data)), whyBackup(backups, InTurn), out)
	if len(out) > n {
		*left -= int64(out[n].Len)
	}
	return out
}

// current returns the index of the subflow whose turn it is, or of the next one
// behind it if it does not take part any more; -1: nobody does.
func (s *weighted) current(paths []Path, backups bool, data int64) int {
	for i := range paths {
		if paths[i].Flow >= s.turn && s.takesPart(&paths[i], backups, data) {
			return i
		}
	}
	for i := range paths {
		if s.takesPart(&paths[i], backups, data) {
			return i
		}
	}
	return -1
}

// after returns the index of the next subflow in the round behind index i, which
// may be i itself.
func (s *weighted) after(paths []Path, i int, backups bool, data int64) int {
	for k := 1; k <= len(paths); k++ {
		if j := (i + k) % len(paths); s.takesPart(&paths[j], backups, data) {
			return j
		}
	}
	return i
}

// takesPart reports whether a subflow has a turn in the round.
func (s *weighted) takesPart(p *Path, backups bool, data int64) bool {
	switch {
	case p.Backup != backups:
		return false
	case s.strict:
		return !p.Failed() && !p.InLoss
	}
	return p.Ready(data) == Ready
}

// OnPath makes a subflow begin without anything earned.
func (s *weighted) OnPath(_ sim.Time, f cc.FlowID, _ bool) { *s.deficit.at(f) = 0 }

// weight returns the weight of the path, 1 where none was given.
func (p *Path) weight() int64 { return int64(max(p.Weight, 1)) }
