package host

import (
	"math"
	"net/netip"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// PathFacts implements mptcp.PathView.
func (h *Host) PathFacts(local, remote netip.Addr) mptcp.PathFacts {
	if h.facts == nil {
		return mptcp.PathFacts{}
	}
	return h.facts(local, remote)
}

// Device implements mptcp.PathView: the queue and the rate of the link on which the
// node sends. A link without a fixed rate has none to tell.
func (h *Host) Device(_ sim.Time, socket uint32, t *wire.Tuple) (queue int64, rate sim.Rate) {
	out := mptcp.Segment{Tuple: t, Socket: socket}
	lk := h.node.OutLink(h.route(&out))
	if lk == nil {
		return 0, 0
	}
	if cfg := lk.Config(); cfg.Schedule == nil && cfg.Opportunities == nil {
		rate = cfg.Rate
	}
	return lk.QueueBytes(), rate
}

// MTU implements mptcp.PathView. A link without an MTU of its own tells none.
func (h *Host) MTU(local, remote netip.Addr) int {
	ifc := h.node.RouteTo(local, remote)
	if ifc == nil || ifc.Out() == nil || ifc.Out().Config().MTU >= math.MaxUint16 {
		return 0
	}
	return ifc.Out().Config().MTU
}
