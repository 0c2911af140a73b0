package host

import (
	"encoding/binary"

	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// send puts a segment of the endpoint onto the network.
func (h *Host) send(now sim.Time, out *mptcp.Segment) {
	n := h.net
	out.Cold = 0 // a number of the endpoint's would mean nothing here
	if out.Route == 0 {
		out.Route = uint32(h.route(out))
	}
	id, s := n.AllocLike(&out.Segment)
	if out.Opt != nil {
		n.AddOptions(id).CopyFrom(out.Opt)
	}
	if h.clearDF {
		h.clear(id)
	}
	h.record(now, trace.PacketSent, s, out.Opt, out.Socket, n.Measure(id))
	n.Originate(now, h.origin, id)
}

// SetDF says whether the host's IPv4 packets have the flag DF, which is so by default.
// Without it (Linux: IP_PMTUDISC_DONT, sysctl ip_no_pmtu_disc=1) nodes cut what is longer than an MTU. An
// identification then counts the packets of the host (RFC 791 section 3.2; Linux counts
// those of each socket).
func (h *Host) SetDF(on bool) { h.clearDF = !on }

// clear takes DF from a packet.
func (h *Host) clear(id simnet.PacketID) {
	if !h.net.Tuple(simnet.RouteID(h.net.Segment(id).Route)).Src.Addr().Is4() {
		return
	}
	h.ident++
	o := h.net.AddOptions(id)
	o.Present |= wire.OptIP
	o.IP = wire.IPFields{ID: h.ident}
}

// route returns the route of a segment whose flow does not know it. Socket numbers may be
// used again, and a new connection begins with a SYN, so a SYN always asks anew.
func (h *Host) route(out *mptcp.Segment) simnet.RouteID {
	n := int(out.Socket)
	if n == 0 {
		return h.net.Intern(*out.Tuple)
	}
	for n >= len(h.routes) {
		h.routes = append(h.routes, 0)
	}
	r := &h.routes[n]
	if *r == 0 || out.Flags.Has(wire.SYN) {
		*r = h.net.Intern(*out.Tuple)
	}
	return *r
}

// record folds a whole packet into the node's chain and shows it to the sinks
// that want packets. The length of the payload follows from the other words.
func (h *Host) record(now sim.Time, k trace.Kind, s *wire.Segment, o *wire.Options, socket uint32, size int) {
	c := h.log.Chain // in registers
	c = c.With(uint64(now)<<2|uint64(k)&3, h.net.TupleHash(simnet.RouteID(s.Route))^uint64(size))
	c = c.With(uint64(s.Seq)<<32|uint64(s.Ack), uint64(s.TSVal)<<32|uint64(s.TSEcr))
	c = c.With(s.Off, uint64(s.Window)<<48|uint64(s.Flags)<<32|uint64(s.Opt)<<16|uint64(s.TTL)<<8|uint64(s.TOS))
	if s.Opt.Has(wire.HasDSS) {
		c = c.With(uint64(s.DSN), uint64(s.DataAck))
		c = c.With(uint64(s.SSN), uint64(s.MapLen))
	}
	h.log.Chain = c
	if o != nil {
		if o.Has(wire.OptPieces) {
			h.foldPieces(s, o)
		}
		if o.Present&^wire.OptPieces != 0 {
			h.foldOptions(s, o)
		}
	}
	if h.log.Wants(k) {
		h.observe(now, k, s, socket, size)
	}
}

// observe shows a packet to the sinks. It is no part of record, whose values would
// have to be kept for it. One that is received names no connection: none has looked at it.
//
//go:noinline
func (h *Host) observe(now sim.Time, k trace.Kind, s *wire.Segment, socket uint32, size int) {
	conn, flow := uint32(0), int32(-1)
	if socket != 0 {
		conn, flow = h.ep.Owner(socket)
	}
	r := h.log.Scratch()
	*r = trace.Record{
		At: now, Kind: k, Conn: conn, Flow: flow,
		A: int64(s.Seq), B: int64(s.Ack), C: int64(s.Flags), D: int64(s.Len), E: int64(size),
	}
	h.log.Observe(r)
}

// foldOptions folds the exact bytes of the options, so that whatever a cold
// record carries enters the hash.
func (h *Host) foldOptions(s *wire.Segment, o *wire.Options) {
	h.scratch = wire.AppendOptions(h.scratch[:0], s, o)
	b := h.scratch
	for len(b)%16 != 0 {
		b = append(b, 0)
	}
	h.scratch = b
	for ; len(b) > 0; b = b[16:] {
		h.log.Fold(binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]))
	}
}

// foldPieces folds literal payload, so far as it is not the content of its true
// offset: that is folded with the header, so that a run has the same hash with
// virtual and with literal bytes.
func (h *Host) foldPieces(s *wire.Segment, o *wire.Options) {
	off := s.Off
	for i := range o.Pieces {
		p := &o.Pieces[i]
		switch {
		case p.Data == nil && p.Off != off:
			h.log.Fold(p.Off, uint64(p.Len))
		case p.Data != nil && wire.ContentEqual(p.Data, off) < len(p.Data):
			b := p.Data
			for ; len(b) >= 8; b = b[8:] {
				h.log.Fold(binary.BigEndian.Uint64(b), off)
			}
			for _, c := range b {
				h.log.Fold(uint64(c), off)
			}
		}
		off += uint64(p.Len)
	}
}
