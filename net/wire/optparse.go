package wire

import "bytes"

// ParseOptions parses b, the octets of a TCP header from 20 to its end: a
// multiple of four, at most [MaxOptionsLen]. It sets the option fields of s and
// adds to o, whose Present must not have option bits set.
//
// The rules are Linux's (tcp_parse_options, mptcp_parse_option): an option of a
// wrong length is skipped, a length below two or beyond the end ends the list,
// and of repeated options the last one counts. Whatever AppendOptions would not
// give back byte for byte is kept in RawOptions (OptRaw) beside the typed values.
func ParseOptions(b []byte, s *Segment, o *Options) {
	if len(b) > MaxOptionsLen {
		b = b[:MaxOptionsLen]
	}
	s.Opt = 0
	if parseUsual(b, s) {
		return
	}
	parseList(b, s, o)
	if !canonical(b, s, o) {
		o.Present |= OptRaw
		o.RawLen = uint8(copy(o.RawOptions[:], b))
	}
}

// parseUsual parses the list of most segments: timestamps and a DSS option
// without checksum in canonical order. If b is anything else, it returns false
// and has changed nothing that parseList will not set.
func parseUsual(b []byte, s *Segment) bool {
	if len(b) < 12 || be.Uint32(b) != nop<<24|nop<<16|kindTimestamps<<8|10 {
		return false
	}
	s.TSVal, s.TSEcr = be.Uint32(b[4:]), be.Uint32(b[8:])
	p := b[12:]
	f := HasTS
	if len(p) > 0 {
		if len(p) < 4 {
			return false
		}
		head := be.Uint32(p)
		f |= OptFlags(head&0x1f)<<1 | HasDSS
		n := dssLen(f, false)
		if head&^0x1f != kindMPTCP<<24|uint32(n)<<16|subDSS<<12 || len(p) != pad4(n) {
			return false
		}
		if f.Has(HasMap) && be.Uint16(p[n:]) != uint16(nop<<8|nop) {
			return false
		}
		readDSS(p[4:], f, s)
	}
	s.Opt = f
	return true
}

// parseList parses the options one by one.
func parseList(b []byte, s *Segment, o *Options) {
	for p := b; len(p) > 0; {
		kind := p[0]
		if kind == kindNOP {
			p = p[1:]
			continue
		}
		if kind == kindEOL || len(p) < 2 {
			break
		}
		n := int(p[1])
		if n < 2 || n > len(p) {
			break
		}
		parseOption(p[:n], s, o)
		p = p[n:]
	}
}

// canonical reports whether AppendOptions would give b for s and o.
func canonical(b []byte, s *Segment, o *Options) bool {
	if s.OptionsLen(o) != len(b) {
		return false
	}
	var scratch [MaxOptionsLen]byte
	putOptions(scratch[:len(b)], s, o)
	return bytes.Equal(scratch[:len(b)], b)
}

// parseOption parses one option, p being exactly its octets.
func parseOption(p []byte, s *Segment, o *Options) {
	switch p[0] {
	case kindTimestamps:
		if len(p) == 10 {
			s.TSVal, s.TSEcr = be.Uint32(p[2:]), be.Uint32(p[6:])
			s.Opt |= HasTS
		}
	case kindMPTCP:
		if len(p) >= 3 {
			parseMPTCP(p, s, o)
		}
	case kindSACK:
		if n := (len(p) - 2) / 8; n >= 1 && len(p) == 2+8*n && n <= len(o.SACK) {
			for i := range n {
				q := p[2+8*i:]
				o.SACK[i] = SACKBlock{Seq(be.Uint32(q)), Seq(be.Uint32(q[4:]))}
			}
			o.NSACK = uint8(n)
			o.Present |= OptSACK
		}
	case kindMSS:
		if len(p) == 4 {
			o.MSS = be.Uint16(p[2:])
			o.Present |= OptMSS
		}
	case kindWScale:
		if len(p) == 3 {
			o.WScale = p[2]
			o.Present |= OptWScale
		}
	case kindSACKPermitted:
		if len(p) == 2 {
			o.Present |= OptSACKPermitted
		}
	case kindFastOpen:
		if n := len(p) - 2; n <= len(o.FastOpen.Cookie) {
			o.FastOpen = FastOpen{Len: uint8(n)}
			copy(o.FastOpen.Cookie[:], p[2:])
			o.Present |= OptFastOpen
		}
	}
}
