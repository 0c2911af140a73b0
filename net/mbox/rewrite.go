package mbox

import (
	"bytes"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// rewrite changes the payload of TCP streams, as application-level gateways do:
// it replaces, inserts or deletes bytes at a place of the stream, or wherever it
// finds a text, and then corrects sequence and acknowledgement numbers and SACK
// blocks of everything that follows. Retransmissions are changed alike. It knows
// nothing of MPTCP, so that mappings no longer fit: with DSS checksums that is
// noticed (RFC 8684 section 3.7), without them the application gets what the box
// has made of its data.
//
// A text is found only within one segment, as gateways do that look at packets.
// Streams whose SYN the box has not seen pass untouched.
var rewriteSpec = Spec{
	Name: "rewrite",
	Doc:  "changes the payload of streams and corrects sequence numbers; direction is that of the data, conditions choose the segments that are looked at",
	Params: []Param{
		{Name: "mode", Kind: Choice, Default: "same", Choices: []string{"same", "insert", "delete", "find"},
			Doc: "same: replace length bytes at offset; insert, delete: add or remove length bytes there; find: replace find by text, which may be longer or shorter"},
		{Name: "offset", Kind: Whole, Number: 10000, Max: 1 << 40, Doc: "position in the stream, bytes"},
		{Name: "length", Kind: Whole, Number: 4, Min: 1, Max: 1000, Doc: "number of bytes"},
		{Name: "find", Kind: Text, Doc: "text that mode find looks for"},
		{Name: "text", Kind: Text, Default: "#", Doc: "what is put in: repeated to length, in mode find as it is"},
	},
	new: newRewrite,
}

func newRewrite(s *Spec, b base, v Values) Box {
	r := &rewrite{base: b, find: []byte(s.at(v, "find").text), text: []byte(s.at(v, "text").text)}
	n := int(s.at(v, "length").number)
	offset := s.at(v, "offset").number
	if len(r.text) == 0 {
		r.text = []byte{'#'}
	}
	fill := bytes.Repeat(r.text, n)[:n]
	switch s.at(v, "mode").text {
	case "same":
		r.fixed = edit{offset, int64(n), fill}
	case "insert":
		r.fixed = edit{offset, 0, fill}
	case "delete":
		r.fixed = edit{offset, int64(n), nil}
	default:
		r.search = true
		r.text = []byte(s.at(v, "text").text)
	}
	return r
}

// maxEdits bounds the changes to one direction of a flow. Further texts that are
// found stay as they are (trace.BoxFull).
const maxEdits = 32

type rewrite struct {
	base
	fixed      edit
	search     bool
	find, text []byte
	flows      flowTable[rewritten]
	pieces     []wire.Piece
	scratch    []byte
}

// edit replaces del bytes of a stream at position pos by ins.
type edit struct {
	pos, del int64
	ins      []byte
}

// rewritten is one direction of a flow: positions count its payload from 0.
type rewritten struct {
	isn   wire.Seq
	known bool
	high  int64 // end of what the sender has sent
	edits []edit
}

// Process implements simnet.Box.
func (b *rewrite) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !isTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	if s.Flags.Has(wire.SYN) && b.towards(d) {
		if f := b.flows.add(p.Route()); f == nil {
			b.tell(now, p, trace.BoxFull)
		} else if !f.known || f.isn != s.Seq {
			*f = rewritten{isn: s.Seq, known: true, edits: f.edits[:0]}
		}
	}
	if f := b.flows.get(b.env.Net.Reverse(p.Route())); f != nil && len(f.edits) > 0 && s.Flags.Has(wire.ACK) {
		s.Ack = f.ackBack(s.Ack)
		editSACK(p, f.ackBack)
	}
	if f := b.flows.get(p.Route()); f != nil && f.known && !s.Flags.Has(wire.SYN) {
		b.forward(now, p, d, f)
	}
	out.Emit(p, d)
}

// forward changes a segment of the stream.
func (b *rewrite) forward(now sim.Time, p *simnet.Packet, d simnet.Dir, f *rewritten) {
	s := p.Segment()
	from := f.pos(s.Seq)
	to := from + int64(s.Len)
	if s.Len > 0 && from >= 0 {
		if to > f.high && b.picks(now, p, d) {
			b.discover(now, p, f, from, to)
		}
		f.high = max(f.high, to)
	}
	if len(f.edits) == 0 {
		return
	}
	s.Seq = f.isn.Add(1) + wire.Seq(f.forth(from))
	if s.Len == 0 || from < 0 {
		return
	}
	touched := false
	for i := range f.edits {
		e := &f.edits[i]
		touched = touched || e.pos < to && (e.pos+e.del > from || e.del == 0 && e.pos >= from)
	}
	if !touched {
		return
	}
	b.compose(p, f, from, to)
	s.Flags &^= flagsIf(s.Len == 0, wire.PSH)
	b.note(now, p, trace.PayloadRewritten)
}

func flagsIf(cond bool, f wire.Flags) wire.Flags {
	if cond {
		return f
	}
	return 0
}

// discover adds the changes that begin in new bytes of the stream.
func (b *rewrite) discover(now sim.Time, p *simnet.Packet, f *rewritten, from, to int64) {
	if !b.search {
		if e := b.fixed; e.pos >= max(from, f.high) && e.pos < to && len(f.edits) == 0 {
			f.edits = append(f.edits, e)
		}
		return
	}
	if len(b.find) == 0 {
		return
	}
	b.scratch = wire.AppendPacket(b.scratch[:0], p.Tuple(), p.Segment(), p.Options(), -1)
	payload := b.scratch[len(b.scratch)-int(to-from):]
	for at := int(max(from, f.high) - from); ; {
		i := bytes.Index(payload[at:], b.find)
		if i < 0 {
			return
		}
		if len(f.edits) == maxEdits {
			b.tell(now, p, trace.BoxFull)
			return
		}
		at += i
		f.edits = append(f.edits, edit{from + int64(at), int64(len(b.find)), b.text})
		at += len(b.find)
	}
}

// compose gives the segment [from, to) of the original stream its new payload.
func (b *rewrite) compose(p *simnet.Packet, f *rewritten, from, to int64) {
	s, o := p.Segment(), p.Options()
	pieces := b.pieces[:0]
	x := from
	for i := range f.edits {
		e := &f.edits[i]
		if e.pos >= to || e.pos+e.del < from || e.pos+e.del == from && (e.del > 0 || e.pos < from) {
			continue
		}
		if x < e.pos {
			pieces = wire.AppendPieces(pieces, s, o, int(x-from), int(e.pos-from))
		}
		n := int64(len(e.ins))
		a, z := min(max(from-e.pos, 0), n), n
		if to < e.pos+e.del {
			z = min(to-e.pos, n)
		}
		if a < z {
			pieces = append(pieces, wire.Piece{Off: s.Off + uint64(max(e.pos, from)-from), Len: uint32(z - a), Data: e.ins[a:z:z]})
		}
		x = max(x, min(to, e.pos+e.del))
	}
	if x < to {
		pieces = wire.AppendPieces(pieces, s, o, int(x-from), int(to-from))
	}
	b.pieces = pieces
	if o == nil && !wire.OnlySpan(pieces) {
		o = p.AddOptions()
	}
	wire.SetPieces(s, o, pieces)
	if o != nil && o.Present == 0 {
		p.DropOptions()
	}
}

// pos returns the position of a sequence number near the end of the stream.
func (f *rewritten) pos(q wire.Seq) int64 {
	return f.high + int64(q.Diff(f.isn.Add(1)+wire.Seq(f.high)))
}

// forth returns the new position of an original one: that of the byte in front
// of which nothing is put in at this very place.
func (f *rewritten) forth(x int64) int64 {
	y := x
	for i := range f.edits {
		e := &f.edits[i]
		switch {
		case x <= e.pos:
			return y
		case x < e.pos+e.del:
			return y - (x - e.pos) + min(x-e.pos, int64(len(e.ins)))
		}
		y += int64(len(e.ins)) - e.del
	}
	return y
}

// ackBack returns the original sequence number that the receiver means by one of
// the new stream. Deleted bytes count as received with the byte before them.
func (f *rewritten) ackBack(q wire.Seq) wire.Seq {
	top := f.forth(f.high)
	y := top + int64(q.Diff(f.isn.Add(1)+wire.Seq(top)))
	return f.isn.Add(1) + wire.Seq(f.back(y))
}

func (f *rewritten) back(y int64) int64 {
	delta := int64(0)
	for i := range f.edits {
		e := &f.edits[i]
		n := int64(len(e.ins))
		at := e.pos + delta
		switch {
		case y < at || y == at && (n > 0 || e.del == 0):
			return y - delta
		case y < at+n:
			return e.pos + min(y-at, max(e.del-1, 0))
		}
		delta += n - e.del
	}
	if x := y - delta; x <= f.high {
		return x
	} else if y > f.forth(f.high) {
		return x // a FIN, or what was never sent
	}
	return f.high
}
