package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// copyOptions puts options of one segment into another of the same direction, as boxes
// do that build segments from what they have in memory: into the next segment, or into
// retransmissions, which then have the options of the first transmission, old
// acknowledgements of data among them. A mapping that comes twice is the same mapping
// (RFC 8684 section 3.3.1: "a mapping is fixed"), a DATA_ACK that is old moves nothing
// (section 3.3.2: it is cumulative).
var copyOptionsSpec = Spec{
	Name: "copy-options",
	Doc:  "copies options from one segment to another of the same direction",
	Params: []Param{
		{Name: "to", Kind: Choice, Default: "next", Choices: []string{"next", "retransmission"}, Doc: "next: options of a segment are added to the next one, as far as there is room; retransmission: options of the first transmission replace those of later ones"},
		{Name: "options", Kind: Options, Default: "dss", Doc: "which options"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &copyOptions{base: b, next: s.at(v, "to").text == "next", set: s.at(v, "options").set}
	},
}

type copyOptions struct {
	base
	next  bool
	set   OptionSet
	flows flowTable[optionCopies]
	buf   [2*wire.MaxOptionsLen + 6]byte
}

// maxCopies is how many segments' options a box remembers in each direction.
const maxCopies = 256

// optionCopies are the options of the latest segments of one direction of a flow.
type optionCopies struct {
	copies []optionCopy // a ring in mode retransmission, one in mode next
	at     int
}

type optionCopy struct {
	seq     wire.Seq
	len     uint16
	options [wire.MaxOptionsLen]byte
	n       uint8
}

// Process implements simnet.Box.
func (b *copyOptions) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if isTCP(p) && !p.Segment().Flags.Has(wire.SYN) && b.picks(now, p, d) {
		if f := b.flows.add(p.Route()); f == nil {
			b.tell(now, p, trace.BoxFull)
		} else if b.next {
			b.toNext(now, f, p)
		} else if p.Segment().Len > 0 {
			b.toRetransmission(now, f, p)
		}
	}
	out.Emit(p, d)
}

// toNext adds the options of the segment before to this one.
func (b *copyOptions) toNext(now sim.Time, f *optionCopies, p *simnet.Packet) {
	raw := optionBytes(b.buf[:], p)
	own := len(raw)
	var mine optionCopy
	b.take(&mine, p, raw)
	if len(f.copies) == 0 {
		f.copies = append(f.copies, optionCopy{})
	}
	old := &f.copies[0]
	for i, end, ok := wire.NextOption(old.options[:old.n], 0); ok; i, end, ok = wire.NextOption(old.options[:old.n], end) {
		if (len(raw)+end-i+3)&^3 <= wire.MaxOptionsLen {
			raw = append(raw, old.options[i:end]...)
		}
	}
	if len(raw) > own {
		setOptions(p, raw)
		b.note(now, p, trace.OptionsCopied)
	}
	*old = mine
}

// take keeps the options of a segment that are in the set.
func (b *copyOptions) take(c *optionCopy, p *simnet.Packet, raw []byte) {
	s := p.Segment()
	c.seq, c.len, c.n = s.Seq, s.Len, 0
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if b.set.has(raw[i:end]) {
			c.n += uint8(copy(c.options[c.n:], raw[i:end]))
		}
	}
}

// toRetransmission gives a segment that passed before the options that it had.
func (b *copyOptions) toRetransmission(now sim.Time, f *optionCopies, p *simnet.Packet) {
	s := p.Segment()
	raw := optionBytes(b.buf[:], p)
	for k := range f.copies {
		c := &f.copies[k]
		if c.seq != s.Seq || c.len != s.Len {
			continue
		}
		for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
			if b.set.has(raw[i:end]) {
				raw = raw[:i+copy(raw[i:], raw[end:])]
				end = i
			}
		}
		raw = trimNOPs(raw)
		for i, end, ok := wire.NextOption(c.options[:c.n], 0); ok; i, end, ok = wire.NextOption(c.options[:c.n], end) {
			if (len(raw)+end-i+3)&^3 <= wire.MaxOptionsLen {
				raw = append(raw, c.options[i:end]...)
			}
		}
		setOptions(p, raw)
		b.note(now, p, trace.OptionsCopied)
		return
	}
	if len(f.copies) < maxCopies {
		f.copies = append(f.copies, optionCopy{})
		f.at = len(f.copies) - 1
	} else {
		f.at = (f.at + 1) % maxCopies
	}
	b.take(&f.copies[f.at], p, raw)
}
