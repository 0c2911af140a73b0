package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// Acknowledgements beside the queue. In simulators of congestion control (htsim,
// on which the data-centre papers of 2010 to 2012 rest) data meets queues, and
// acknowledgements return to the source at no cost. A link with AckDelay does so
// with TCP segments that have ACK set, no payload, and none of SYN, FIN and RST: they
// take no room in its queue and no time of its server, suffer none of its losses, and
// arrive AckDelay later. They travel on a link of their own between the same
// interfaces, infinitely fast, whose name is the link's with "/acks" behind it: taps,
// boxes and the run hash see them there, and Stats of the link do not count them.
// While the link is down it drops them like everything else; those that are under way
// when it fails still arrive.

// Beside is how long acknowledgements take that pass a link beside its queue.
type Beside struct {
	On    bool
	Delay sim.Duration // one-way
}

// addAckWay makes the link on which the acknowledgements of lk travel.
func (n *Network) addAckWay(lk *Link) {
	if !lk.cfg.Acks.On {
		return
	}
	way := n.addLink(lk.name+"/acks", lk.from.node, lk.to.node, LinkConfig{Mode: lk.cfg.Mode, Delay: lk.cfg.Acks.Delay})
	way.from, way.to = lk.from, lk.to
	lk.acks = way
	lk.hot().flags |= flagAcks
}

// besideQueue reports whether packet id goes beside the queue of a link that is up.
func (l *hotLink) besideQueue(s *segment) bool {
	return l.flags&(flagAcks|flagDown) == flagAcks && s.Len == 0 &&
		s.Flags&(wire.ACK|wire.SYN|wire.FIN|wire.RST) == wire.ACK
}
