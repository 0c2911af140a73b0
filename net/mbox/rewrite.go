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
// has made of its data. A variant knows MPTCP: it changes only what lies, with the
// beginning of its mapping, in one segment, to the same length, and corrects checksums,
// so that nobody notices (section 6: a middlebox aware of MPTCP).
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
		{Name: "aware", Kind: Flag, Doc: "checksums of mappings are corrected; changes of another length, or behind the first segment of a mapping, are left out"},
	},
	new: newRewrite,
}

func newRewrite(s *Spec, b base, v Values) Box {
	r := &rewrite{base: b, aware: s.at(v, "aware").number == 1, find: []byte(s.at(v, "find").text), text: []byte(s.at(v, "text").text)}
	n := int(s.at(v, "length").number)
	offset := s.at(v, "offset").number
	if len(r.text) == 0 {
		r.text = []byte{'#'}
	}
	fill := bytes.Repeat(r.text, n)[:n]
	switch s.at(v, "mode").text {
	case "same":
		r.fixed = edit{pos: offset, del: int64(n), ins: fill}
	case "insert":
		r.fixed = edit{pos: offset, ins: fill}
	case "delete":
		r.fixed = edit{pos: offset, del: int64(n)}
	default:
		r.search = true
		r.text = []byte(s.at(v, "text").text)
	}
	return r
}

type rewrite struct {
	base
	fixed      edit
	search     bool
	aware      bool
	find, text []byte
	editor     Editor
	scratch    []byte
	options    [wire.MaxOptionsLen + 3]byte
}

// Process implements simnet.Box.
func (b *rewrite) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !isTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	if s.Flags.Has(wire.SYN) && b.towards(d) && b.editor.Begin(p) == nil {
		b.tell(now, p, trace.BoxFull)
	}
	b.editor.Back(p, b.env.Net.Reverse(p.Route()))
	if f := b.editor.Stream(p.Route()); f != nil && !s.Flags.Has(wire.SYN) {
		b.forward(now, p, d, f)
	}
	out.Emit(p, d)
}

// forward changes a segment of the stream.
func (b *rewrite) forward(now sim.Time, p *simnet.Packet, d simnet.Dir, f *Stream) {
	if f.New(p.Segment()) && b.picks(now, p, d) {
		from, to := f.Span(p.Segment())
		b.discover(now, p, f, from, to)
	}
	if b.aware {
		b.correct(p, f)
	}
	if b.editor.Apply(p, f) {
		b.note(now, p, trace.PayloadRewritten)
	}
}

// discover adds the changes that begin in new bytes of the stream.
func (b *rewrite) discover(now sim.Time, p *simnet.Packet, f *Stream, from, to int64) {
	if !b.search {
		if e := b.fixed; e.pos >= max(from, f.high) && e.pos < to && len(f.edits) == 0 && (!b.aware || b.whole(p, f, &e, from, to)) {
			f.edits = append(f.edits, e)
		}
		return
	}
	if len(b.find) == 0 {
		return
	}
	b.scratch = AppendPayload(b.scratch[:0], p)
	for at := int(max(from, f.high) - from); ; {
		i := bytes.Index(b.scratch[at:], b.find)
		if i < 0 {
			return
		}
		at += i
		e := edit{pos: from + int64(at), del: int64(len(b.find)), ins: b.text}
		if (!b.aware || b.whole(p, f, &e, from, to)) && !f.add(e) {
			b.tell(now, p, trace.BoxFull)
			return
		}
		at += len(b.find)
	}
}
