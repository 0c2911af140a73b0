package simnet

import (
	"fmt"

	"mpsim/sim/trace"
)

// RandomTail makes a drop-tail queue drop some packets before it is full: one that
// makes the queue longer than its limit less Band octets is dropped with
// probability P. It is the random queue of htsim (see package aqm, discipline
// random, of which this is the same without the events of a served link): the
// decision needs nothing but the length at the arrival, so that links in either
// mode can take it. The zero value is a plain drop-tail queue.
//
// Draws come from the stream "link/NAME/aqm" by the index of the packet on the
// link. The hot line of the link has the limit less the band, so that a packet that
// meets a shorter queue costs nothing more.
type RandomTail struct {
	Band int     // octets below the limit, which must be in octets; 0: no band
	P    float64 // in [0, 1]; 0: 1100/(limit-band), htsim's constant of 2010
}

// RandomTailOctets is the numerator of htsim's older drop probability
// (randomqueue.cpp): 1100 octets over the limit less the band.
const RandomTailOctets = 1100.0

// Probability returns the drop probability in the band of a queue with the given
// limit in octets; 0 if the limit leaves no band.
func (t RandomTail) Probability(limit int) float64 {
	switch free := limit - t.Band; {
	case t.Band <= 0 || free <= 0:
		return 0
	case t.P > 0:
		return t.P
	default:
		return min(RandomTailOctets/float64(free), 1)
	}
}

// Validate reports what is wrong with the band on a queue.
func (t RandomTail) Validate(q Queue) error {
	switch {
	case t.Band < 0 || !(t.P >= 0 && t.P <= 1):
		return fmt.Errorf("random band of %d octets with probability %v", t.Band, t.P)
	case t.Band > 0 && (q.Bytes == 0 || q.Packets != 0):
		return fmt.Errorf("a random band needs a queue limit in bytes")
	}
	return nil
}

// setTail puts the band into the hot line of a link whose limit is set.
func (lk *Link) setTail(l *hotLink) {
	l.flags &^= flagTail
	t := lk.cfg.Tail
	if t.Probability(lk.cfg.Queue.Bytes) == 0 {
		return
	}
	l.flags |= flagTail
	l.limitBytes = uint32(lk.cfg.Queue.Bytes - t.Band)
	if lk.tail == nil {
		lk.tail = lk.net.sim.Stream("link/" + lk.name + "/aqm")
	}
}

// inTail is what happens to a packet that finds the queue in its random band or
// full.
func (lk *Link) inTail(l *hotLink, size uint16) trace.Reason {
	_, bytes := l.counted(lk.net)
	held, limit := int(bytes)+int(size), lk.cfg.Queue.Bytes
	alone := l.flags&flagExclude != 0 && l.idle() // goes into service at once
	switch {
	case held > limit && !alone:
		return trace.QueueFull
	case held > limit-lk.cfg.Tail.Band && lk.tail.FloatAt(l.offered-1) < lk.cfg.Tail.Probability(limit):
		return trace.EarlyDrop
	}
	return trace.NoReason
}
