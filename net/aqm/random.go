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
// octets; 1100 is htsim's constant, in octets too. htsim counts the packet in
// service, which is what links do by default.
//
// Not modelled: htsim's second parameter of a constant loss rate, which is `loss` of
// the link.

var randomSpec = Spec{
	Name: "random",
	Doc:  "htsim's random queue: drop-tail with a band below the limit in which packets are dropped at random, against phase effects",
	Params: []Param{{
		Name: "band", Kind: Length, Default: 4500, Min: 1, Max: 1 << 30,
		Doc: "octets below the limit in which packets are dropped with probability 1100/(limit-band)",
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
		return &randomQueue{fifo: fifo{port: p}, band: int(v.int("band")), rand: p.Stream()}
	},
}

type randomQueue struct {
	fifo
	band int
	rand *sim.Rand
}

// randomOctets is the constant of htsim's drop probability.
const randomOctets = 1100.0

// Enqueue implements simnet.Discipline. A limit that a timeline has made smaller than
// the band leaves no band.
func (r *randomQueue) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	_, bytes := r.port.Length()
	if free := r.port.Limit().Bytes - r.band; free > 0 && bytes+r.port.Size(id) > free && !r.port.Full(r.port.Size(id)) &&
		r.rand.FloatAt(r.port.Index()) < randomOctets/float64(free) {
		return trace.EarlyDrop
	}
	return r.fifo.Enqueue(now, id)
}
