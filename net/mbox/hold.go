package mbox

import (
	"slices"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// delay, reorder and corrupt are the faults of Linux netem (net/sched/sch_netem.c,
// tc-netem(8)) that are not loss: time, order, and bits. Duplication is the box of that
// name with a probability: as in netem the copy goes the way of the original and is not
// duplicated again.
//
// delay holds packets for
//
//	X = delay + jitter (2U-1)                     uniform
//	X = delay + jitter N(0, 1)                    normal
//	X = delay + jitter (U^(-1/3) - 3/2) 4/3       pareto, at most 4 jitter (iproute2 netem/pareto.c)
//
// never less than 0. With keep_order a packet leaves at max(leave of the one before,
// now + X), else when its time has come, so that packets overtake. reorder holds every
// packet for delay, but those that the filter picks go at once, at the earliest each
// gap-th.
//
// Departures: distributions are computed, not looked up in tables of 4096 entries; there
// is no correlation between draws. What is held is bounded (limit, as netem's; 1000).

// holding is a bounded store of packets, by the time at which they leave and then by the
// order in which they came.
type holding struct {
	list  []heldOut // sorted by leave, first to leave last
	limit int
}

type heldOut struct {
	heldPacket
	d simnet.Dir
}

// put stores a packet; false: there is no room.
func (h *holding) put(p *simnet.Packet, d simnet.Dir, leave sim.Time) bool {
	if len(h.list) >= h.limit {
		return false
	}
	i := len(h.list)
	for i > 0 && h.list[i-1].leave <= leave {
		i--
	}
	h.list = slices.Insert(h.list, i, heldOut{heldPacket{*p, leave}, d})
	return true
}

// NextTimeout implements simnet.Box.
func (h *holding) NextTimeout() sim.Time {
	if len(h.list) == 0 {
		return sim.Never
	}
	return h.list[len(h.list)-1].leave
}

// HandleTimeout implements simnet.Box.
func (h *holding) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for k := len(h.list) - 1; k >= 0 && h.list[k].leave <= now; k-- {
		out.Emit(&h.list[k].packet, h.list[k].d)
		h.list = h.list[:k]
	}
}

var delaySpec = Spec{
	Name: "delay",
	Doc:  "holds packets back for a fixed or random time (netem delay)",
	Params: []Param{
		{Name: "delay", Kind: Span, Number: 1e7, Max: float64(100 * sim.Second), Doc: "mean time"},
		{Name: "jitter", Kind: Span, Max: float64(100 * sim.Second), Doc: "half width, standard deviation or scale of the random part"},
		{Name: "distribution", Kind: Choice, Default: "uniform", Choices: []string{"uniform", "normal", "pareto"}, Doc: "of the random part"},
		{Name: "delay_correlation", Kind: Whole, Max: 100, Doc: "correlation of the random parts of successive packets, in percent (netem delay TIME JITTER CORRELATION)"},
		{Name: "keep_order", Kind: Flag, Number: 1, Doc: "no packet overtakes another; false: they leave when their time has come"},
		{Name: "limit", Kind: Whole, Number: 1000, Min: 1, Max: 1 << 20, Doc: "packets held at most; further ones are dropped"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &delayBox{
			base: b, holding: holding{limit: int(s.at(v, "limit").number)},
			mean: float64(s.at(v, "delay").number), jitter: float64(s.at(v, "jitter").number),
			draws:        simnet.NewCorrelated(b.env.Rand, float64(s.at(v, "delay_correlation").number)/100, 1<<63+1),
			correlation:  float64(s.at(v, "delay_correlation").number) / 100,
			distribution: s.at(v, "distribution").text, keep: s.at(v, "keep_order").number == 1,
		}
	},
}

type delayBox struct {
	base
	holding
	mean, jitter float64
	draws        simnet.Correlated
	correlation  float64
	before       float64 // the last normal one
	distribution string
	keep         bool
	n            uint64
	last         [2]sim.Time
}

// Process implements simnet.Box.
func (b *delayBox) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	leave := now.Add(b.draw())
	if b.keep {
		leave = max(leave, b.last[d&1])
		b.last[d&1] = leave
	}
	b.acted++ // not traced: it is each packet
	if leave == now && len(b.list) == 0 {
		out.Emit(p, d)
	} else if !b.put(p, d, leave) {
		out.Drop(p, trace.QueueFull)
	}
}

// drawIndex keeps the draws of boxes apart from those of the filter's probability, which
// are made with the numbers from 0 on.
const drawIndex = 1 << 62

// draw returns the time of the next packet.
func (b *delayBox) draw() sim.Duration {
	if b.jitter == 0 {
		return sim.Duration(b.mean)
	}
	i := drawIndex + 16*b.n
	b.n++
	x := 0.0
	switch b.distribution {
	case "uniform":
		x = 2*b.draws.At(i) - 1
	case "normal":
		x = float64((1-b.correlation)*b.normal(i)) + float64(b.correlation*b.before)
		b.before = x
	default:
		u := b.draws.At(i)
		x = min((1/sim.Cbrt(1-u)-1.5)*4/3, 4)
	}
	return sim.Duration(max(b.mean+float64(b.jitter*x), 0))
}

// normal is Marsaglia's polar method with the draws from index i on; after eight pairs
// outside of the circle, once in 200000, it is the mean.
func (b *delayBox) normal(i uint64) float64 {
	for k := uint64(0); k < 8; k++ {
		x, y := 2*b.env.Rand.FloatAt(i+2*k)-1, 2*b.env.Rand.FloatAt(i+2*k+1)-1
		if s := float64(x*x) + float64(y*y); s > 0 && s < 1 {
			return float64(x * sim.Sqrt(-2*sim.Log(s)/s))
		}
	}
	return 0
}

// NextTimeout implements simnet.Box.
func (b *delayBox) NextTimeout() sim.Time { return b.holding.NextTimeout() }

// HandleTimeout implements simnet.Box.
func (b *delayBox) HandleTimeout(now sim.Time, out simnet.Emitter) { b.holding.HandleTimeout(now, out) }

var reorderSpec = Spec{
	Name: "reorder",
	Doc:  "holds packets back, but those that the filter picks (probability) overtake them (netem delay with reorder and gap)",
	Params: []Param{
		{Name: "delay", Kind: Span, Number: 1e7, Max: float64(100 * sim.Second), Doc: "time for which the others are held"},
		{Name: "gap", Kind: Whole, Number: 1, Min: 1, Max: 1 << 20, Doc: "at the earliest each packet of this number overtakes"},
		{Name: "limit", Kind: Whole, Number: 1000, Min: 1, Max: 1 << 20, Doc: "packets held at most; further ones are dropped"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &reorderBox{
			base: b, holding: holding{limit: int(s.at(v, "limit").number)},
			delay: sim.Duration(s.at(v, "delay").number), gap: s.at(v, "gap").number,
		}
	},
}

type reorderBox struct {
	base
	holding
	delay sim.Duration
	gap   int64
	since [2]int64 // packets held since the last one that went ahead
}

// Process implements simnet.Box.
func (b *reorderBox) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !b.active(now) || !b.towards(d) {
		out.Emit(p, d)
		return
	}
	if n := &b.since[d&1]; *n < b.gap-1 || !b.picks(now, p, d) {
		*n++
	} else {
		*n = 0
		b.note(now, p, trace.Overtaken)
		out.Emit(p, d)
		return
	}
	if !b.put(p, d, now.Add(b.delay)) {
		out.Drop(p, trace.QueueFull)
	}
}

// NextTimeout implements simnet.Box.
func (b *reorderBox) NextTimeout() sim.Time { return b.holding.NextTimeout() }

// HandleTimeout implements simnet.Box.
func (b *reorderBox) HandleTimeout(now sim.Time, out simnet.Emitter) {
	b.holding.HandleTimeout(now, out)
}

var corruptSpec = Spec{
	Name: "corrupt",
	Doc:  "changes one random bit of a packet behind its IP header (netem corrupt): the receiver drops it, because its checksum is wrong",
	Params: []Param{
		{Name: "fix_checksum", Kind: Flag, Doc: "the bit is one of the payload, and the checksum of TCP or UDP is made right again: only the DSS checksum can tell. Packets without payload pass"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &corrupt{base: b, fix: s.at(v, "fix_checksum").number == 1}
	},
}

type corrupt struct {
	base
	fix bool
	n   uint64
}

// Process implements simnet.Box.
func (b *corrupt) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	t, s := *p.Tuple(), p.Segment()
	known := t.Proto == wire.ProtoTCP || t.Proto == wire.ProtoUDP
	if !known || p.Options().Has(wire.OptOpaque) || b.fix && s.Len == 0 || !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	raw := wire.AppendPacket(nil, &t, s, p.Options(), -1)
	from := len(raw) - int(s.Len)
	if !b.fix {
		from = 20
		if t.Src.Addr().Is6() {
			from = 40
		}
	}
	at := int(b.env.Rand.At(drawIndex+b.n) % uint64(8*(len(raw)-from)))
	b.n++
	raw[from+at/8] ^= 1 << (at % 8)
	o := p.AddOptions()
	o.Reset()
	b.note(now, p, trace.Corrupted)
	if wire.ParsePacket(raw, &t, s, o) != nil {
		out.Drop(p, trace.BadChecksum) // nobody can read it any more
		return
	}
	if b.fix {
		o.Present &^= wire.OptBadSum
	}
	p.SetTuple(t)
	out.Emit(p, d)
}
