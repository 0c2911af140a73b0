package mbox

import (
	"math/bits"

	simnet "mpsim/net"
	"mpsim/net/wire"
)

// This file is what a rewriter does that knows MPTCP.

// whole reports whether a change can be made so that mappings fit afterwards, and takes
// its sums: it keeps the length, and lies in the segment with which its mapping begins,
// before any copy of the option has passed with the checksum as it was.
func (b *rewrite) whole(p *simnet.Packet, f *Stream, e *edit, from, to int64) bool {
	if int64(len(e.ins)) != e.del || e.pos < from || e.pos+e.del > to {
		return false
	}
	if f.mptcp {
		start, n := mappingOf(p, from)
		if start != from || e.pos+e.del > start+n {
			return false
		}
	}
	b.scratch = AppendPayload(b.scratch[:0], p)
	e.was, e.is = wire.SumBytes(b.scratch[e.pos-from:e.pos-from+e.del]), wire.SumBytes(e.ins)
	return true
}

// mappingOf returns where in the flow the mapping of a segment at position from begins,
// and its length; 0: it has none.
func mappingOf(p *simnet.Packet, from int64) (start, n int64) {
	s, o := p.Segment(), p.Options()
	switch {
	case o.Has(wire.OptCapable) && o.Capable.HasData:
		return 0, int64(o.Capable.DataLen)
	case s.Opt.Has(wire.HasMap):
		return from - int64(int32(uint32(from+1)-s.SSN)), int64(s.MapLen)
	}
	return from, 0
}

// correct corrects the checksum of the mapping in a segment for the changes to what it
// covers (RFC 1624).
func (b *rewrite) correct(p *simnet.Packet, f *Stream) {
	o := p.Options()
	if len(f.edits) == 0 || !o.Has(wire.OptDSSChecksum) && !(o.Has(wire.OptCapable) && o.Capable.HasChecksum) {
		return
	}
	from, _ := f.Span(p.Segment())
	start, n := mappingOf(p, from)
	raw := optionBytes(b.options[:], p)
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if raw[i] != wire.KindMPTCP || end-i < 4 || raw[i+2]>>4 != wire.SubDSS && raw[i+2]>>4 != wire.SubCapable {
			continue
		}
		sum := be.Uint16(raw[end-2:]) // the last field of either
		for k := range f.edits {
			e := &f.edits[k]
			if e.pos < start || e.pos+e.del > start+n {
				continue
			}
			was, is := e.was, e.is
			if (e.pos-start)&1 != 0 {
				was, is = bits.ReverseBytes16(was), bits.ReverseBytes16(is)
			}
			sum = wire.UpdateChecksum(sum, was, is)
		}
		be.PutUint16(raw[end-2:], sum)
	}
	setOptions(p, raw)
}

// httpHeader is the proxy that one in seven paths to port 80 has (Honda et al., IMC
// 2011, section 4.5) as far as it can be seen in packets: it adds a header line to
// requests or responses, and corrects sequence numbers. It is rewrite for the line
// that every message begins with.
var httpHeaderSpec = Spec{
	Name: "http-header",
	Doc:  "adds a line to the headers of HTTP messages on one port, and corrects sequence numbers",
	Params: []Param{
		{Name: "line", Kind: Text, Default: "Via: 1.1 proxy", Doc: "the line"},
		{Name: "port", Kind: Whole, Number: 80, Min: 1, Max: 65535, Doc: "port of the server"},
		{Name: "messages", Kind: Choice, Default: "requests", Choices: []string{"requests", "responses"}, Doc: "which messages; responses have status 200"},
	},
	new: func(s *Spec, b base, v Values) Box {
		r := &rewrite{base: b, search: true}
		r.find = []byte(" HTTP/1.1\r\n")
		port := uint16(s.at(v, "port").number)
		if s.at(v, "messages").text == "responses" {
			r.find = []byte("HTTP/1.1 200 OK\r\n")
			r.SourcePort = port
		} else {
			r.DestinationPort = port
		}
		r.text = []byte(string(r.find) + s.at(v, "line").text + "\r\n")
		return r
	},
}
