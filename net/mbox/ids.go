package mbox

import (
	"crypto/sha1"
	"crypto/sha256"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ids is an intrusion detection system, or any box that reads payload: it puts the
// segments of a stream that pass it in order and looks for a text. It changes nothing.
// What it reports is how much it can see when data goes over several paths (RFC 8041
// section 5, figures 8 and 9).
//
// One that knows nothing of MPTCP takes each subflow for a stream of its own, by
// subflow sequence numbers: it sees no holes, and what lies on both sides of a change
// of subflow is not together for it. One that is aware puts data in the order of data
// sequence numbers, and subflows together by the token, which it learns from the keys
// in the handshake (RFC 8684 sections 3.1 and 3.2; RFC 6824 for version 0); what goes
// another way leaves holes. Aware, but without the initial handshake in sight, it knows
// a connection by the token in MP_JOIN, and counts nothing as in order, since it does
// not know where the stream begins. After a fallback it reads subflow sequence numbers.
//
// Not modelled: time-outs, and evasion by overlapping segments: the first copy counts.
var idsSpec = Spec{
	Name: "ids",
	Doc:  "an intrusion detector: puts the payload that passes it in order and looks for a text; box_report tells what it has seen",
	Params: []Param{
		{Name: "signature", Kind: Text, Doc: "text that it looks for"},
		{Name: "content_at", Kind: Whole, Number: -1, Min: -1, Max: 1 << 40, Doc: "it looks for the content of the stream at this offset instead; -1: for signature"},
		{Name: "content_length", Kind: Whole, Number: 16, Min: 1, Max: maxSignature, Doc: "octets of that content"},
		{Name: "aware", Kind: Flag, Doc: "it knows MPTCP: data sequence numbers, and which subflows belong together"},
	},
	check: func(name string, v *value) error {
		if len(v.text) > maxSignature {
			return errSignature
		}
		return nil
	},
	new: func(s *Spec, b base, v Values) Box {
		x := &ids{base: b, aware: s.at(v, "aware").number == 1, signature: []byte(s.at(v, "signature").text)}
		if at := s.at(v, "content_at").number; at >= 0 {
			x.signature = make([]byte, s.at(v, "content_length").number)
			wire.FillContent(x.signature, uint64(at))
		}
		x.tokens = make(map[uint32]int32)
		return x
	},
}

type ids struct {
	base
	aware     bool
	signature []byte
	flows     flowTable[watched]
	streams   []stream
	tokens    map[uint32]int32 // of connections: their stream of the opener; the other is the next
	payload   []byte
	work      workspace
}

// watched is one direction of a TCP flow.
type watched struct {
	isn    wire.Seq
	seen   bool
	stream int32 // number from 1 of its own stream; 0: none
	conn   int32 // number from 1 of the stream of its direction of the connection; 0: none
	high   int64 // of its own stream: what sequence numbers are near to
	plain  bool  // the flow is plain TCP again
	from   int64 // the latest mapping: a position in the flow, one in the data, and a length
	data   int64
	length int64
}

// Process implements simnet.Box.
func (b *ids) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if isTCP(p) {
		if p.Segment().Flags.Has(wire.SYN) {
			b.opens(now, p)
		}
		if b.aware {
			b.handshake(now, p)
		}
		if p.Segment().Len > 0 && b.picks(now, p, d) {
			if f := b.flows.get(p.Route()); f != nil && f.seen {
				b.read(now, p, f)
			}
		}
	}
	out.Emit(p, d)
}

// opens begins a direction of a flow.
func (b *ids) opens(now sim.Time, p *simnet.Packet) {
	s := p.Segment()
	f := b.flows.add(p.Route())
	if f == nil {
		b.tell(now, p, trace.BoxFull)
		return
	}
	if f.seen && f.isn == s.Seq {
		return
	}
	conn := f.conn
	if f.seen {
		conn = 0 // another connection with the same addresses and ports
	}
	*f = watched{isn: s.Seq, seen: true, conn: conn}
}

// handshake takes over what MP_CAPABLE and MP_JOIN say.
func (b *ids) handshake(now sim.Time, p *simnet.Packet) {
	s, o := p.Segment(), p.Options()
	f := b.flows.get(p.Route())
	if f == nil || f.conn > 0 {
		return
	}
	switch {
	case o.Has(wire.OptCapable) && o.Capable.Keys == 2 && !s.Flags.Has(wire.SYN):
		opener, _ := keyed(&o.Capable, o.Capable.SenderKey)
		other, token := keyed(&o.Capable, o.Capable.ReceiverKey)
		b.joins(now, p, token)
		if f = b.flows.get(p.Route()); f.conn > 0 {
			x := &b.streams[f.conn-1]
			x.known, x.base = true, opener+1
			y := &b.streams[f.conn]
			y.known, y.base = true, other+1
		}
	case o.Has(wire.OptJoin) && o.Join.Form == wire.JoinSYN && s.Flags&(wire.SYN|wire.ACK) == wire.SYN:
		b.joins(now, p, o.Join.Token)
	}
}

// keyed returns the initial data sequence number and the token that belong to a key.
func keyed(c *wire.Capable, key uint64) (idsn wire.DSN, token uint32) {
	var k [8]byte
	be.PutUint64(k[:], key)
	if c.Version == 0 {
		sum := sha1.Sum(k[:])
		return wire.DSN(be.Uint64(sum[12:])), be.Uint32(sum[:])
	}
	sum := sha256.Sum256(k[:])
	return wire.DSN(be.Uint64(sum[24:])), be.Uint32(sum[:])
}

// joins puts a subflow, whose opener sent this packet, into the connection of the
// server's token. MP_JOIN of the server names the token of the client, which is another
// connection to this box.
func (b *ids) joins(now sim.Time, p *simnet.Packet, token uint32) {
	i, ok := b.tokens[token]
	if !ok {
		if len(b.streams)+2 > maxFlows {
			b.tell(now, p, trace.BoxFull)
			return
		}
		i = int32(len(b.streams))
		b.streams = append(b.streams, stream{}, stream{})
		b.tokens[token] = i
	}
	if f := b.flows.get(p.Route()); f != nil {
		f.conn = i + 1
	}
	back := b.env.Net.Reverse(p.Route())
	if g := b.flows.add(back); g != nil {
		g.conn = i + 2
	}
}

// read puts the payload of a segment into its stream.
func (b *ids) read(now sim.Time, p *simnet.Packet, f *watched) {
	s := p.Segment()
	x, at := b.place(now, p, f)
	if x == nil {
		return
	}
	b.payload = appendPayload(b.payload[:0], s, p.Options())
	x.tag(p.Route())
	found := x.put(at, b.payload, b.signature, &b.work)
	b.note(now, p, trace.Inspected)
	for range found {
		b.tell(now, p, trace.SignatureFound)
	}
}

// appendPayload appends the payload of a packet to dst.
func appendPayload(dst []byte, s *wire.Segment, o *wire.Options) []byte {
	if !o.Has(wire.OptPieces) {
		n := len(dst)
		dst = append(dst, make([]byte, s.Len)...)
		wire.FillContent(dst[n:], s.Off)
		return dst
	}
	for i := range o.Pieces {
		q := &o.Pieces[i]
		if q.Data != nil {
			dst = append(dst, q.Data...)
			continue
		}
		n := len(dst)
		dst = append(dst, make([]byte, q.Len)...)
		wire.FillContent(dst[n:], q.Off)
	}
	return dst
}

// place returns the stream of a segment and the position of its payload there.
func (b *ids) place(now sim.Time, p *simnet.Packet, f *watched) (*stream, int64) {
	s, o := p.Segment(), p.Options()
	pos := f.high + int64(s.Seq.Diff(f.isn.Add(1)+wire.Seq(f.high)))
	f.high = max(f.high, pos+int64(s.Len))
	if b.aware && f.conn > 0 && !f.plain {
		x := &b.streams[f.conn-1]
		switch {
		case o.Has(wire.OptCapable) && o.Capable.HasData:
			f.from, f.data, f.length = pos, x.position(x.base, true), int64(s.Len)
		case s.Opt.Has(wire.HasMap) && s.MapLen == 0:
			f.plain = true // an infinite mapping
		case s.Opt.Has(wire.HasMap):
			f.from = pos - int64(int32(uint32(pos+1)-s.SSN))
			f.data, f.length = x.position(s.DSN, s.Opt.Has(wire.DSN8)), int64(s.MapLen)
		}
		if !f.plain && pos >= f.from && pos+int64(s.Len) <= f.from+f.length {
			return x, f.data + pos - f.from
		}
		if !f.plain && s.Opt.Has(wire.HasDSS) {
			return nil, 0 // payload outside of its mapping, which no receiver takes
		}
	}
	if f.stream == 0 {
		if len(b.streams) >= maxFlows {
			b.tell(now, p, trace.BoxFull)
			return nil, 0
		}
		b.streams = append(b.streams, stream{known: true})
		f.stream = int32(len(b.streams))
	}
	return &b.streams[f.stream-1], pos
}
