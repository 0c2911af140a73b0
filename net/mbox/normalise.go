package mbox

import (
	"bytes"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// normalise is a traffic normaliser (Handley, Paxson, Kreibich: Network intrusion
// detection: evasion, traffic normalization, and end-to-end protocol semantics, USENIX
// Security 2001): what passes it has one meaning. It clears the reserved bits of the
// TCP header and URG with its pointer. It lets a stream pass in order only: a segment
// behind a hole is dropped, so that the sender sends it again, or held until the hole is
// filled. It keeps what has passed until it is acknowledged; a retransmission leaves
// with the payload and the options that passed first, whatever it brings (RFC 8684
// section 6 names such boxes). Only timestamps are those of the retransmission. What
// begins where no segment began before loses its MPTCP options: no copy has any for it.
//
// MPTCP is made for it: on one subflow, a subflow sequence number has the same data
// always, also when that data is sent again on another (RFC 8684 section 3.3.6). A
// retransmission with other payload is traced (inconsistent).
//
// A stream is followed from its SYN on; others pass untouched but for the bits.
var normaliseSpec = Spec{
	Name: "normalise",
	Doc:  "a traffic normaliser: streams pass in order, retransmissions as they passed first, without reserved bits and URG",
	Params: []Param{
		{Name: "holes", Kind: Choice, Default: "hold", Choices: []string{"hold", "reject", "pass"}, Doc: "what happens to segments behind a hole: they wait until it is filled, are dropped, or pass"},
		{Name: "replay", Kind: Flag, Number: 1, Doc: "retransmissions leave as they passed first"},
		{Name: "cache", Kind: Whole, Number: 1 << 20, Min: 1500, Max: 1 << 30, Doc: "octets of payload kept for each direction of a flow; what is beyond passes unchecked"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &normalise{base: b, holes: s.at(v, "holes").text, replay: s.at(v, "replay").number == 1, room: s.at(v, "cache").number}
	},
}

type normalise struct {
	base
	holes  string
	replay bool
	room   int64
	flows  flowTable[normalised]
	pieces []wire.Piece
	buf    [2*wire.MaxOptionsLen + 6]byte
	a, b   []byte // payload, to be compared
}

// normalised is one direction of a flow.
type normalised struct {
	known bool
	next  wire.Seq // what comes in order
	kept  int64    // octets of payload in the cache
	cache []passed // by sequence number
	held  []heldBehind
	bytes int64 // octets of payload that are held
}

// passed is a segment that has passed and is not acknowledged.
type passed struct {
	seq, end wire.Seq
	pieces   []wire.Piece
	options  [wire.MaxOptionsLen]byte
	n        uint8
}

// heldBehind is a segment that waits for what precedes it.
type heldBehind struct {
	packet simnet.Packet
	dir    simnet.Dir
}

// maxHeld bounds the segments that wait in each direction of a flow: more are dropped,
// and will be sent again.
const maxHeld = 1024

// Process implements simnet.Box.
func (b *normalise) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !isTCP(p) {
		out.Emit(p, d)
		return
	}
	b.clear(now, p)
	s := p.Segment()
	if g := b.flows.get(b.env.Net.Reverse(p.Route())); g != nil && s.Flags.Has(wire.ACK) {
		g.forget(s.Ack)
	}
	f := b.flows.get(p.Route())
	switch {
	case s.Flags.Has(wire.SYN):
		if b.towards(d) && b.active(now) {
			b.open(now, p)
		}
		out.Emit(p, d)
		return
	case f == nil || !f.known || s.Flags.Has(wire.RST) || s.Len == 0 && !s.Flags.Has(wire.FIN) || !b.picks(now, p, d):
		out.Emit(p, d)
		return
	}
	switch {
	case s.Seq.After(f.next) && b.holes == "reject":
		b.note(now, p, trace.HoleRejected)
		out.Drop(p, trace.HoleRejected)
		return
	case s.Seq.After(f.next) && b.holes == "hold":
		b.hold(now, f, p, d, out)
		return
	}
	b.pass(now, f, p, d, out)
	for i := 0; i < len(f.held); {
		h := f.held[i]
		if h.packet.Segment().Seq.After(f.next) {
			i++
			continue
		}
		f.held = append(f.held[:i], f.held[i+1:]...)
		b.made = h.packet
		b.pass(now, f, &b.made, h.dir, out)
		i = 0
	}
}

// clear takes away the bits that have no meaning, and URG.
func (b *normalise) clear(now sim.Time, p *simnet.Packet) {
	const known = wire.FIN | wire.SYN | wire.RST | wire.PSH | wire.ACK | wire.ECE | wire.CWR | wire.AE
	s, o := p.Segment(), p.Options()
	if s.Flags&^known == 0 && !o.Has(wire.OptUrgent) || !b.active(now) {
		return
	}
	s.Flags &= known
	if o != nil {
		o.Urgent = 0
		if o.Present &^= wire.OptUrgent; o.Present == 0 {
			p.DropOptions()
		}
	}
	b.note(now, p, trace.Normalised)
}

// open begins a direction of a flow.
func (b *normalise) open(now sim.Time, p *simnet.Packet) {
	f := b.flows.add(p.Route())
	if f == nil {
		b.tell(now, p, trace.BoxFull)
		return
	}
	next := p.Segment().Seq.Add(1 + int(p.Segment().Len))
	if !f.known || f.next != next && len(f.cache) == 0 {
		f.known, f.next = true, next
	}
}

// hold keeps a segment behind a hole.
func (b *normalise) hold(now sim.Time, f *normalised, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if len(f.held) >= maxHeld {
		b.tell(now, p, trace.BoxFull)
		out.Drop(p, trace.BoxFull)
		return
	}
	b.note(now, p, trace.Held)
	f.held = append(f.held, heldBehind{*p, d})
}

// pass lets a segment through that begins in order or before: as it is what is new of
// it, as it was what has passed.
func (b *normalise) pass(now sim.Time, f *normalised, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := p.Segment()
	end := s.Seq.Add(int(s.Len))
	if s.Seq.Before(f.next) && b.replay {
		b.repeat(now, f, p)
	}
	if b.replay && end.After(f.next) || b.replay && s.Seq.After(f.next) {
		f.keep(b, p, int(max(f.next.Diff(s.Seq), 0)))
	}
	if end.After(f.next) {
		f.next = end
	}
	out.Emit(p, d)
}

// repeat gives the part of a segment that has passed its first payload and options.
func (b *normalise) repeat(now sim.Time, f *normalised, p *simnet.Packet) {
	s, o := p.Segment(), p.Options()
	end := s.Seq.Add(int(s.Len))
	pieces := b.pieces[:0]
	var same *passed
	at := s.Seq
	for i := range f.cache {
		c := &f.cache[i]
		if !c.end.After(at) || !c.seq.Before(end) {
			continue
		}
		if c.seq.After(at) { // not kept: acknowledged, or no room
			pieces = wire.AppendPieces(pieces, s, o, int(at.Diff(s.Seq)), int(c.seq.Diff(s.Seq)))
			at = c.seq
		}
		to := end
		if c.end.Before(to) {
			to = c.end
		}
		pieces = cutPieces(pieces, c.pieces, int(at.Diff(c.seq)), int(to.Diff(c.seq)))
		if c.seq == s.Seq {
			same = c
		}
		at = to
	}
	if at == s.Seq {
		return // nothing of it is kept
	}
	if at != end {
		pieces = wire.AppendPieces(pieces, s, o, int(at.Diff(s.Seq)), int(s.Len))
	}
	b.pieces = pieces
	if !b.equal(pieces, s, o) {
		b.tell(now, p, trace.Inconsistent)
	}
	if o == nil && !wire.OnlySpan(pieces) {
		o = p.AddOptions()
	}
	wire.SetPieces(s, o, pieces)
	b.restore(p, same)
	if o := p.Options(); o != nil && o.Present == 0 {
		p.DropOptions()
	}
	b.note(now, p, trace.Replayed)
}

// equal reports whether pieces are the payload of a packet.
func (b *normalise) equal(pieces []wire.Piece, s *wire.Segment, o *wire.Options) bool {
	if wire.OnlySpan(pieces) && !o.Has(wire.OptPieces) && len(pieces) > 0 {
		return pieces[0].Off == s.Off
	}
	b.a = appendPayload(b.a[:0], s, o)
	b.b = appendPayload(b.b[:0], &wire.Segment{}, &wire.Options{Present: wire.OptPieces, Pieces: pieces})
	return bytes.Equal(b.a, b.b)
}

// restore gives a retransmission the options of the copy: timestamps stay its own. A
// segment that begins elsewhere keeps what is not MPTCP's.
func (b *normalise) restore(p *simnet.Packet, same *passed) {
	var own [wire.MaxOptionsLen + 3]byte
	raw := optionBytes(own[:], p)
	out := b.buf[:0]
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if (raw[i] == wire.KindTimestamps || same == nil && raw[i] != wire.KindMPTCP) && len(out)+2+end-i <= wire.MaxOptionsLen {
			out = append(out, wire.KindNOP, wire.KindNOP)
			out = append(out, raw[i:end]...)
		}
	}
	if same != nil {
		old := same.options[:same.n]
		for i, end, ok := wire.NextOption(old, 0); ok; i, end, ok = wire.NextOption(old, end) {
			if old[i] != wire.KindTimestamps && len(out)+end-i <= wire.MaxOptionsLen {
				out = append(out, old[i:end]...)
			}
		}
	}
	setOptions(p, out)
}

// keep puts the octets from skip on of a segment into the cache.
func (f *normalised) keep(b *normalise, p *simnet.Packet, skip int) {
	s, o := p.Segment(), p.Options()
	n := int64(s.Len) - int64(skip)
	if n <= 0 || f.kept+n > b.room {
		return
	}
	if len(f.cache) < cap(f.cache) {
		f.cache = f.cache[:len(f.cache)+1] // with the pieces of one that was forgotten
	} else {
		f.cache = append(f.cache, passed{})
	}
	c := &f.cache[len(f.cache)-1]
	c.seq, c.end = s.Seq.Add(skip), s.Seq.Add(int(s.Len))
	c.pieces = wire.AppendPieces(c.pieces[:0], s, o, skip, int(s.Len))
	c.n = uint8(len(optionBytes(c.options[:], p)))
	f.kept += n
}

// forget drops what is acknowledged.
func (f *normalised) forget(ack wire.Seq) {
	n := 0
	for n < len(f.cache) && !f.cache[n].end.After(ack) {
		f.kept -= int64(f.cache[n].end.Diff(f.cache[n].seq))
		clear(f.cache[n].pieces)
		n++
	}
	if n == 0 {
		return
	}
	for i := n; i < len(f.cache); i++ {
		f.cache[i-n], f.cache[i] = f.cache[i], f.cache[i-n]
	}
	f.cache = f.cache[:len(f.cache)-n]
}

// cutPieces appends the octets [from, to) of pieces.
func cutPieces(dst, pieces []wire.Piece, from, to int) []wire.Piece {
	at := 0
	for _, p := range pieces {
		if a, z := max(from-at, 0), min(to-at, int(p.Len)); a < z {
			dst = append(dst, p.Slice(a, z))
		}
		at += int(p.Len)
	}
	return dst
}
