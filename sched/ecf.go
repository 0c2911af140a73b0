package sched

import (
	"math/bits"

	"mpsim/cc"
	"mpsim/sim"
)

// ecf, earliest completion first (Lim, Nahum, Towsley, Gibbens, "ECF: An MPTCP Path
// Scheduler to Manage Heterogeneous Paths", CoNEXT 2017). When the fastest subflow F
// is full and minRTT would take a slower one S, it asks whether the k bytes that wait
// would be complete earlier if all of them waited for F:
//
//	n = 1 + k/CWND_F
//	n RTT_F < (1 + waiting beta)(RTT_S + delta)      and
//	(k/CWND_S) RTT_S >= 2 RTT_F + delta
//
// then it waits, and waiting is 1 from then on. If the first does not hold, it takes S
// and waiting is 0; if only the second does not, it takes S and waiting stays: the
// hysteresis beta keeps the choice from flipping. Delta is the larger of the
// variations of the two round-trip times.
//
// The modes differ in delta and k. ref: RTTVAR of RFC 6298, and the bytes themselves.
// linux-oot (net/mptcp/mptcp_ecf.c): the variation is half of the kernel's
// rttvar_us, about 4 RTTVAR and never below the minimum RTO of 200 ms, so that delta
// is at least 100 ms and dominates on short paths; and k counts as no less than a
// window of the subflow.
//
// Data sent again is placed by minRTT.

var ecfParams = []cc.Param{
	{Name: "mode", Doc: "0: ref, the paper's rule; 1: linux-oot, the out-of-tree kernel's", Max: 1, Whole: true},
	{Name: "beta", Doc: "hysteresis in favour of going on to wait", Default: 0.25, Max: 10},
}

var ecfSpec = Spec{
	Name:   "ecf",
	Doc:    "a slower subflow only if the data is complete earlier by it (ECF, CoNEXT 2017)",
	Params: ecfParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &ecf{
			kernel: p.Get(ecfParams, "mode") == 1,
			beta:   uint64(float64(p.Get(ecfParams, "beta") * 1000)),
		}
	},
}

type ecf struct {
	base
	kernel  bool
	beta    uint64 // thousandths
	waiting bool
}

// Pick appends at most one grant.
func (s *ecf) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	p := first(paths, backups, data, lowerRTT)
	if p == nil {
		s.idle(paths, backups)
		return out
	}
	fast := fastest(paths, backups)
	if p == fast || p.SRTT == 0 || fast.SRTT == 0 {
		return s.give(q, p, unlimited, whyBackup(backups, LowestRTT), out)
	}
	if s.worthWaiting(uint64(distance(q.Next, q.End)), fast, p) {
		s.wait = FasterCompletes
		return out
	}
	return s.give(q, p, p.MSS, whyBackup(backups, SlowInTime), out)
}

// worthWaiting is the rule, for k bytes that wait.
func (s *ecf) worthWaiting(k uint64, fast, slow *Path) bool {
	factor := uint64(1000)
	if s.waiting {
		factor += s.beta
	}
	kf, ks := k, k
	if s.kernel {
		kf, ks = max(k, uint64(fast.Window)), max(k, uint64(slow.Window))
	}
	delta := max(s.variation(fast), s.variation(slow))
	wf, ws := uint64(fast.Window), uint64(slow.Window)
	rf, rs := micros(fast.SRTT), micros(slow.SRTT)
	if !lessProduct(wf+kf, 1000*rf, wf, factor*(rs+micros(delta))) {
		s.waiting = false
		return false
	}
	if lessProduct(ks, rs, ws, 2*rf+micros(delta)) {
		return false
	}
	s.waiting = true
	return true
}

// variation is that of a round-trip time.
func (s *ecf) variation(p *Path) sim.Duration {
	if s.kernel {
		return max(4*p.RTTVar, 200*sim.Millisecond) / 2
	}
	return p.RTTVar
}

func micros(d sim.Duration) uint64 { return uint64(d / sim.Microsecond) }

// lessProduct reports whether a*b < c*d, without overflow.
func lessProduct(a, b, c, d uint64) bool {
	h1, l1 := bits.Mul64(a, b)
	h2, l2 := bits.Mul64(c, d)
	return h1 < h2 || h1 == h2 && l1 < l2
}
