// Command scheduler is mpsim with a scheduler of its own, "emptiest": the same as
// ../emptiest.star, in Go.
//
//	go run ./docs/examples/scheduler run docs/examples/two.toml --set defaults.scheduler=emptiest
package main

import (
	"os"

	"mpsim/cc"
	"mpsim/cmd/mpsim/cli"
	"mpsim/sched"
	"mpsim/sim"
)

func main() { cli.Main(os.Args, cli.With(spec)) }

var params = []cc.Param{{Name: "quantum", Doc: "segments of a grant", Default: 4, Min: 1, Max: 64, Whole: true}}

var spec = sched.Spec{
	Name:   "emptiest",
	Doc:    "the subflow whose window is used least, a few segments at a time",
	Params: params,
	New: func(p cc.Params, _ *sim.Rand) sched.Scheduler {
		return &emptiest{quantum: int64(p.Get(params, "quantum"))}
	},
}

type emptiest struct{ quantum int64 }

// Pick grants to one subflow; it is called again until it grants nothing.
func (s *emptiest) Pick(_ sim.Time, q *sched.Queue, paths []sched.Path, out []sched.Grant) []sched.Grant {
	for i := range q.Reinject {
		r := q.Reinject[i].Unacked(q.Una)
		if p := choose(paths, int64(r.Len)); p != nil {
			n := p.Fits(int64(r.Len))
			return append(out, sched.Grant{Flow: p.Flow, DSN: r.DSN, Len: int(n), Kind: sched.Reinject, Penalise: sched.NoFlow})
		}
	}
	p := choose(paths, int64(q.End-q.Next))
	if p == nil {
		return out
	}
	n := min(p.Fits(q.NewData(p.MSS)), s.quantum*p.MSS)
	if n <= 0 {
		return out
	}
	return append(out, sched.Grant{Flow: p.Flow, DSN: q.Next, Len: int(n), Kind: sched.New, Penalise: sched.NoFlow})
}

// choose returns the ready subflow whose window is used least, or nil. Backups
// serve when nothing else lives.
func choose(paths []sched.Path, want int64) (best *sched.Path) {
	others := false
	for i := range paths {
		others = others || !paths[i].Failed() && !paths[i].Backup
	}
	for i := range paths {
		p := &paths[i]
		if p.Backup && others || p.Ready(want) != sched.Ready {
			continue
		}
		if best == nil || used(p) < used(best) {
			best = p
		}
	}
	return best
}

func used(p *sched.Path) float64 { return float64(p.InFlight+p.Unsent) / float64(p.Window) }

// OnDataAck does nothing.
func (s *emptiest) OnDataAck(sim.Time, uint64) {}

// OnTimeout does nothing: the rows say which subflow has failed.
func (s *emptiest) OnTimeout(sim.Time, cc.FlowID) {}

// OnPath does nothing.
func (s *emptiest) OnPath(sim.Time, cc.FlowID, bool) {}
