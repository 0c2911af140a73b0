package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// rewriteISN replaces initial sequence numbers, as firewalls do for hosts that
// choose them badly. MPTCP is made for that: subflow sequence numbers in mappings
// are relative. A variant forgets the SACK option, whose blocks then name
// sequence numbers that the sender never used (Honda et al., IMC 2011).
var rewriteISNSpec = Spec{
	Name: "rewrite-isn",
	Doc:  "replaces the initial sequence numbers of connections whose SYN it sees; conditions choose the SYNs",
	Params: []Param{
		{Name: "sack", Kind: Choice, Default: "rewrite", Choices: []string{"rewrite", "forget"}, Doc: "what happens to the blocks of SACK options"},
		{Name: "by", Kind: Whole, Max: 1<<32 - 1, Doc: "what is added to sequence numbers; 0: drawn for each direction of a connection"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &rewriteISN{base: b, sack: s.at(v, "sack").text == "rewrite", by: uint32(s.at(v, "by").number)}
	},
}

type rewriteISN struct {
	base
	sack  bool
	by    uint32 // 0: drawn
	flows flowTable[shift]
}

// shift is what is added to the sequence numbers of one direction.
type shift struct {
	by     uint32
	isn    wire.Seq // as the host chose it
	chosen bool
}

// Process implements simnet.Box.
func (b *rewriteISN) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !isTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	if s.Flags.Has(wire.SYN) {
		b.syn(now, p, d)
	}
	acted := false
	if f := b.flows.get(p.Route()); f != nil && f.chosen {
		s.Seq += wire.Seq(f.by)
		acted = true
	}
	if f := b.flows.get(b.env.Net.Reverse(p.Route())); f != nil && f.chosen {
		if s.Flags.Has(wire.ACK) {
			s.Ack -= wire.Seq(f.by)
		}
		if by := wire.Seq(f.by); b.sack && p.Options().Has(wire.OptSACK) {
			editSACK(p, func(q wire.Seq) wire.Seq { return q - by })
		}
		acted = true
	}
	if acted {
		b.note(now, p, trace.SequenceRewritten)
	}
	out.Emit(p, d)
}

// syn chooses the shift of a new connection; a repeated SYN keeps it.
func (b *rewriteISN) syn(now sim.Time, p *simnet.Packet, d simnet.Dir) {
	isn := p.Segment().Seq
	if f := b.flows.get(p.Route()); f != nil && f.chosen && f.isn == isn {
		return
	}
	if !b.picks(now, p, d) {
		if f := b.flows.get(p.Route()); f != nil {
			f.chosen = false // another connection with the same addresses
		}
		return
	}
	f := b.flows.add(p.Route())
	if f == nil {
		b.tell(now, p, trace.BoxFull)
		return
	}
	*f = shift{b.by, isn, true}
	if b.by == 0 {
		f.by = uint32(b.env.Rand.Uint64())
	}
}
