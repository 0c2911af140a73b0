package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// cost uses a dearer path only for what cheaper ones cannot deliver in time. A
// subflow may take new data if no cheaper one lives, or if the data that waits
// (never granted, or granted to cheaper subflows and not sent) would take the
// cheaper ones longer than patience at the rates of their windows:
//
//	waiting / sum over cheaper subflows of Window/SRTT  >  patience
//
// Of the subflows that may, the cheapest with room takes the data. Costs are those
// of the scenario (key cost of a link), in any unit; backups count as dearer than
// all others.
//
// The rule is that of deadline-aware use of a metered path (Han et al., "MP-DASH:
// Adaptive Video Streaming over Preference-Aware Multipath", CoNEXT 2016), with the
// time until the data has left in place of an application's deadline; RFC 8684
// section 3.3.8 asks for such policies without giving one.

var costParams = []cc.Param{
	{Name: "patience", Doc: "how long data may wait for cheaper paths, in milliseconds", Default: 100, Max: 1e6, Whole: true},
}

var costSpec = Spec{
	Name:   "cost",
	Doc:    "a dearer path only for data that would wait too long for the cheaper ones",
	Params: costParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &costAware{patience: sim.Duration(p.Get(costParams, "patience")) * sim.Millisecond}
	},
}

type costAware struct {
	base
	patience sim.Duration
}

// Pick appends at most one grant.
func (s *costAware) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	p := first(paths, backups, data, byPriority)
	if p == nil {
		s.idle(paths, backups)
		return out
	}
	why := Cheapest
	if wait, cheaper := s.waitingTime(q, paths, p); cheaper {
		if wait <= s.patience {
			s.wait = CheaperInTime
			return out
		}
		why = CheaperTooSlow
	}
	return s.give(q, p, unlimited, whyBackup(backups, why), out)
}

// waitingTime returns how long the data that waits would take the subflows that are
// cheaper than p, and whether there are any.
func (s *costAware) waitingTime(q *Queue, paths []Path, p *Path) (d sim.Duration, cheaper bool) {
	waiting, rate := distance(q.Next, q.End), int64(0) // bytes, bytes/s
	for i := range paths {
		o := &paths[i]
		if o.Backup != p.Backup || o.Failed() || o.Cost >= p.Cost {
			continue
		}
		cheaper = true
		waiting += o.Unsent
		if o.SRTT == 0 {
			return 0, true // it is about to show what it can do
		}
		rate += o.Window * int64(sim.Second/sim.Microsecond) / max(int64(o.SRTT/sim.Microsecond), 1)
	}
	if rate == 0 {
		return s.patience + 1, cheaper // they have no window
	}
	us := min(waiting, maxWaiting) * int64(sim.Second/sim.Microsecond) / rate
	return sim.Duration(min(us, 1<<50)) * sim.Microsecond, cheaper
}

// maxWaiting is more than any send buffer, in bytes, and does not overflow.
const maxWaiting int64 = 1 << 40
