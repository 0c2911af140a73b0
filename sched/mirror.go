package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// mirror answers on the subflow on which the peer currently sends, as proxies do
// (draft-eardley-mptcp-implementations-survey-02, question 8.1, implementation 4:
// "we give preference to the path that client is currently using to send data/ack
// and also has policy based on primary/backup setup. We accept data from multiple
// subflows simultaneously but don't send it simultaneously out").
//
//   - The subflow is the one that brought the peer's newest data (acks = 0), or the
//     one that brought any segment last (acks = 1). Acknowledgements come on the
//     subflow that we use ourselves, so that with acks = 1 it changes only while
//     nothing of ours is in flight, or by the peer's data.
//   - If that one has failed, or the peer has sent nothing yet: the first by
//     priority that has not failed (see backup). A backup is followed only if no
//     other subflow lives.
//   - If the subflow is full, we wait: only one is used at a time.
//
// Data sent again is placed by minRTT.

var mirrorParams = []cc.Param{
	{Name: "acks", Doc: "1: acknowledgements of the peer count like its data", Max: 1, Whole: true},
}

var mirrorSpec = Spec{
	Name:   "mirror",
	Doc:    "follows the subflow on which the peer sends (implementation 4 of the 2013 survey, for proxies)",
	Params: mirrorParams,
	New: func(p cc.Params, _ *sim.Rand) Scheduler {
		return &mirror{acks: p.Get(mirrorParams, "acks") == 1}
	},
}

type mirror struct {
	base
	acks bool
}

// Asks implements [Asker].
func (*mirror) Asks() Facts { return FactPeerFlow }

// Pick appends at most one grant.
func (s *mirror) Pick(_ sim.Time, q *Queue, paths []Path, out []Grant) []Grant {
	out, data := s.prepare(q, paths, out)
	if data == 0 {
		return out
	}
	p, why := s.followed(q, paths), PeerSendsHere
	if p == nil || p.Failed() || p.Backup && !onBackups(paths) {
		p, why = primary(paths), FirstByPriority
	}
	switch {
	case p == nil:
		s.wait = NoSubflow
		return out
	case p.Ready(data) != Ready:
		s.wait = PrimaryFull
		return out
	}
	return s.give(q, p, unlimited, why, out)
}

// followed returns the subflow on which the peer sent last; nil: none.
func (s *mirror) followed(q *Queue, paths []Path) (last *Path) {
	for i := range paths {
		p := &paths[i]
		switch {
		case !s.acks && p.Flow == q.PeerFlow:
			return p
		case s.acks && (last == nil || p.LastRecv > last.LastRecv):
			last = p
		}
	}
	return last
}
