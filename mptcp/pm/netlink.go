package pm

import (
	"math"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/sim"
)

// netlink is the way from the kernel to a path manager in user space (mptcpd, or
// the controllers of SMAPP, CoNEXT'15): each event is seen latency later, and the
// orders that follow are carried out at once. Latency stands for both ways
// together; the state that the path manager looks at is that of its own time.
// Timers belong to user space and are not delayed.
type netlink struct {
	latency sim.Duration
	queue   []mptcp.PathEvent // on their way
}

// netlinkTag is the tag of the timers that stand for arrivals.
const netlinkTag = math.MaxUint32

var netlinkParam = cc.Param{Name: "latency", Doc: "seconds from an event until orders can follow: netlink there and back", Default: 50e-6, Max: 1}

// arrive takes an event of the kernel, and reports whether ev is now one that user
// space sees.
func (n *netlink) arrive(ev *mptcp.PathEvent, act *mptcp.PathActions) bool {
	switch {
	case n.latency == 0:
		return true
	case ev.Kind != mptcp.PathTimer:
		n.queue = append(n.queue, *ev)
		act.After(n.latency, netlinkTag)
		return false
	case ev.Tag == netlinkTag:
		*ev = n.queue[0]
		n.queue = n.queue[:copy(n.queue, n.queue[1:])]
	}
	return true
}
