package mbox

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// shape holds TCP and UDP back to a rate for each port, by a token bucket with a queue
// of its own: the traffic shapers of some wireless networks, for which a connection with
// subflows to several ports gains (RFC 8041 section 3.5). A bucket holds burst octets
// and fills at the rate; a packet of n octets, as IP counts them, leaves when n tokens
// are there, behind those of its port that came before. The time at which they are
// there is rounded up to a nanosecond, from the first packet of a busy period on. What
// does not fit into the queue of its port is dropped.
//
// The port is that of the destination in the direction of the packet, or that of the
// source. Not modelled: sharing of what ports leave over.
var shapeSpec = Spec{
	Name: "shape",
	Doc:  "holds TCP and UDP to a rate for each port, by a token bucket",
	Params: []Param{
		{Name: "rate", Kind: Speed, Number: 1e6, Min: 1000, Max: 1e12, Doc: "of each port"},
		{Name: "burst", Kind: Whole, Number: 15000, Min: 1, Max: 1 << 30, Doc: "depth of the bucket of each port, octets; no packet may be larger"},
		{Name: "queue", Kind: Whole, Number: 100_000, Max: 1 << 30, Doc: "octets that may wait for each port"},
		{Name: "by", Kind: Choice, Default: "destination", Choices: []string{"destination", "source"}, Doc: "whose port"},
		{Name: "ports", Kind: Text, Doc: "ports that are held, \"80 443\"; none: all"},
	},
	check: func(name string, v *value) error {
		_, err := parsePorts(name, v.text)
		return err
	},
	new: func(s *Spec, b base, v Values) Box {
		x := &shape{
			base: b, rate: uint64(s.at(v, "rate").number), burst: uint64(s.at(v, "burst").number) * 8,
			room: s.at(v, "queue").number, source: s.at(v, "by").text == "source",
		}
		ports, err := parsePorts("ports", s.at(v, "ports").text)
		if err != nil {
			sim.Bugf("ports passed their check: %v", err)
		}
		x.index = make([]uint16, 1<<16)
		x.only = len(ports) > 0
		for _, n := range ports {
			x.index[n] = x.add()
		}
		return x
	},
}

// maxShaped bounds the ports of a shaper, in both directions: those of later flows
// pass unshaped (trace.BoxFull).
const maxShaped = 1<<14 - 1

// parsePorts reads "80 443".
func parsePorts(name, text string) (ports []uint16, err error) {
	for _, word := range strings.Fields(text) {
		n, err := strconv.ParseUint(word, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%s: %q is not a port, 1 to 65535", name, word)
		}
		ports = append(ports, uint16(n))
	}
	return ports, nil
}

type shape struct {
	base
	rate, burst uint64 // bits per second, bits
	room        int64
	source      bool
	only        bool // ports that have no bucket yet pass
	index       []uint16
	buckets     []portBucket // 0 is unused; two for each port, one for each direction
	waiting     []shaped     // a heap by time, then by order of arrival
	order       uint64
}

// portBucket is a token bucket in the form of a clock that runs ahead: work bits were
// let through since the time since, when the bucket was full.
type portBucket struct {
	since  sim.Time
	work   uint64
	queued int64
}

// shaped is a packet that waits.
type shaped struct {
	at     sim.Time
	order  uint64
	packet simnet.Packet
	dir    simnet.Dir
	bucket uint16
	size   int64
}

// add makes the buckets of a port; 0: there is no room.
func (b *shape) add() uint16 {
	if len(b.buckets) == 0 {
		b.buckets = make([]portBucket, 1, 16)
	}
	if len(b.buckets) > 2*maxShaped {
		return 0
	}
	b.buckets = append(b.buckets, portBucket{}, portBucket{})
	return uint16(len(b.buckets) - 2)
}

// bucketOf returns the bucket of a packet, or 0.
func (b *shape) bucketOf(now sim.Time, p *simnet.Packet, d simnet.Dir) uint16 {
	t := p.Tuple()
	if t.Proto != wire.ProtoTCP && t.Proto != wire.ProtoUDP {
		return 0
	}
	port := t.Dst.Port()
	if b.source {
		port = t.Src.Port()
	}
	i := b.index[port]
	if i == 0 {
		if b.only {
			return 0
		}
		if i = b.add(); i == 0 {
			b.tell(now, p, trace.BoxFull)
			return 0
		}
		b.index[port] = i
	}
	if d == simnet.In {
		i++
	}
	return i
}

// Process implements simnet.Box.
func (b *shape) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	i := uint16(0)
	if b.picks(now, p, d) {
		i = b.bucketOf(now, p, d)
	}
	if i == 0 {
		out.Emit(p, d)
		return
	}
	k := &b.buckets[i]
	size := int64(wire.WireLen(p.Tuple(), p.Segment(), p.Options()))
	if k.work == 0 || b.after(k.work) <= now.Sub(k.since) {
		k.since, k.work = now, 0 // the bucket is full
	}
	at := now
	if n := k.work + uint64(size)*8; n > b.burst {
		at = max(now, k.since.Add(b.after(n-b.burst)))
	}
	switch {
	case uint64(size)*8 > b.burst || at > now && k.queued+size > b.room:
		b.note(now, p, trace.QueueFull)
		out.Drop(p, trace.QueueFull)
		return
	case at <= now:
		k.work += uint64(size) * 8
		out.Emit(p, d)
		return
	}
	k.work += uint64(size) * 8
	k.queued += size
	b.note(now, p, trace.Shaped)
	b.push(shaped{at, b.order, *p, d, i, size})
	b.order++
}

// after returns in which time the rate lets so many bits through, rounded up.
func (b *shape) after(n uint64) sim.Duration {
	hi, lo := bits.Mul64(n, uint64(sim.Second))
	lo, carry := bits.Add64(lo, b.rate-1, 0)
	q, _ := bits.Div64(hi+carry, lo, b.rate)
	return sim.Duration(q)
}

// NextTimeout implements simnet.Box.
func (b *shape) NextTimeout() sim.Time {
	if len(b.waiting) == 0 {
		return sim.Never
	}
	return b.waiting[0].at
}

// HandleTimeout implements simnet.Box.
func (b *shape) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for len(b.waiting) > 0 && b.waiting[0].at <= now {
		w := b.pop()
		b.buckets[w.bucket].queued -= w.size
		b.made = w.packet
		out.Emit(&b.made, w.dir)
	}
}

func (w *shaped) before(x *shaped) bool {
	return w.at < x.at || w.at == x.at && w.order < x.order
}

func (b *shape) push(w shaped) {
	b.waiting = append(b.waiting, w)
	h := b.waiting
	for i := len(h) - 1; i > 0 && h[i].before(&h[(i-1)/2]); i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (b *shape) pop() shaped {
	h := b.waiting
	top := h[0]
	n := len(h) - 1
	h[0] = h[n]
	b.waiting = h[:n]
	for i := 0; ; {
		k := 2*i + 1
		if k >= n {
			return top
		}
		if k+1 < n && h[k+1].before(&h[k]) {
			k++
		}
		if !h[k].before(&h[i]) {
			return top
		}
		h[i], h[k] = h[k], h[i]
		i = k
	}
}
