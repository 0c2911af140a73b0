package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
)

// Editor changes the payload of TCP streams and corrects sequence and
// acknowledgement numbers and SACK blocks of everything that follows.
// Retransmissions are changed alike. It knows nothing of MPTCP. Rewriting boxes and
// application-level gateways are made on top of it: they say what is to be changed.
type Editor struct {
	flows  flowTable[Stream]
	pieces []wire.Piece
}

// maxEdits bounds the changes to one direction of a flow.
const maxEdits = 32

// Stream is one direction of a flow: positions count its payload from 0.
type Stream struct {
	isn   wire.Seq
	known bool
	mptcp bool  // the SYN asked for it
	high  int64 // end of what the sender has sent
	edits []edit
	// base is how much longer the stream became by changes that are forgotten.
	base int64
}

// edit replaces del bytes of a stream at position pos by ins.
type edit struct {
	pos, del int64
	ins      []byte
	was, is  uint16 // sums of the bytes before and after, for a box that knows MPTCP
}

// Begin enters the flow of a SYN; a repeated SYN changes nothing. It returns nil if
// there is no room ([maxFlows]).
func (e *Editor) Begin(p *simnet.Packet) *Stream {
	f := e.flows.add(p.Route())
	if s := p.Segment(); f != nil && (!f.known || f.isn != s.Seq) {
		o := p.Options()
		*f = Stream{isn: s.Seq, known: true, mptcp: o.Has(wire.OptCapable) || o.Has(wire.OptJoin), edits: f.edits[:0]}
	}
	return f
}

// Stream returns the flow of a route if its SYN was seen, else nil.
func (e *Editor) Stream(r simnet.RouteID) *Stream {
	if f := e.flows.get(r); f != nil && f.known {
		return f
	}
	return nil
}

// Back turns what a packet acknowledges into sequence numbers as the sender of the
// data has them; reverse is the route of that data.
func (e *Editor) Back(p *simnet.Packet, reverse simnet.RouteID) {
	f := e.flows.get(reverse)
	if f == nil || len(f.edits) == 0 || !p.Segment().Flags.Has(wire.ACK) {
		return
	}
	s := p.Segment()
	s.Ack = f.ackBack(s.Ack)
	editSACK(p, f.ackBack)
}

// Apply makes the changes in a segment of the stream, which is no SYN, and moves its
// sequence number. It reports whether the payload has changed.
func (e *Editor) Apply(p *simnet.Packet, f *Stream) bool {
	s := p.Segment()
	from, to := f.Span(s)
	if s.Len > 0 && from >= 0 {
		f.high = max(f.high, to)
	}
	if len(f.edits) == 0 {
		return false
	}
	s.Seq = f.isn.Add(1) + wire.Seq(f.forth(from))
	if s.Len == 0 || from < 0 {
		return false
	}
	touched := false
	for i := range f.edits {
		e := &f.edits[i]
		touched = touched || e.pos < to && (e.pos+e.del > from || e.del == 0 && e.pos >= from)
	}
	if !touched {
		return false
	}
	e.compose(p, f, from, to)
	s.Flags &^= flagsIf(s.Len == 0, wire.PSH)
	return true
}

func flagsIf(cond bool, f wire.Flags) wire.Flags {
	if cond {
		return f
	}
	return 0
}

// Span returns the part of the stream that a segment carries.
func (f *Stream) Span(s *wire.Segment) (from, to int64) {
	from = f.pos(s.Seq)
	return from, from + int64(s.Len)
}

// New reports whether a segment has bytes that no earlier one had.
func (f *Stream) New(s *wire.Segment) bool {
	from, to := f.Span(s)
	return s.Len > 0 && from >= 0 && to > f.high
}

// Replace adds a change: del bytes at a position become ins. Changes are added in the
// order of their positions. It returns false if there are too many.
func (f *Stream) Replace(pos, del int64, ins []byte) bool {
	return f.add(edit{pos: pos, del: del, ins: ins})
}

func (f *Stream) add(e edit) bool {
	if len(f.edits) == maxEdits {
		return false
	}
	f.edits = append(f.edits, e)
	return true
}

// Forget makes room for a change: that of the oldest one stays in the numbers of what
// follows, but a retransmission of its bytes would pass as it is (Linux remembers
// one change only, net/netfilter/nf_conntrack_seqadj.c).
func (f *Stream) Forget() {
	if len(f.edits) == maxEdits {
		f.base += int64(len(f.edits[0].ins)) - f.edits[0].del
		f.edits = append(f.edits[:0], f.edits[1:]...)
	}
}

// AppendPayload appends the payload of a packet to buf.
func AppendPayload(buf []byte, p *simnet.Packet) []byte {
	at := len(buf)
	buf = wire.AppendPacket(buf, p.Tuple(), p.Segment(), p.Options(), -1)
	n := len(buf) - int(p.Segment().Len)
	return append(buf[:at], buf[n:]...)
}

// compose gives the segment [from, to) of the original stream its new payload.
func (b *Editor) compose(p *simnet.Packet, f *Stream, from, to int64) {
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
func (f *Stream) pos(q wire.Seq) int64 {
	return f.high + int64(q.Diff(f.isn.Add(1)+wire.Seq(f.high)))
}

// forth returns the new position of an original one: that of the byte in front
// of which nothing is put in at this very place.
func (f *Stream) forth(x int64) int64 {
	y := x + f.base
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
func (f *Stream) ackBack(q wire.Seq) wire.Seq {
	top := f.forth(f.high)
	y := top + int64(q.Diff(f.isn.Add(1)+wire.Seq(top)))
	return f.isn.Add(1) + wire.Seq(f.back(y))
}

func (f *Stream) back(y int64) int64 {
	delta := f.base
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
