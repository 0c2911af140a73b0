package sched

import (
	"slices"

	"mpsim/cc"
	"mpsim/sim"
)

// stms, slide together multipath scheduler (Shi, Cui, Wang, Hu, Dai, Wang, Cui, "STMS:
// Improving MPTCP Throughput Under Heterogeneous Networks", USENIX ATC 2018). The
// fastest subflow F sends from the head of the unsent data. A slower one S sends what F
// would reach one difference of one-way delays later, so that it arrives when it is
// its turn:
//
//	Gap = (RTT_S - RTT_F)/2 * CWND_F/RTT_F       bytes ahead of the head
//
// If less than Gap is unsent, S stays idle: F would be done first. What lies in between
// is left to F (Queue.Skipped).
//
// The gap is adapted to what is observed, with a correction for each subflow of a
// segment at a time: when the DATA_ACK stops at the first byte of a range sent ahead,
// the range is late, and the gap grows; when it jumps over the whole range at once, the
// range was early, and the gap shrinks. The correction is at most half of the formula's
// gap; what exceeds that is dropped, so that one observation to the contrary has its
// effect.
//
// The rule of adaptation is approximate; the paper's could not be compared. Data sent
// again is placed by minRTT.

var stmsSpec = Spec{
	Name: "stms",
	Doc:  "slow subflows send ahead by what the fastest one sends meanwhile (approximates STMS, ATC 2018)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &stms{} },
}

// stmsWatched bounds the ranges sent ahead that are observed at a time; further ones
// correct nothing.
const stmsWatched = 64

type stms struct {
	base
	una   uint64
	shift perFlow // bytes that the gap of a subflow is corrected by
	ahead []sentAhead
}

// sentAhead is a range that a slow subflow has sent ahead.
type sentAhead struct {
	from, to uint64
	flow     cc.FlowID
	mss      int64
}

// Pick appends at most one grant.
func (s *stms) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepareAhead(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	fast := fastest(paths, backups)
	p := first(paths, backups, data, lowerRTT)
	switch {
	case p == nil:
		s.idle(paths, backups)
		return out
	case p == fast || fast.SRTT == 0:
		out, _ = s.giveAt(q, p, 0, unlimited, whyBackup(backups, LowestRTT), out)
		return out
	}
	// The fastest is full: the others in the order of their delays.
	for ; p != nil; p = after(paths, backups, data, p) {
		gap := s.gap(fast, p)
		if data <= gap {
			s.wait = FasterCompletes
			continue
		}
		at := len(out)
		if out, _ = s.giveAt(q, p, gap, p.MSS, whyBackup(backups, AheadInOrder), out); len(out) > at {
			s.note(&out[at], gap, p.MSS)
			return out
		}
	}
	return out
}

// after returns the ready subflow of the class that comes behind p by round-trip
// time; nil: none.
func after(paths []Path, backups bool, want int64, p *Path) (next *Path) {
	for i := range paths {
		o := &paths[i]
		if o.Backup != backups || o.Ready(want) != Ready || o == p {
			continue
		}
		behind := o.SRTT > p.SRTT || o.SRTT == p.SRTT && o.Flow > p.Flow
		if behind && (next == nil || o.SRTT < next.SRTT) {
			next = o
		}
	}
	return next
}

// gap returns how many bytes ahead of the fastest subflow a slower one sends, in whole
// segments.
func (s *stms) gap(fast, slow *Path) int64 {
	d := int64((slow.SRTT - fast.SRTT) / 2 / sim.Microsecond)
	n := d * min(fast.Window, 1<<32) / max(int64(fast.SRTT/sim.Microsecond), 1)
	shift := s.shift.at(slow.Flow)
	*shift = min(max(*shift, -n/2), n/2)
	n += *shift
	return n - n%slow.MSS
}

// note remembers what was sent ahead.
func (s *stms) note(g *Grant, gap, mss int64) {
	end := g.DSN + uint64(g.Len)
	if n := len(s.ahead); n > 0 && s.ahead[n-1].to == g.DSN && s.ahead[n-1].flow == g.Flow {
		s.ahead[n-1].to = end
	} else if gap > 0 && n < stmsWatched {
		s.ahead = append(s.ahead, sentAhead{g.DSN, end, g.Flow, mss})
	}
}

// OnDataAck judges what was sent ahead by where the acknowledgement stops.
func (s *stms) OnDataAck(_ sim.Time, una uint64) {
	keep := s.ahead[:0]
	for _, r := range s.ahead {
		switch {
		case una < r.from:
			keep = append(keep, r)
		case una == r.from:
			*s.shift.at(r.flow) += r.mss // late
		case s.una < r.from && una >= r.to:
			*s.shift.at(r.flow) -= r.mss // early
		}
	}
	s.ahead, s.una = keep, una
}

// OnPath forgets the correction of a subflow and what it had sent ahead.
func (s *stms) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	*s.shift.at(f) = 0
	s.ahead = slices.DeleteFunc(s.ahead, func(r sentAhead) bool { return r.flow == f })
}
