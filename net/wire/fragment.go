package wire

import "net/netip"

// Fragmentation of IPv4 packets (RFC 791 sections 2.3 and 3.2) on typed values: what is
// behind the IP header is the transport header and the payload pieces, of which a
// fragment has a part. The first fragment of a TCP or UDP packet keeps its typed header
// as long as that is whole in it; its checksum is over the whole packet and is kept
// (OptL4Sum). All others, and a first one with less than the header (RFC 1858), are
// opaque. Payload stays virtual. IPv6 packets are not cut: only their source may, and
// none does here.

// dontFragment is the flag DF of the IPv4 header.
const dontFragment = 0x4000

// IsFragment reports whether the packet is a part of an IPv4 packet. o may be nil.
func (o *Options) IsFragment() bool {
	return o.Has(OptIP) && o.IP.Frag&(FragMore|FragOffset) != 0
}

// FragmentStart returns the offset of a fragment in the IP payload, in octets.
func (o *Options) FragmentStart() int { return int(o.IP.Frag&FragOffset) * 8 }

// MayFragment reports whether routers may cut the packet: it is of IPv4 and its flag DF
// is clear (RFC 791). o may be nil.
func MayFragment(t *Tuple, o *Options) bool {
	return o.Has(OptIP) && o.IP.Frag&dontFragment == 0 && t.isIPv4()
}

// PayloadLen returns the octets behind the IP header.
func PayloadLen(t *Tuple, s *Segment, o *Options) int { return transportLen(t, s, o) + int(s.Len) }

// FragmentRoom returns how many octets behind the IP header a fragment of the packet
// may have where at most mtu octets of IP pass: a multiple of eight.
func FragmentRoom(t *Tuple, o *Options, mtu int) int { return (mtu - ipHeaderLen(t, o)) &^ 7 }

// Fragment makes ft, fs and fo (whose Route and Cold stay) the fragment of the IPv4
// packet t, s, o that has the octets from (a multiple of eight) to to of what is behind
// its IP header. The packet may be a fragment itself.
func Fragment(t *Tuple, s *Segment, o *Options, from, to int, ft *Tuple, fs *Segment, fo *Options) {
	route, cold := fs.Route, fs.Cold
	header := transportLen(t, s, o)
	var buf [4]Piece
	pieces := buf[:0]
	typed := from == 0 && to >= header && header > 0 && o.Present&(OptOpaque|OptICMP) == 0
	if typed {
		pieces = AppendPieces(pieces, s, o, 0, to-header)
		*ft, *fs = *t, *s
		fo.CopyFrom(o)
		fo.keepWhole(t, s, o, header)
	} else {
		if from < header {
			b := AppendPacket(nil, t, s, o, HeaderLen(t, s, o))[ipHeaderLen(t, o):]
			b = b[from:min(to, header):min(to, header)]
			pieces = append(pieces, Piece{Len: uint32(len(b)), Data: b})
		}
		pieces = AppendPieces(pieces, s, o, max(from-header, 0), max(to-header, 0))
		*ft = Tuple{netip.AddrPortFrom(t.Src.Addr(), 0), netip.AddrPortFrom(t.Dst.Addr(), 0), t.Proto}
		*fs = Segment{TTL: s.TTL, TOS: s.TOS, Hop: s.Hop}
		fo.Reset()
		fo.Present = OptOpaque
	}
	fs.Route, fs.Cold = route, cold
	SetPieces(fs, fo, pieces)
	fo.Present |= OptIP
	fo.IP = o.IP
	if at := o.IP.Frag&FragOffset + uint16(from/8); at > 0 {
		fo.IP.Frag = o.IP.Frag&^FragOffset | at
		fo.IP.Ext = copied(o.IP.Ext)
	}
	if to < header+int(s.Len) {
		fo.IP.Frag |= FragMore
	}
}

// keepWhole keeps in the first fragment what its transport header says of the whole
// packet: the checksum and the length of UDP.
func (o *Options) keepWhole(t *Tuple, s *Segment, whole *Options, header int) {
	if whole.Present&(OptL4Sum|OptBadSum) == 0 {
		var buf [128]byte
		b := AppendPacket(buf[:0], t, s, whole, HeaderLen(t, s, whole))
		o.L4Sum = be.Uint16(b[len(b)-header+sumOffset(t.Proto):])
	}
	o.Present = o.Present&^OptBadSum | OptL4Sum
	if t.Proto == ProtoUDP && !whole.Has(OptUDPLen) {
		o.Present |= OptUDPLen
		o.UDPLen = uint16(header + int(s.Len))
	}
}

// sumOffset is where the checksum stands in the header of TCP or UDP.
func sumOffset(proto uint8) int {
	if proto == ProtoUDP {
		return 6
	}
	return 16
}

// copied returns the IPv4 options that all fragments have: those with the copied flag
// (RFC 791 section 3.1), padded to a multiple of four octets.
func copied(ext []byte) []byte {
	var out []byte
	for i := 0; i < len(ext) && ext[i] != 0; {
		n := 1
		if ext[i] != 1 { // no operation has no length
			if i+1 >= len(ext) || ext[i+1] < 2 || i+int(ext[i+1]) > len(ext) {
				break
			}
			n = int(ext[i+1])
		}
		if ext[i]&0x80 != 0 {
			out = append(out, ext[i:i+n]...)
		}
		i += n
	}
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}

// Reassemble makes t, s and o, the first fragment of an IPv4 packet, the whole one; pieces is
// all of the payload of its fragments, in order. A transport header that came in parts
// is read now. A checksum that is not that of the whole is kept (OptBadSum). The error
// is a [*ParseError]: what was joined has no transport header that can be read.
func Reassemble(t *Tuple, s *Segment, o *Options, pieces []Piece) error {
	route, cold := s.Route, s.Cold
	SetPieces(s, o, pieces)
	o.IP.Frag &^= FragMore | FragOffset
	if o.Present&OptOpaque != 0 {
		b := AppendPacket(nil, t, s, o, -1)
		o.Reset()
		if err := ParsePacket(b, t, s, o); err != nil {
			return err
		}
		s.Route, s.Cold, s.Off = route, cold, offsetAt(pieces, transportLen(t, s, o))
		AsSpan(s, o)
		return nil
	}
	kept := o.L4Sum
	known := o.Has(OptL4Sum)
	o.Present &^= OptL4Sum
	if o.Has(OptUDPLen) && int(o.UDPLen) == UDPHeaderLen+int(s.Len) {
		o.Present &^= OptUDPLen
	}
	if !known {
		return nil
	}
	header := transportLen(t, s, o)
	var buf [128]byte
	b := AppendPacket(buf[:0], t, s, o, HeaderLen(t, s, o))
	if be.Uint16(b[len(b)-header+sumOffset(t.Proto):]) != kept {
		o.Present |= OptBadSum
		o.IPSum, o.L4Sum = be.Uint16(b[10:]), kept
	}
	return nil
}

// offsetAt returns the true offset of octet at of the pieces, 0 if they end before.
func offsetAt(pieces []Piece, at int) uint64 {
	for _, p := range pieces {
		if at < int(p.Len) {
			return p.Off + uint64(at)
		}
		at -= int(p.Len)
	}
	return 0
}

// AdjustSum makes the checksum kept in a first fragment (OptL4Sum) that of other
// addresses and ports (RFC 1624): HC' = ~(~HC + ~m + m').
func (o *Options) AdjustSum(old, now *Tuple) {
	if !o.Has(OptL4Sum) {
		return
	}
	ends := func(t *Tuple) uint16 {
		return AddSums(PseudoSum(t, 0), AddSums(t.Src.Port(), t.Dst.Port()))
	}
	o.L4Sum = ^AddSums(AddSums(^o.L4Sum, ^ends(old)), ends(now))
}
