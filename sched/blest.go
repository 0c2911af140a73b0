package sched

import (
	"math/bits"

	"mpsim/cc"
	"mpsim/sim"
)

// blest, blocking estimation (Ferlin, Alay, Mehani, Boreli, "BLEST: Blocking
// estimation-based MPTCP scheduler for heterogeneous networks", IFIP Networking
// 2016). When the fastest subflow F is full and minRTT would take a slower one S, it
// asks whether the segment would block F: while it is on its way over S, F could
// send X bytes, and if those do not fit into the send window beside what S holds,
// the segment waits for F.
//
//	wait if  lambda * X > |M| - MSS_S (inflight_S + 1)
//
// |M| is the connection's send window. There are two modes.
//
// ref, the paper:
//
//	rtts = RTT_S/RTT_F,   X = MSS_F (CWND_F + (rtts-1)/2) rtts,   lambda = 1 at first
//
// linux-oot (net/mptcp/mptcp_blest.c), in integers: the time that S takes is
// interpolated between its smallest and its largest round-trip time by how full it
// is; it is n = time / mean(smallest, largest RTT_F) + 1 round trips of F, which
// sends
//
//	c (2^min(n,16) - 1)     segments in the first slow start
//	(c + (n-1)/2) n         later, c = max(CWND_F, ssthresh_F + 1)
//
// and lambda is 1.2 at first.
//
// In both lambda changes once in the smallest round trip of S: by +0.04 if the window
// has kept F waiting for a segment on a slower subflow since, else by -0.01, between
// 1 and 1.3. The paper leaves its step open; these are the kernel's.
//
// Departure: the kernel learns that F waited from its opportunistic retransmission,
// here the scheduler sees it itself, whatever the switches. Data sent again is placed
// by minRTT.

var blestParams = []cc.Param{
	{Name: "mode", Doc: "0: ref, the paper's formula; 1: linux-oot, the out-of-tree kernel's integers", Max: 1, Whole: true},
	{Name: "lambda", Doc: "lambda at the start; 0: 1 in ref, 1.2 in linux-oot", Max: 1.3},
}

var blestSpec = Spec{
	Name:   "blest",
	Doc:    "a slower subflow only if that does not block the faster one (BLEST, Networking 2016)",
	Params: blestParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		s := &blest{kernel: p.Get(blestParams, "mode") == 1, lambda: 1000}
		if s.kernel {
			s.lambda = 1200
		}
		if l := p.Get(blestParams, "lambda"); l > 0 {
			s.lambda = int64(float64(l * 1000))
		}
		return s
	},
}

// Lambda is in thousandths.
const (
	blestMin  = 1000
	blestMax  = 1300
	blestUp   = 40
	blestDown = 10
)

type blest struct {
	base
	kernel  bool
	lambda  int64
	blocked bool // since the last change of lambda
	changed sim.Time
	low     perFlow // smallest and
	high    perFlow // largest smoothed round-trip time in ns
}

// Asks implements [Asker].
func (s *blest) Asks() Facts {
	if s.kernel {
		return FactSsthresh | FactEveryCarrier
	}
	return 0
}

// Pick appends at most one grant.
func (s *blest) Pick(now sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	s.measure(paths)
	backups := onBackups(paths)
	fast := fastest(paths, backups)
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		s.watch(q, fast)
		return out
	}
	p := first(paths, backups, data, lowerRTT)
	switch {
	case p == nil:
		s.idle(paths, backups)
		return out
	case p == fast || p.SRTT == 0 || fast.SRTT == 0:
		return s.give(q, p, unlimited, whyBackup(backups, LowestRTT), out)
	}
	s.adapt(now, p)
	free := distance(q.Una, q.PeerEdge) - p.InFlight - p.Unsent - min(p.MSS, data)
	if s.during(fast, p)*s.lambda/1000 > max(free, 0) {
		s.wait = WouldBlock
		return out
	}
	return s.give(q, p, p.MSS, whyBackup(backups, SlowInTime), out)
}

// during returns how many bytes fast sends while a segment is on its way over slow.
// Windows count up to 1 GiB, and some thousand round trips of fast: no send window holds
// more, and the products below stay in 64 bits.
func (s *blest) during(fast, slow *Path) int64 {
	const largest = 1 << 30
	mss, window := fast.MSS, min(fast.Window, largest)
	if !s.kernel {
		rtts := min(int64(slow.SRTT)*1000/int64(fast.SRTT), 1e6) // thousandths
		return (2000*window + mss*(rtts-1000)) * rtts / 2e6
	}
	mean := (*s.low.at(fast.Flow) + *s.high.at(fast.Flow)) / 2
	n := int64(s.linger(slow))/max(mean, 1) + 1
	c := window / mss
	if fast.Ssthresh >= cc.MaxWindow {
		return c * (1<<min(n, 16) - 1) * mss
	}
	c = max(c, min(fast.Ssthresh, largest)/mss+1)
	n = min(n, 1e4)
	return (c + (n-1)/2) * n * mss
}

// linger is how long a segment takes on a subflow: the fuller it is, the nearer to its
// largest round-trip time.
func (s *blest) linger(p *Path) sim.Duration {
	low, high := *s.low.at(p.Flow), *s.high.at(p.Flow)
	inFlight, window := (p.InFlight+p.Unsent)/p.MSS+1, max(p.Window/p.MSS, 1)
	d := high
	if inFlight < window {
		hi, lo := bits.Mul64(uint64(high-low), uint64(inFlight))
		part, _ := bits.Div64(hi, lo, uint64(window))
		d = low + int64(part)
	}
	return max(sim.Duration(d), p.SRTT)
}

// measure keeps the extremes of the round-trip times.
func (s *blest) measure(paths []Path) {
	for i := range paths {
		p := &paths[i]
		if p.SRTT == 0 {
			continue
		}
		low, high := s.low.at(p.Flow), s.high.at(p.Flow)
		if *low == 0 || int64(p.SRTT) < *low {
			*low = int64(p.SRTT)
		}
		*high = max(*high, int64(p.SRTT))
	}
}

// watch notes that the window keeps the fast subflow waiting for data on another one.
func (s *blest) watch(q *Queue, fast *Path) {
	if fast == nil || q.Next == q.End || len(q.InFlight) == 0 || q.NewData(1) > 0 {
		return
	}
	if fast.Ready(distance(q.Next, q.End)) == Ready && !q.InFlight[0].CarriedBy(fast) {
		s.blocked = true
	}
}

// adapt changes lambda once in a round trip of the slow subflow.
func (s *blest) adapt(now sim.Time, slow *Path) {
	if now.Sub(s.changed) < sim.Duration(*s.low.at(slow.Flow)) {
		return
	}
	s.changed = now
	if s.blocked {
		s.lambda += blestUp
	} else {
		s.lambda -= blestDown
	}
	s.lambda = min(max(s.lambda, blestMin), blestMax)
	s.blocked = false
}

// OnPath forgets what was measured on a subflow.
func (s *blest) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	*s.low.at(f), *s.high.at(f) = 0, 0
}

// fastest returns the subflow of the class with the smallest round-trip time that has
// not failed, with room or not; nil: none.
func fastest(paths []Path, backups bool) (best *Path) {
	for i := range paths {
		if p := &paths[i]; p.Backup == backups && !p.Failed() && (best == nil || p.SRTT < best.SRTT) {
			best = p
		}
	}
	return best
}

func lowerRTT(a, b *Path) bool { return a.SRTT < b.SRTT }
