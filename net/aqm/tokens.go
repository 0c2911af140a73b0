package aqm

import (
	"fmt"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Token buckets. A bucket of depth b octets fills at rate r; a packet of n octets needs n
// tokens. The shaper (tbf; Linux's sch_tbf.c) lets packets wait for them in a
// first-in-first-out queue, and with peak a second bucket, of depth peak_burst, bounds the
// rate at which a burst leaves. The policer (Linux's act_police with conform-exceed
// pass/drop) drops what comes without tokens before the queue. Tokens are whole multiples
// of 10^-9 bit, of which a rate of r bit/s brings r in a nanosecond: nothing is rounded
// but the time of the next packet, up to the nanosecond at which its tokens are there.
//
// Octets are those of IP. Buckets are full at the start. A bucket smaller than the packets
// that are expected is an error; a packet that is larger all the same would wait for ever
// and is dropped, by the shaper as too big.
//
// Not modelled: rates with link-layer overhead (mpu, linklayer), policers with two rates
// or that mark.

var tbfSpec = Spec{
	Name: "tbf",
	Doc:  "token-bucket shaper: first in, first out, no faster than a rate but for bursts",
	Params: append(bucketParams(),
		Param{Name: "peak", Kind: Speed, Default: 0, Min: 0, Max: 1e12, Doc: "rate at which bursts leave; 0: that of the link"},
		Param{Name: "peak_burst", Kind: Length, Default: 1500, Min: 40, Max: 1 << 30, Doc: "depth of the bucket of the peak rate"},
	),
	check: func(v *Values) error {
		if p := v.int("peak"); p != 0 && p <= v.int("rate") {
			return fmt.Errorf("the peak rate %d bit/s is not above the rate %d bit/s", p, v.int("rate"))
		}
		return nil
	},
	fits: func(v *Values, on Place) error {
		if err := fitsBucket(v, on); err != nil {
			return err
		}
		if peak := v.int("peak_burst"); v.int("peak") != 0 && peak < int64(on.MTU) {
			return fmt.Errorf("a packet of %d bytes never passes a peak_burst of %d", on.MTU, peak)
		}
		return nil
	},
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		t := &shaper{fifo: fifo{port: p}, bucket: newBucket(v.int("rate"), v.int("burst"))}
		if v.int("peak") != 0 {
			t.peak, t.peaked = newBucket(v.int("peak"), v.int("peak_burst")), true
		}
		return t
	},
}

var policerSpec = Spec{
	Name:   "policer",
	Doc:    "token-bucket policer: drops what exceeds a rate but for bursts, before a drop-tail queue",
	Params: bucketParams(),
	fits:   fitsBucket,
	new: func(v *Values, p *simnet.Port) simnet.Discipline {
		return &policer{fifo: fifo{port: p}, bucket: newBucket(v.int("rate"), v.int("burst"))}
	},
}

func bucketParams() []Param {
	return []Param{
		{Name: "rate", Kind: Speed, Default: 1e6, Min: 1, Max: 1e12, Doc: "at which tokens come"},
		{Name: "burst", Kind: Length, Default: 15000, Min: 40, Max: 1 << 30, Doc: "depth of the bucket: what may pass at once; at least the largest packet"},
	}
}

// fitsBucket checks that the largest packets pass.
func fitsBucket(v *Values, on Place) error {
	if burst := v.int("burst"); burst < int64(on.MTU) {
		return fmt.Errorf("a packet of %d bytes never passes a burst of %d", on.MTU, burst)
	}
	return nil
}

// tokenUnit is the tokens of one octet.
const tokenUnit = 8e9

// bucket is a token bucket.
type bucket struct {
	rate   uint64 // bits per second, which is tokens per nanosecond
	depth  uint64
	tokens uint64
	at     sim.Time // when tokens were counted
}

func newBucket(rate, octets int64) bucket {
	d := uint64(octets) * tokenUnit
	return bucket{rate: uint64(rate), depth: d, tokens: d}
}

// fill brings the tokens up to now.
func (b *bucket) fill(now sim.Time) {
	if dt := uint64(now - b.at); dt > (b.depth-b.tokens)/b.rate {
		b.tokens = b.depth
	} else {
		b.tokens += dt * b.rate
	}
	b.at = now
}

// ready returns when there are tokens for a packet, given that they are counted up to
// now; Never if the bucket is too small for it.
func (b *bucket) ready(now sim.Time, octets int) sim.Time {
	need := uint64(octets) * tokenUnit
	switch {
	case need > b.depth:
		return sim.Never
	case need <= b.tokens:
		return now
	}
	return now + sim.Time((need-b.tokens+b.rate-1)/b.rate)
}

func (b *bucket) spend(octets int) { b.tokens -= uint64(octets) * tokenUnit }

func (b *bucket) fits(octets int) bool { return uint64(octets)*tokenUnit <= b.depth }

// shaper is a queue behind one or two buckets.
type shaper struct {
	fifo
	bucket bucket
	peak   bucket
	peaked bool
}

// Enqueue implements simnet.Discipline.
func (t *shaper) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	if size := t.port.Size(id); !t.bucket.fits(size) || t.peaked && !t.peak.fits(size) {
		return trace.PacketTooBig
	}
	return t.fifo.Enqueue(now, id)
}

// Dequeue implements simnet.Discipline.
func (t *shaper) Dequeue(now sim.Time) (simnet.PacketID, sim.Time) {
	id := t.list.Head()
	if id == 0 {
		return 0, sim.Never
	}
	size := t.port.Size(id)
	t.bucket.fill(now)
	at := t.bucket.ready(now, size)
	if t.peaked {
		t.peak.fill(now)
		at = max(at, t.peak.ready(now, size))
	}
	if at > now {
		return 0, at
	}
	t.bucket.spend(size)
	if t.peaked {
		t.peak.spend(size)
	}
	return t.list.Pop(t.port), sim.Never
}

// policer is a bucket before a queue.
type policer struct {
	fifo
	bucket bucket
}

// Enqueue implements simnet.Discipline. A packet that the queue refuses has used its
// tokens.
func (p *policer) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	size := p.port.Size(id)
	p.bucket.fill(now)
	if p.bucket.ready(now, size) > now {
		return trace.Policed
	}
	p.bucket.spend(size)
	return p.fifo.Enqueue(now, id)
}
