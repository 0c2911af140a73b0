package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// daps, delay-aware packet scheduling (Kuhn, Lochin, Mifdaoui, Sarwar, Mehani, Boreli,
// "DAPS: Intelligent Delay-Aware Packet Scheduling For Multipath Transport", ICC 2014;
// the out-of-tree kernel module of Ferlin, daps_in_ss). It lays down a schedule of
// arrivals: with forward delays d_r = SRTT_r/2 over a horizon of their least common
// multiple E,
//
//	for t = 1 to E: for each subflow r by increasing delay:
//	    if d_r divides t: the next CWND_r segments belong to r
//
// Data belongs to subflows in this order, so that what the slow ones send now lies
// behind what the fast ones send until it arrives (Queue.Skipped). When the schedule
// is used up, the next one is laid down, with windows smoothed by 7/8. Until then it
// does not react to what changes, but to a timeout and to subflows that come and go,
// fail or become backups: then it is thrown away.
//
//   - d_r is in milliseconds, rounded down to a multiple of 4 where it is larger (the
//     kernel's clock tick), and at least 1.
//   - A schedule has at most dapsRuns entries; a horizon that needs more is cut off
//     there. Slow subflows whose delay lies beyond then carry nothing.
//   - A subflow that is full is waited for.
//
// Data sent again is placed by minRTT.

var dapsSpec = Spec{
	Name: "daps",
	Doc:  "a schedule of segments in the order of their arrival (DAPS, ICC 2014)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &daps{} },
}

// dapsRuns bounds a schedule.
const dapsRuns = 1024

type daps struct {
	base
	runs    []dapsRun // what is left of the schedule
	head    int
	backups bool    // the class for which it was made
	window  perFlow // smoothed, in bytes
	order   []int   // scratch: rows by delay
}

// dapsRun is a number of bytes that belong to one subflow.
type dapsRun struct {
	flow cc.FlowID
	left int64
}

// Pick appends at most one grant.
func (s *daps) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepareAhead(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	if s.head == len(s.runs) || backups != s.backups || !serves(paths, s.runs[s.head].flow, backups) {
		s.plan(paths, backups)
	}
	s.idle(paths, backups)
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Ready(data) != Ready {
			continue
		}
		if out, ok := s.take(q, p, data, backups, out); ok {
			return out
		}
	}
	return out
}

// serves reports whether a subflow can carry new data of the class sooner or later.
func serves(paths []Path, f cc.FlowID, backups bool) bool {
	for i := range paths {
		if p := &paths[i]; p.Flow == f {
			return p.Backup == backups && !p.Failed()
		}
	}
	return false
}

// take grants p the first of what belongs to it.
func (s *daps) take(q *Queue, p *Path, data int64, backups bool, out []Grant) ([]Grant, bool) {
	s.wait = NotPlanned
	off := int64(0)
	for k := s.head; k < len(s.runs) && off < data; k++ {
		r := &s.runs[k]
		if r.flow != p.Flow || r.left == 0 {
			off += r.left
			continue
		}
		at := len(out)
		out, ok := s.giveAt(q, p, off, r.left, whyBackup(backups, Planned), out)
		if ok {
			r.left = max(r.left-(int64(out[at].Len)+p.MSS-1)/p.MSS*p.MSS, 0)
			for s.head < len(s.runs) && s.runs[s.head].left == 0 {
				s.head++
			}
		}
		return out, ok
	}
	return out, false
}

// plan lays down a schedule.
func (s *daps) plan(paths []Path, backups bool) {
	s.runs, s.head, s.backups, s.order = s.runs[:0], 0, backups, s.order[:0]
	horizon := int64(1)
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Failed() {
			continue
		}
		k := len(s.order)
		s.order = append(s.order, i)
		for ; k > 0 && paths[s.order[k-1]].SRTT > p.SRTT; k-- {
			s.order[k], s.order[k-1] = s.order[k-1], s.order[k]
		}
		w := s.window.at(p.Flow)
		if *w == 0 {
			*w = p.Window
		}
		*w = (7**w + p.Window) / 8
		d := dapsDelay(p.SRTT)
		horizon = min(horizon/gcd(horizon, d)*d, 1<<40)
	}
	for t := int64(0); t < horizon && len(s.runs) < dapsRuns; {
		next := horizon
		for _, i := range s.order {
			d := dapsDelay(paths[i].SRTT)
			next = min(next, (t/d+1)*d)
		}
		t = next
		for _, i := range s.order {
			if p := &paths[i]; t%dapsDelay(p.SRTT) == 0 && len(s.runs) < dapsRuns {
				w := *s.window.at(p.Flow)
				s.runs = append(s.runs, dapsRun{p.Flow, max(w-w%p.MSS, p.MSS)})
			}
		}
	}
}

// dapsDelay is the forward delay in milliseconds.
func dapsDelay(srtt sim.Duration) int64 {
	d := int64(srtt / 2 / sim.Millisecond)
	if d > 4 {
		d -= d % 4
	}
	return max(d, 1)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// OnTimeout throws the schedule away.
func (s *daps) OnTimeout(sim.Time, cc.FlowID) { s.runs, s.head = s.runs[:0], 0 }

// OnPath throws the schedule away, and what was known of the subflow's window.
func (s *daps) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	s.runs, s.head = s.runs[:0], 0
	*s.window.at(f) = 0
}
