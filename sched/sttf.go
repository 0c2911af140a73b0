package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// sttf, shortest transfer time first (Hurtig, Grinnemo, Brunstrom, Ferlin, Alay,
// Kuhn, "Low-Latency Scheduling in MPTCP", IEEE/ACM Transactions on Networking
// 2019). It predicts for the unsent data, segment by segment and in order, over which
// subflow each would arrive first, waiting for room included, and sends those that
// can leave now on their subflows.
//
// A segment arrives over subflow r
//
//	m RTT_r + RTT_r/2
//
// from now, where m = 0 for as many segments as r has room, m = 1 for the next window
// of segments, and so on; a window grows from round to round, by itself in slow start,
// else by a segment. So a slow subflow with room gets the data that the fast one would
// need as long for, and what lies before it is left to the fast one (Queue.Skipped).
//
// The description here is approximate: the paper's kernel code could not be compared.
// At most sttfRounds rounds are looked ahead; data that would be later waits. Data
// sent again is placed by minRTT.

var sttfSpec = Spec{
	Name: "sttf",
	Doc:  "each segment where it is predicted to arrive first (approximates STTF, ToN 2019)",
	New:  func(cc.Params, *sim.Rand) Scheduler { return &sttf{} },
}

// sttfRounds bounds the rounds of all subflows together that are predicted.
const sttfRounds = 256

type sttf struct {
	base
	plans []transferPlan // by row
}

// transferPlan is how far a prediction has used a subflow.
type transferPlan struct {
	at     sim.Duration // arrival of the segments of its current round
	left   int64        // bytes of that round
	window int64        // of the next one; 0: the subflow takes no part
	now    bool         // the round is what it has room for
}

// Asks implements [Asker].
func (*sttf) Asks() Facts { return FactSsthresh }

// Pick appends at most one grant.
func (s *sttf) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepareAhead(q, paths, out)
	if data == 0 {
		return out
	}
	backups := onBackups(paths)
	s.begin(paths, backups, data)
	s.idle(paths, backups)
	for off, rounds := int64(0), 0; off < data && rounds < sttfRounds; rounds++ {
		i := s.soonest(paths)
		if i < 0 {
			return out
		}
		p, t := &paths[i], &s.plans[i]
		if t.now {
			var ok bool
			if out, ok = s.giveAt(q, p, off, t.left, whyBackup(backups, ArrivesFirst), out); ok {
				return out
			}
			if s.wait == PeerWindowClosed {
				return out
			}
		} else {
			s.wait = FasterCompletes
		}
		off += t.left
		t.advance(p)
	}
	return out
}

// begin fills in the plans.
func (s *sttf) begin(paths []Path, backups bool, data int64) {
	for len(s.plans) < len(paths) {
		s.plans = append(s.plans, transferPlan{})
	}
	for i := range paths {
		p, t := &paths[i], &s.plans[i]
		*t = transferPlan{}
		if p.Backup != backups || p.Failed() {
			continue
		}
		*t = transferPlan{at: p.SRTT / 2, window: max(p.Window, p.MSS), now: true}
		if p.Ready(data) == Ready {
			t.left = p.Fits(data)
		} else {
			t.advance(p)
		}
	}
}

// advance moves on to the next round.
func (t *transferPlan) advance(p *Path) {
	t.at += p.SRTT
	t.left, t.now = max(t.window-t.window%p.MSS, p.MSS), false
	if t.window < p.Ssthresh {
		t.window = min(2*t.window, cc.MaxWindow)
	} else {
		t.window += p.MSS
	}
}

// soonest returns the row whose current round arrives first; -1: there is none.
func (s *sttf) soonest(paths []Path) int {
	best := -1
	for i := range paths {
		if t := &s.plans[i]; t.window > 0 && (best < 0 || t.at < s.plans[best].at) {
			best = i
		}
	}
	return best
}
