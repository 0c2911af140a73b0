package aqm

import (
	"fmt"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Random early detection: S. Floyd, V. Jacobson, "Random Early Detection Gateways for
// Congestion Avoidance", IEEE/ACM ToN 1(4), 1993, section 4, with the gentle mode of
// Floyd (2000) and ECN as in RFC 3168 section 7. At each arrival
//
//	avg = (1-w) avg + w q                  the queue is not empty
//	avg = (1-w)^m avg                      it has been idle for m packets' time
//
//	avg < min         accept, count = -1
//	min <= avg < max  count++, pb = maxp (avg-min)/(max-min), pa = pb/(1-count pb):
//	                  with probability pa mark or drop, then count = 0
//	max <= avg        drop, count = 0; gentle: below 2 max as before with
//	                  pb = maxp + (1-maxp)(avg-max)/max
//
// q is the length that the queue's limit counts, before the arrival, in packets or
// octets as min is given. m is the idle time over the service time of mean_packet at
// the rate that the link has when the next packet comes; it need not be whole.
//
// DCTCP's switches are w = 1, min = max, hard_mark = 1 (Alizadeh et al., SIGCOMM 2010,
// section 3.1): the average is the instantaneous length, and what finds min or more in
// the queue is marked.
//
// Not modelled: probabilities by packet size (the byte mode of Floyd's note of 1997)
// and Linux's arithmetic of a table of powers and logarithms (include/net/red.h).

var redSpec = Spec{
	Name:   "red",
	Doc:    "random early detection (Floyd, Jacobson 1993)",
	Params: redParams,
	check:  checkRED,
	new:    func(v *Values, p *simnet.Port) simnet.Discipline { return newRED(v, p) },
}

var redParams = []Param{
	{Name: "min", Kind: Length, Default: 5, Packets: true, Min: 0, Max: 1 << 30, Doc: "average length from which packets are dropped or marked at random"},
	{Name: "max", Kind: Length, Default: 15, Packets: true, Min: 0, Max: 1 << 30, Doc: "average length from which all are dropped; default 3 min"},
	{Name: "maxp", Kind: Real, Default: 0.1, Min: 0, Max: 1, Doc: "probability at max"},
	{Name: "weight", Kind: Real, Default: 0.002, Min: 1e-9, Max: 1, Doc: "weight of the present length in the average"},
	flag("gentle", "1: the probability rises from maxp at max to 1 at 2 max", false),
	flag("ecn", "1: ECN-capable packets are marked below max instead of dropped (RFC 3168)", false),
	flag("hard_mark", "1: with ecn, they are marked above max, too (Linux without harddrop)", false),
	{Name: "mean_packet", Kind: Length, Default: 1000, Min: 40, Max: 65535, Doc: "octets of a typical packet, by which idle time is measured"},
}

func checkRED(v *Values) error {
	lo, hi := v.length("min"), redMax(v)
	switch {
	case lo.packets != hi.packets:
		return fmt.Errorf("min and max are both in packets or both in bytes")
	case lo.n > hi.n:
		return fmt.Errorf("min %g is above max %g", lo.n, hi.n)
	}
	return nil
}

// redMax is max, or three times min if only that is given (Floyd's rule of thumb).
func redMax(v *Values) length {
	if lo := v.length("min"); !v.wasGiven("max") {
		return length{3 * lo.n, lo.packets}
	}
	return v.length("max")
}

// redState is the average and the drop probability of RED.
type redState struct {
	min, max, maxp, weight float64
	gentle                 bool
	avg                    float64
	count                  int // packets since the last drop; -1: the average was below min
}

// verdict is what RED decides about a packet.
type verdict uint8

const (
	redAccept verdict = iota
	redRandom         // drop or mark by the draw
	redHard           // the average is above the thresholds
)

// decide is RED's decision for a packet at the present average; u is a random number
// in [0, 1).
func (r *redState) decide(u float64) verdict {
	if r.avg < r.min {
		r.count = -1
		return redAccept
	}
	pb := 0.0
	switch {
	case r.avg < r.max:
		pb = r.maxp * (r.avg - r.min) / (r.max - r.min)
	case r.gentle && r.avg < 2*r.max:
		pb = r.maxp + float64((1-r.maxp)*(r.avg-r.max)/r.max)
	default:
		r.count = 0
		return redHard
	}
	r.count++
	if u < spread(pb, r.count) {
		r.count = 0
		return redRandom
	}
	return redAccept
}

// spread makes the distances between drops uniform instead of geometric: the
// probability after count packets without one.
func spread(pb float64, count int) float64 {
	if left := 1 - float64(float64(count)*pb); left > pb {
		return pb / left
	}
	return 1
}

// sample moves the average at an arrival that finds the length q. Idle is for how
// many packets the server had nothing to do.
func (r *redState) sample(q, idle float64) {
	if idle > 0 {
		r.avg = r.decayed(idle)
		return
	}
	r.avg += float64(r.weight * (q - r.avg))
}

// decayed is the average after an idle time of m packets.
func (r *redState) decayed(m float64) float64 {
	if r.weight == 1 {
		return 0
	}
	return float64(r.avg * sim.Pow(1-r.weight, m))
}

// red is RED on the queue of a link.
type red struct {
	fifo
	redState
	unit       length
	rand       *sim.Rand
	ecn, hard  bool
	meanPacket int
}

func newRED(v *Values, p *simnet.Port) *red {
	lo, hi := v.length("min"), redMax(v)
	return &red{
		fifo: fifo{port: p},
		redState: redState{
			min: lo.n, max: hi.n, maxp: v.real("maxp"), weight: v.real("weight"), gentle: v.on("gentle"), count: -1,
		},
		unit: lo, rand: p.Stream(), ecn: v.on("ecn"), hard: v.on("hard_mark"), meanPacket: int(v.length("mean_packet").n),
	}
}

// Enqueue implements simnet.Discipline.
func (r *red) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	r.sample(r.unit.of(r.port.Length()), r.idle(now))
	u := 0.0
	if r.avg >= r.min { // a draw costs more than the rest
		u = r.rand.FloatAt(r.port.Index())
	}
	what := r.decide(u)
	switch {
	case what == redAccept || r.port.Full(r.port.Size(id)):
		return r.fifo.Enqueue(now, id)
	case r.ecn && (what == redRandom || r.hard) && r.port.Mark(id):
		return r.fifo.Enqueue(now, id)
	}
	return trace.EarlyDrop
}

// idle returns for how many typical packets the link has had nothing to do at an
// arrival: 0 if it is at work or stopped. An infinitely fast link has had time for
// any number.
func (r *red) idle(now sim.Time) float64 {
	since := r.port.IdleSince()
	if since >= now {
		return 0
	}
	return packetsIn(sim.Duration(now-since), r.port.ServiceTime(now, r.meanPacket))
}

// packetsIn returns how many packets of a service time go into a time.
func packetsIn(idle, each sim.Duration) float64 {
	if each == 0 {
		return 1e18
	}
	return float64(idle) / float64(each)
}
