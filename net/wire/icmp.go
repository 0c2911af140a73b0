package wire

import "net/netip"

// ICMPMessage is an ICMP (RFC 792) or ICMPv6 (RFC 4443) message as typed value.
// The checksum is not part of it: it is computed where the packet is made.
type ICMPMessage struct {
	Type, Code uint8
	Rest       uint32 // octets 4 to 7, whose meaning depends on the type
	Body       []byte // what follows: data of an echo, or the quoted packet of an error
}

// ICMPKind is what a message says, in either version of ICMP.
type ICMPKind uint8

// Kinds of messages that are told apart.
const (
	ICMPOther ICMPKind = iota
	ICMPEchoRequest
	ICMPEchoReply
	ICMPUnreachable  // of any code but the next
	ICMPTooBig       // fragmentation needed (RFC 1191), packet too big (RFC 8201)
	ICMPTimeExceeded // hop limit or reassembly time
)

// Types and codes (RFC 792, RFC 4443).
const (
	icmp4EchoReply, icmp4Unreachable, icmp4Echo, icmp4Time           = 0, 3, 8, 11
	icmp4CodeFragNeeded                                              = 4
	icmp6Unreachable, icmp6TooBig, icmp6Time, icmp6Echo, icmp6EchoRe = 1, 2, 3, 128, 129
)

// ICMPReassemblyTime is the code of time exceeded that says so of the reassembly of
// fragments (RFC 792).
const ICMPReassemblyTime = 1

// ParseICMP parses a message of ICMP or ICMPv6, as Options.ICMP holds it.
// Body aliases b.
func ParseICMP(b []byte, m *ICMPMessage) error {
	if len(b) < ICMPHeaderLen {
		return errAt(len(b), ErrICMP)
	}
	*m = ICMPMessage{b[0], b[1], be.Uint32(b[4:]), b[ICMPHeaderLen:]}
	return nil
}

// AppendICMP appends the message with a checksum field of zero, as
// Options.ICMP holds it.
func AppendICMP(b []byte, m *ICMPMessage) []byte {
	b = append(b, m.Type, m.Code, 0, 0)
	b = be.AppendUint32(b, m.Rest)
	return append(b, m.Body...)
}

// Kind returns what the message says if it came in a packet of proto
// [ProtoICMP] or [ProtoICMPv6].
func (m *ICMPMessage) Kind(proto uint8) ICMPKind {
	if proto == ProtoICMPv6 {
		switch m.Type {
		case icmp6Echo:
			return ICMPEchoRequest
		case icmp6EchoRe:
			return ICMPEchoReply
		case icmp6Unreachable:
			return ICMPUnreachable
		case icmp6TooBig:
			return ICMPTooBig
		case icmp6Time:
			return ICMPTimeExceeded
		}
		return ICMPOther
	}
	switch m.Type {
	case icmp4Echo:
		return ICMPEchoRequest
	case icmp4EchoReply:
		return ICMPEchoReply
	case icmp4Unreachable:
		if m.Code == icmp4CodeFragNeeded {
			return ICMPTooBig
		}
		return ICMPUnreachable
	case icmp4Time:
		return ICMPTimeExceeded
	}
	return ICMPOther
}

// ID returns the identifier of an echo.
func (m *ICMPMessage) ID() uint16 { return uint16(m.Rest >> 16) }

// Seq returns the sequence number of an echo.
func (m *ICMPMessage) Seq() uint16 { return uint16(m.Rest) }

// MTU returns the next-hop MTU of a message of kind [ICMPTooBig]: 16 bits in
// ICMP, where 0 means that the router does not say, 32 bits in ICMPv6.
func (m *ICMPMessage) MTU(proto uint8) uint32 {
	if proto == ProtoICMPv6 {
		return m.Rest
	}
	return m.Rest & 0xffff
}

// NewEcho returns an echo request or, if reply, an echo reply.
func NewEcho(proto uint8, reply bool, id, seq uint16, data []byte) ICMPMessage {
	m := ICMPMessage{Rest: uint32(id)<<16 | uint32(seq), Body: data}
	switch {
	case proto == ProtoICMPv6 && reply:
		m.Type = icmp6EchoRe
	case proto == ProtoICMPv6:
		m.Type = icmp6Echo
	case !reply:
		m.Type = icmp4Echo
	}
	return m
}

// NewTooBig returns the message of a router to the source of a packet, quoted,
// that is longer than the MTU of the next link.
func NewTooBig(proto uint8, mtu uint32, quote []byte) ICMPMessage {
	if proto == ProtoICMPv6 {
		return ICMPMessage{Type: icmp6TooBig, Rest: mtu, Body: quote}
	}
	return ICMPMessage{Type: icmp4Unreachable, Code: icmp4CodeFragNeeded, Rest: mtu & 0xffff, Body: quote}
}

// NewUnreachable returns the message to the source of a packet, quoted, that
// cannot be delivered. The codes differ between the versions of ICMP.
func NewUnreachable(proto, code uint8, quote []byte) ICMPMessage {
	if proto == ProtoICMPv6 {
		return ICMPMessage{Type: icmp6Unreachable, Code: code, Body: quote}
	}
	return ICMPMessage{Type: icmp4Unreachable, Code: code, Body: quote}
}

// NewTimeExceeded returns the message to the source of a packet, quoted, whose
// hop limit has run out.
func NewTimeExceeded(proto uint8, quote []byte) ICMPMessage {
	if proto == ProtoICMPv6 {
		return ICMPMessage{Type: icmp6Time, Body: quote}
	}
	return ICMPMessage{Type: icmp4Time, Body: quote}
}

// QuotedLen returns the length of the packet that an ICMP error quotes as its IP header
// states it, in octets; 0 if the header is not there.
func QuotedLen(b []byte) int {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		return int(be.Uint16(b[2:]))
	case len(b) >= 40 && b[0]>>4 == 6:
		return 40 + int(be.Uint16(b[4:]))
	}
	return 0
}

// ParseQuote reads from the quoted packet of an ICMP error which flow, and of
// TCP which sequence number, the error is about. Eight octets behind the IP
// header are enough (RFC 792).
func ParseQuote(b []byte, t *Tuple) (Seq, error) {
	if len(b) == 0 {
		return 0, errAt(0, ErrTruncated)
	}
	var s Segment
	var o Options
	var ip int
	var frag uint16
	var err error
	switch b[0] >> 4 {
	case 4:
		_, ip, frag, err = parseIPv4(b, t, &s, &o)
	case 6:
		_, ip, frag, err = parseIPv6(b, t, &s, &o)
	default:
		err = errAt(0, ErrVersion)
	}
	switch {
	case err != nil:
		return 0, err
	case len(b) < ip+8, frag&FragOffset != 0, t.Proto != ProtoTCP && t.Proto != ProtoUDP:
		return 0, errAt(ip, ErrQuote)
	}
	t.Src = netip.AddrPortFrom(t.Src.Addr(), be.Uint16(b[ip:]))
	t.Dst = netip.AddrPortFrom(t.Dst.Addr(), be.Uint16(b[ip+2:]))
	if t.Proto == ProtoUDP {
		return 0, nil
	}
	return Seq(be.Uint32(b[ip+4:])), nil
}
