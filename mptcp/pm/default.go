package pm

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

var defaultSpec = Spec{
	Name: "default",
	Doc:  "opens no subflows; accepts those of the peer",
	New:  func(cc.Params, *sim.Rand) mptcp.PathManager { return passive{} },
}

// passive is the path manager "default" of out-of-tree Linux: the host opens
// nothing of its own accord.
type passive struct{}

// OnEvent does nothing.
func (passive) OnEvent(sim.Time, mptcp.PathEvent, *mptcp.PathActions) {}
