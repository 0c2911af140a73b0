// Command pathmanager is mpsim with a path manager of its own, "standby": the same
// as ../standby.star, in Go.
//
//	go run ./docs/examples/pathmanager run docs/examples/two.toml --set defaults.path_manager=standby
package main

import (
	"os"

	"mpsim/cc"
	"mpsim/cmd/mpsim/cli"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/sim"
)

func main() { cli.Main(os.Args, cli.With(spec)) }

var params = []cc.Param{{Name: "delay", Doc: "seconds from the handshake to the backups", Default: 0.5, Max: 60}}

var spec = pm.Spec{
	Name:   "standby",
	Doc:    "one subflow in use, and after a while a backup from every other address of the client",
	Params: params,
	New: func(p cc.Params, _ *sim.Rand) mptcp.PathManager {
		return &standby{delay: sim.Duration(p.Get(params, "delay") * float64(sim.Second))}
	},
}

type standby struct {
	delay sim.Duration
	ready bool // the delay is over
}

// OnEvent orders subflows; it never touches one.
func (m *standby) OnEvent(_ sim.Time, ev mptcp.PathEvent, act *mptcp.PathActions) {
	if !act.Client {
		return
	}
	switch ev.Kind {
	case mptcp.PathEstablished:
		act.After(m.delay, 0)
	case mptcp.PathTimer:
		m.ready = true
		openMissing(act)
	case mptcp.PathLocalUp:
		if m.ready {
			openMissing(act)
		}
	case mptcp.PathSubflowDown:
		promote(act)
	}
}

// openMissing opens a backup from every address that no subflow comes from.
func openMissing(act *mptcp.PathActions) {
	for _, l := range act.Local {
		used := false
		for i := range act.Subflows {
			used = used || act.Subflows[i].Local == l.Addr
		}
		if !used {
			act.Open(l.Addr, act.Remote[0].Addr, true)
		}
	}
}

// promote makes the first backup a regular subflow if there are only backups.
func promote(act *mptcp.PathActions) {
	first := -1
	for i := range act.Subflows {
		switch f := &act.Subflows[i]; {
		case !f.Usable:
		case !f.Backup:
			return
		case first < 0:
			first = i
		}
	}
	if first >= 0 {
		act.SetBackup(act.Subflows[first].Flow, false)
	}
}
