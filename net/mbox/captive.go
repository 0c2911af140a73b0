package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// captive is the portal of a network that lets nobody through before he has logged in
// (RFC 8041 section 3.10, RFC 8952). It answers connections in the name of every
// server, on ports on which it expects a browser, with a redirection to its own page,
// and swallows the rest. It knows nothing of MPTCP: the connection that it accepts is
// plain TCP, and a join that it accepts without MP_JOIN is reset by the host (RFC 8684
// section 3.2). Switching the box off is the login.
//
// The portal keeps no state: its sequence numbers follow from what it acknowledges,
// and a lost answer is answered for again when the host sends again.
var captiveSpec = Spec{
	Name: "captive",
	Doc:  "a captive portal: answers connections in the name of servers until it is switched off, and swallows the rest; direction is that of the hosts' packets",
	Params: []Param{
		{Name: "answer", Kind: Choice, Default: "redirect", Choices: []string{"redirect", "rst", "drop"}, Doc: "what TCP gets: a connection with an HTTP redirection, a RST, or nothing"},
		{Name: "ports", Kind: Text, Doc: "ports that are answered, \"80\"; none: all"},
		{Name: "page", Kind: Text, Default: "http://portal.example/login", Doc: "where the redirection leads"},
		{Name: "dns", Kind: Flag, Number: 1, Doc: "UDP to port 53 passes"},
	},
	check: func(name string, v *value) error {
		if name != "ports" {
			return nil
		}
		_, err := parsePorts(name, v.text)
		return err
	},
	new: func(s *Spec, b base, v Values) Box {
		ports, err := parsePorts("ports", s.at(v, "ports").text)
		if err != nil {
			sim.Bugf("ports passed their check: %v", err)
		}
		x := &captive{base: b, ports: ports, dns: s.at(v, "dns").number == 1, answer: s.at(v, "answer").text}
		x.text = []byte("HTTP/1.1 302 Found\r\nLocation: " + s.at(v, "page").text + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		x.pieces = []wire.Piece{{Len: uint32(len(x.text)), Data: x.text}}
		return x
	},
}

type captive struct {
	base
	ports   []uint16
	dns     bool
	answer  string
	text    []byte
	pieces  []wire.Piece
	refusal Refusal
}

// portalISN is the portal's initial sequence number: everything else follows from it.
const portalISN wire.Seq = 1 << 30

// Process implements simnet.Box.
func (b *captive) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	t := p.Tuple()
	if b.dns && t.Proto == wire.ProtoUDP && t.Dst.Port() == 53 || !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	if isTCP(p) && b.expects(t.Dst.Port()) {
		switch b.answer {
		case "redirect":
			b.serve(now, p, d, out)
		case "rst":
			b.tell(now, p, trace.BoxReject)
			b.refusal.Reset(p, d, out)
		}
	}
	b.note(now, p, trace.BoxDrop)
	out.Drop(p, trace.BoxDrop)
}

// expects reports whether the portal answers on a port.
func (b *captive) expects(port uint16) bool {
	for _, x := range b.ports {
		if x == port {
			return true
		}
	}
	return len(b.ports) == 0
}

// serve answers a segment: a SYN is accepted, data is answered by the page and the end
// of the stream, a FIN is acknowledged. What belongs to no connection of the portal's,
// because it began before, is reset.
func (b *captive) serve(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := *p.Segment()
	end := portalISN.Add(1 + len(b.text) + 1)
	switch {
	case s.Flags.Has(wire.RST):
		return
	case s.Flags&(wire.SYN|wire.ACK) == wire.SYN:
		b.reply(p, d, wire.SYN|wire.ACK, portalISN, s.Seq.Add(1), nil, out)
	case !s.Flags.Has(wire.ACK) || s.Ack != portalISN+1 && s.Ack != end:
		b.refusal.Reset(p, d, out)
	case s.Len > 0 && s.Ack == portalISN+1:
		b.reply(p, d, wire.ACK|wire.PSH|wire.FIN, s.Ack, b.behind(&s), b.pieces, out)
	case s.Len > 0 || s.Flags.Has(wire.FIN):
		b.reply(p, d, wire.ACK, s.Ack, b.behind(&s), nil, out)
	default:
		return // an acknowledgement
	}
	b.tell(now, p, trace.CaptiveAnswer)
}

// behind returns what acknowledges a segment.
func (b *captive) behind(s *wire.Segment) wire.Seq {
	q := s.Seq.Add(int(s.Len))
	if s.Flags.Has(wire.FIN) {
		q++
	}
	return q
}

// reply sends a segment of the portal's without options.
func (b *captive) reply(p *simnet.Packet, d simnet.Dir, flags wire.Flags, seq, ack wire.Seq, payload []wire.Piece, out simnet.Emitter) {
	b.made = out.New(p.Tuple().Reverse())
	a := b.made.Segment()
	a.TTL, a.Flags, a.Seq, a.Ack, a.Window = 64, flags, seq, ack, 65535
	if payload != nil {
		wire.SetPieces(a, b.made.AddOptions(), payload)
	}
	out.Emit(&b.made, opposite(d))
}
