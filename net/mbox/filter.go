package mbox

import (
	"encoding/binary"
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

var be = binary.BigEndian

// Class says which kind of packets a box acts on.
type Class string

// The classes. Others than AllPackets are of TCP.
const (
	AllPackets   Class = "all"
	SYNs         Class = "syn"    // SYN without ACK
	SYNACKs      Class = "synack" // SYN and ACK
	NonSYNs      Class = "nonsyn" // without SYN
	DataSegments Class = "data"   // without SYN, with payload
	PureACKs     Class = "ack"    // ACK without SYN, FIN, RST and payload
	FINs         Class = "fin"
	RSTs         Class = "rst"
)

// Classes returns all classes.
func Classes() []Class {
	return []Class{AllPackets, SYNs, SYNACKs, NonSYNs, DataSegments, PureACKs, FINs, RSTs}
}

// Filter says which packets a box acts on. All conditions must hold.
type Filter struct {
	// Out and In are the directions at the box's interface.
	Out, In bool
	// Off: the box does nothing until it is switched on.
	Off bool
	// From and Until bound the time, Until excluded; sim.Never: no bound.
	From, Until sim.Time
	Class       Class
	// Carrying: only packets with one of these options; empty: any.
	Carrying OptionSet
	// With: only TCP segments of which all of this is true.
	With Facts
	// Subflow: only this one of a connection, counted where the box stands: 0 is the
	// initial one; -1: any.
	Subflow int
	// Source and Destination: only packets from and to these addresses; the zero
	// prefix means any, and so does port 0.
	Source, Destination         netip.Prefix
	SourcePort, DestinationPort uint16
	// First is the number of the first packet acted on, Count how many, among
	// those that the conditions above let through, from 0; 0: no bound.
	First, Count uint64
	// Every: of those only each Every-th, beginning with First; 0 and 1: all.
	Every uint64
	// Probability with which a packet is acted on that everything above lets
	// through. It is drawn by the packet's number.
	Probability float64
	// Correlation, from 0 to 1, is that of successive draws (see simnet.Correlated).
	Correlation float64
}

// Everything is the filter that lets all packets through.
func Everything() Filter {
	return Filter{Out: true, In: true, Until: sim.Never, Class: AllPackets, Subflow: -1, Probability: 1}
}

// base is what all boxes share: the filter, and the trace of what they do.
type base struct {
	Filter
	env   *Env
	seen  uint64 // packets that the conditions let through
	acted uint64
	// flows numbers subflows, if the filter asks for one.
	flows *numberer
	luck  simnet.Correlated
	// made is the packet that the box has just made: emitting a local one would
	// let it escape to the heap.
	made   simnet.Packet
	counts []uint64 // by reason
}

// Switch switches the box on or off. State for flows stays as it is.
func (b *base) Switch(on bool) { b.Off = !on }

// Acted returns on how many packets the box has acted.
func (b *base) Acted() uint64 { return b.acted }

// NextTimeout implements simnet.Box for boxes without timers.
func (b *base) NextTimeout() sim.Time { return sim.Never }

// HandleTimeout implements simnet.Box for boxes without timers.
func (b *base) HandleTimeout(sim.Time, simnet.Emitter) {}

// active reports whether the box does anything at all now.
func (b *base) active(now sim.Time) bool { return !b.Off && now >= b.From && now < b.Until }

// towards reports whether direction d is one of the filter's.
func (b *base) towards(d simnet.Dir) bool { return d == simnet.Out && b.Out || d == simnet.In && b.In }

// picks reports whether the box acts on a packet, and counts it.
func (b *base) picks(now sim.Time, p *simnet.Packet, d simnet.Dir) bool {
	if b.Carrying.Empty() && b.With == 0 && b.Subflow < 0 {
		if !b.active(now) || !b.towards(d) || !b.class(p) || !b.tuple(p) {
			return false
		}
	} else if !b.means(now, p, d) {
		return false
	}
	n := b.seen
	b.seen++
	if n < b.First {
		return false
	}
	if k := n - b.First; b.Every > 1 {
		if k%b.Every != 0 || b.Count > 0 && k/b.Every >= b.Count {
			return false
		}
	} else if b.Count > 0 && k >= b.Count {
		return false
	}
	return b.Probability >= 1 || b.luck.At(n) < b.Probability
}

// means reports whether a filter that looks at options lets a packet through.
func (b *base) means(now sim.Time, p *simnet.Packet, d simnet.Dir) bool {
	if p.Tuple().Proto != wire.ProtoTCP {
		return false
	}
	var buf [wire.MaxOptionsLen + 3]byte
	raw := optionBytes(buf[:], p)
	return (b.Subflow < 0 || b.flows.is(p, uint32(b.Subflow))) && b.active(now) && b.towards(d) && b.class(p) && b.tuple(p) &&
		(b.Carrying.Empty() || b.Carrying.in(raw)) && (b.With == 0 || factsOf(p.Segment(), raw)&b.With == b.With)
}

// class reports whether a packet is of the filter's class.
func (b *base) class(p *simnet.Packet) bool {
	if b.Class == AllPackets {
		return true
	}
	if p.Tuple().Proto != wire.ProtoTCP {
		return false
	}
	s := p.Segment()
	syn := s.Flags.Has(wire.SYN)
	switch b.Class {
	case SYNs:
		return syn && !s.Flags.Has(wire.ACK)
	case SYNACKs:
		return syn && s.Flags.Has(wire.ACK)
	case NonSYNs:
		return !syn
	case DataSegments:
		return !syn && s.Len > 0
	case PureACKs:
		return s.Len == 0 && s.Flags&(wire.SYN|wire.FIN|wire.RST|wire.ACK) == wire.ACK
	case FINs:
		return s.Flags.Has(wire.FIN)
	}
	return s.Flags.Has(wire.RST)
}

// tuple reports whether the addresses of a packet are those of the filter.
func (b *base) tuple(p *simnet.Packet) bool {
	t := p.Tuple()
	return (!b.Source.IsValid() || b.Source.Contains(t.Src.Addr())) &&
		(!b.Destination.IsValid() || b.Destination.Contains(t.Dst.Addr())) &&
		(b.SourcePort == 0 || b.SourcePort == t.Src.Port()) &&
		(b.DestinationPort == 0 || b.DestinationPort == t.Dst.Port())
}

// Times returns how often the box has done something for a reason.
func (b *base) Times(why trace.Reason) uint64 {
	if int(why) < len(b.counts) {
		return b.counts[why]
	}
	return 0
}

// note records that the box has acted on a packet.
func (b *base) note(now sim.Time, p *simnet.Packet, what trace.Reason) {
	b.acted++
	b.tell(now, p, what)
}

// tell records something about a packet.
func (b *base) tell(now sim.Time, p *simnet.Packet, what trace.Reason) {
	for int(what) >= len(b.counts) {
		b.counts = append(b.counts, 0)
	}
	b.counts[what]++
	s := p.Segment()
	b.env.record = trace.Record{
		At: now, Kind: trace.BoxAction, Why: what, Flow: -1,
		A: int64(b.env.Number), B: int64(s.Seq), C: int64(s.Len), D: int64(s.Flags),
	}
	b.env.Node.Trace().Emit(&b.env.record)
}

// isTCP reports whether a packet is a whole TCP segment.
func isTCP(p *simnet.Packet) bool {
	return p.Tuple().Proto == wire.ProtoTCP && !p.Options().Has(wire.OptOpaque)
}

// opposite returns the other direction.
func opposite(d simnet.Dir) simnet.Dir {
	if d == simnet.In {
		return simnet.Out
	}
	return simnet.In
}
