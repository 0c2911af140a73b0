package aqm

import (
	"fmt"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The random queue of htsim (randomqueue.cpp), by which the simulations of the MPTCP
// papers of 2009 to 2011 avoid that flows fall into step: a packet with which the
// queue would hold more than its limit less a band is dropped with a small constant
// probability,
//
//	p = 1100 / (limit - band)
//
// and one with which it would hold more than the limit is dropped. Lengths are in
// octets; 1100 is htsim's constant, in octets too; today's htsim has p = 0.1. htsim
// counts the packet in service, which is what links do by default.
//
// The decision needs only the length of the queue at an arrival. A fifo link
// therefore takes it itself (RandomTail of this package, simnet.RandomTail), with
// one event per packet-hop; the discipline is for served links, and the run is the
// same.
//
// Not modelled: htsim's second parameter of a constant loss rate, which is `loss` of
// the link.

var randomSpec = Spec{
	Name: "random",
	Doc:  "htsim's random queue: drop-tail with a band below the limit in which packets are dropped at random, against phase effects",
	Params: []Param{{
		Name: "band", Kind: Length, Default: 4500, Min: 1, Max: 1 << 30,
		Doc: "octets below the limit in which packets are dropped at random",
	}, {
		Name: "p", Kind: Real, Default: 0, Min: 0, Max: 1,
		Doc: "probability of a drop in the band (htsim today: 0.1); 0: 1100/(limit-band), as in the papers of 2010",
	}},
	fits: func(v *Values, on Place) error {
		limit := on.Limit
		switch band := v.int("band"); {
		case limit.Bytes == 0 || limit.Packets != 0:
			return fmt.Errorf("the limit of its queue must be in bytes")
		case int64(limit.Bytes) <= band:
			return fmt.Errorf("its band of %d bytes is not smaller than the queue of %d", band, limit.Bytes)
		}
		return nil
	},
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		return &randomQueue{fifo: fifo{port: p}, tail: v.randomTail(), rand: p.Stream()}
	},
}

// RandomTail returns the discipline random with the given settings as what a link
// can do without a discipline. It reports false for another discipline, or if they
// are wrong.
func RandomTail(name string, settings []Setting) (simnet.RandomTail, bool) {
	if name != randomSpec.Name {
		return simnet.RandomTail{}, false
	}
	v, err := randomSpec.Resolve(settings)
	if err != nil {
		return simnet.RandomTail{}, false
	}
	return v.randomTail(), true
}

func (v *Values) randomTail() simnet.RandomTail {
	return simnet.RandomTail{Band: int(v.int("band")), P: v.real("p")}
}

type randomQueue struct {
	fifo
	tail simnet.RandomTail
	rand *sim.Rand
}

// Enqueue implements simnet.Discipline. A limit that a timeline has made smaller than
// the band leaves no band.
func (r *randomQueue) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	_, bytes := r.port.Length()
	size, limit := r.port.Size(id), r.port.Limit().Bytes
	if p := r.tail.Probability(limit); p > 0 && bytes+size > limit-r.tail.Band && !r.port.Full(size) &&
		r.rand.FloatAt(r.port.Index()) < p {
		return trace.EarlyDrop
	}
	return r.fifo.Enqueue(now, id)
}
