package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// alternate-bytes cuts the stream into pieces of a few bytes and gives them to the
// subflows in turn, so that no path carries two neighbouring pieces. It is no
// scheduler to use but one to study: whoever watches a single path, or all of them
// without putting the data sequence together, sees no whole word (Pearce and
// Thomas, "Multipath TCP: breaking today's networks with tomorrow's protocols",
// Black Hat USA 2014).
//
//   - Pieces go strictly in turn over all subflows that have not failed, backups
//     only if no other lives; a full one is waited for.
//   - A piece that is longer than the window of its subflow goes a window at a time.
//   - Each piece is a mapping and a segment of its own: 1 byte of data costs a
//     header and a DSS option, and a segment of the congestion window, which counts
//     segments as Linux's does. Counted in bytes it would let out thousands of packets
//     in one round trip.
//
// Data sent again is placed by minRTT, whole ranges at a time; a subflow that fails
// can thus reveal what it would not have carried.

var alternateParams = []cc.Param{
	{Name: "bytes", Doc: "length of a piece", Default: 1, Min: 1, Max: 1 << 16, Whole: true},
}

var alternateSpec = Spec{
	Name:   "alternate-bytes",
	Doc:    "pieces of a few bytes in turn over all subflows, for the study of evasion",
	Params: alternateParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &alternate{bytes: int64(p.Get(alternateParams, "bytes")), last: NoFlow}
	},
}

type alternate struct {
	base
	bytes int64
	last  cc.FlowID // that got a piece last
	left  int64     // bytes of that piece that did not go into the window
}

// Pick appends at most one grant.
func (s *alternate) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, _ = s.prepare(q, paths, out)
	room := min(distance(q.Next, q.End), distance(q.Next, q.PeerEdge))
	if len(out) > 0 || room == 0 {
		return out
	}
	backups := onBackups(paths)
	p, piece := s.next(paths, backups)
	if p == nil {
		s.wait = NoSubflow
		return out
	}
	window := max(p.Window/p.MSS, 1) // in segments, from here on
	want := min(piece, room, window*p.MSS, max(p.Queued+p.SendBufFree, p.MSS))
	unsent := segments(p.Unsent, s.bytes) * segments(s.bytes, p.MSS)
	if p.InLoss || p.SendBufFree < want || window-segments(p.InFlight, p.MSS)-unsent < segments(want, p.MSS) {
		s.wait = TurnOfFull
		return out
	}
	s.last, s.left = p.Flow, piece-want
	return append(out, Grant{Flow: p.Flow, DSN: q.Next, Len: int(want), Kind: New, Penalise: NoFlow, Why: whyBackup(backups, InTurn)})
}

// Asks implements [Asker].
func (*alternate) Asks() Facts { return FactSlots }

// next returns whose turn it is, the subflow behind the last one in the round unless
// that has a part of its piece left, and how many bytes it gets; nil: none lives.
func (s *alternate) next(paths []Path, backups bool) (next *Path, piece int64) {
	var head *Path
	for i := range paths {
		p := &paths[i]
		if p.Backup != backups || p.Failed() {
			continue
		}
		if p.Flow == s.last && s.left > 0 {
			return p, s.left
		}
		if next == nil && p.Flow > s.last {
			next = p
		}
		if head == nil {
			head = p
		}
	}
	if next == nil {
		next = head
	}
	return next, s.bytes
}

// OnPath ends the piece of a subflow that comes or goes.
func (s *alternate) OnPath(_ sim.Time, f cc.FlowID, _ bool) {
	if f == s.last {
		s.left = 0
	}
}
