package wire

import (
	"net/netip"
	"strconv"
)

// Format returns the packet on one line in the wording of tcpdump -n -S -t
// (4.99), with what that version does not know in the same manner: the flags of
// MP_CAPABLE, its data-level length and checksum, and MP_TCPRST. o may be nil.
// Packets whose checksum is not the computed one say so at the end.
func Format(t *Tuple, s *Segment, o *Options) string {
	return string(AppendFormat(nil, t, s, o))
}

// AppendFormat appends what [Format] returns.
func AppendFormat(b []byte, t *Tuple, s *Segment, o *Options) []byte {
	v6 := !t.isIPv4()
	if v6 {
		b = append(b, "IP6 "...)
	} else {
		b = append(b, "IP "...)
	}
	ports := (t.Proto == ProtoTCP || t.Proto == ProtoUDP) && !o.Has(OptOpaque)
	b = appendEnd(b, t.Src, ports)
	b = append(b, " > "...)
	b = appendEnd(b, t.Dst, ports)
	b = append(b, ": "...)
	switch {
	case o.Has(OptOpaque):
		b = append(b, "ip-proto-"...)
		b = appendUint(b, uint64(t.Proto))
		b = appendLength(b, int(s.Len))
	case o.Has(OptICMP):
		b = appendICMPFormat(b, t, o)
		b = appendLength(b, len(o.ICMP)+int(s.Len))
	case t.Proto == ProtoTCP:
		b = appendTCP(b, s, o)
	case t.Proto == ProtoUDP:
		b = append(b, "UDP"...)
		b = appendLength(b, int(s.Len))
	}
	if o.Has(OptBadSum) && !o.Has(OptCut) {
		b = append(b, " (bad cksum)"...)
	}
	if o.IsFragment() && t.isIPv4() { // as tcpdump prints it: id, length, offset, + for more
		b = append(b, " (frag "...)
		b = append(appendUint(b, uint64(o.IP.ID)), ':')
		b = append(appendUint(b, uint64(PayloadLen(t, s, o))), '@')
		b = appendUint(b, uint64(o.FragmentStart()))
		if o.IP.Frag&FragMore != 0 {
			b = append(b, '+')
		}
		b = append(b, ')')
	}
	return b
}

// String returns the tuple as tcpdump prints ends of a flow.
func (t *Tuple) String() string {
	ports := t.Proto == ProtoTCP || t.Proto == ProtoUDP
	return string(appendEnd(append(appendEnd(nil, t.Src, ports), " > "...), t.Dst, ports))
}

// String returns the flags as tcpdump prints them: F S R P . U E W e, or none.
func (f Flags) String() string { return string(appendFlags(nil, f)) }

const flagLetters = "FSRP.UEWe"

func appendFlags(b []byte, f Flags) []byte {
	if f&0x1ff == 0 {
		return append(b, "none"...)
	}
	for i := range len(flagLetters) {
		if f&(1<<i) != 0 {
			b = append(b, flagLetters[i])
		}
	}
	return b
}

func appendEnd(b []byte, a netip.AddrPort, port bool) []byte {
	b = a.Addr().AppendTo(b)
	if port {
		b = append(b, '.')
		b = appendUint(b, uint64(a.Port()))
	}
	return b
}

func appendTCP(b []byte, s *Segment, o *Options) []byte {
	b = append(b, "Flags ["...)
	b = appendFlags(b, s.Flags)
	b = append(b, ']')
	if s.Len > 0 || s.Flags&(SYN|FIN|RST) != 0 {
		b = append(b, ", seq "...)
		b = appendUint(b, uint64(s.Seq))
		if s.Len > 0 {
			b = append(b, ':')
			b = appendUint(b, uint64(s.Seq+Seq(s.Len)))
		}
	}
	if s.Flags.Has(ACK) {
		b = append(b, ", ack "...)
		b = appendUint(b, uint64(s.Ack))
	}
	b = append(b, ", win "...)
	b = appendUint(b, uint64(s.Window))
	if s.Flags.Has(URG) {
		urgent := uint16(0)
		if o.Has(OptUrgent) {
			urgent = o.Urgent
		}
		b = append(b, ", urg "...)
		b = appendUint(b, uint64(urgent))
	}
	if s.OptionsLen(o) > 0 {
		var room [MaxOptionsLen]byte
		b = append(b, ", options ["...)
		b = appendOptionsFormat(b, AppendOptions(room[:0], s, o))
		b = append(b, ']')
	}
	return appendLength(b, int(s.Len))
}

// appendICMPFormat prints echoes, errors with the flow that they are about, and
// of other messages type and code.
func appendICMPFormat(b []byte, t *Tuple, o *Options) []byte {
	name, sep := "ICMP", " "
	if t.Proto == ProtoICMPv6 {
		name, sep = "ICMP6", ", "
	}
	b = append(append(b, name...), sep...)
	var m ICMPMessage
	if ParseICMP(o.ICMP, &m) != nil {
		return append(b, "truncated"...)
	}
	switch m.Kind(t.Proto) {
	case ICMPEchoRequest, ICMPEchoReply:
		word := "echo request, id "
		if m.Kind(t.Proto) == ICMPEchoReply {
			word = "echo reply, id "
		}
		b = append(b, word...)
		b = appendUint(b, uint64(m.ID()))
		b = append(b, ", seq "...)
		return appendUint(b, uint64(m.Seq()))
	case ICMPTooBig:
		if t.Proto == ProtoICMPv6 {
			b = append(b, "packet too big, mtu "...)
			return appendUint(b, uint64(m.MTU(t.Proto)))
		}
		b = append(appendQuoted(b, &m), " unreachable - need to frag (mtu "...)
		return append(appendUint(b, uint64(m.MTU(t.Proto))), ')')
	case ICMPUnreachable:
		b = append(appendQuoted(b, &m), " unreachable, code "...)
		return appendUint(b, uint64(m.Code))
	case ICMPTimeExceeded:
		return append(b, "time exceeded in-transit"...)
	}
	b = append(b, "type-"...)
	b = appendUint(b, uint64(m.Type))
	b = append(b, " code-"...)
	return appendUint(b, uint64(m.Code))
}

// appendQuoted prints the destination of the packet that an error is about.
func appendQuoted(b []byte, m *ICMPMessage) []byte {
	var t Tuple
	if _, err := ParseQuote(m.Body, &t); err != nil {
		return append(b, "packet"...)
	}
	return t.Dst.Addr().AppendTo(b)
}

func appendLength(b []byte, n int) []byte {
	b = append(b, ", length "...)
	return appendUint(b, uint64(n))
}

func appendUint(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }

func appendHex(b []byte, n uint64) []byte { return strconv.AppendUint(append(b, "0x"...), n, 16) }

// appendOctets prints octets as one hexadecimal number, zeros included.
func appendOctets(b, p []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range p {
		b = append(b, digits[c>>4], digits[c&0xf])
	}
	return b
}
