package wire

import (
	"encoding/binary"
	"slices"

	"mpsim/sim"
)

// TCP option kinds (IANA).
const (
	kindEOL           = 0
	kindNOP           = 1
	kindMSS           = 2  // RFC 9293 section 3.2
	kindWScale        = 3  // RFC 7323 section 2.2
	kindSACKPermitted = 4  // RFC 2018 section 2
	kindSACK          = 5  // RFC 2018 section 3
	kindTimestamps    = 8  // RFC 7323 section 3.2
	kindMPTCP         = 30 // RFC 8684
	kindFastOpen      = 34 // RFC 7413 section 4.1.1
)

// be is the byte order of the network. Where only sums matter, le is quicker.
var (
	be = binary.BigEndian
	le = binary.LittleEndian
)

// AppendOptions appends the TCP option bytes of s and o, padding included, in
// the canonical order, which is Linux's (tcp_options_write and
// mptcp_write_options):
//
//	MSS, SACK permitted and timestamps together (a missing one of the two is
//	replaced by NOPs in front), NOP and window scale, NOP NOP SACK, fast open,
//	then MPTCP: DSS, MP_CAPABLE, MP_JOIN, ADD_ADDR, MP_FASTCLOSE, MP_FAIL,
//	MP_PRIO, REMOVE_ADDR, MP_TCPRST
//
// where each is padded with NOPs behind it to a multiple of four. If o has
// OptRaw, its raw bytes are appended and nothing else. The options must fit
// ([Fits]).
func AppendOptions(b []byte, s *Segment, o *Options) []byte {
	n := s.OptionsLen(o)
	if n > MaxOptionsLen {
		sim.Bugf("wire: %d octets of TCP options", n)
	}
	start := len(b)
	b = slices.Grow(b, n)[:start+n]
	putOptions(b[start:], s, o)
	return b
}

// putOptions writes the options into p, which has exactly their length.
func putOptions(p []byte, s *Segment, o *Options) {
	if o == nil || o.Present&optTCP == 0 {
		if s.Opt.Has(HasTS) {
			be.PutUint32(p, nop<<24|nop<<16|kindTimestamps<<8|10)
			p = putTimestamps(p[4:], s)
		}
		putDSS(p, s, false, 0)
		return
	}
	set := o.Present
	if set&OptRaw != 0 {
		n := copy(p, o.RawOptions[:o.RawLen])
		clear(p[n:])
		return
	}
	if set&OptMSS != 0 {
		be.PutUint32(p, kindMSS<<24|4<<16|uint32(o.MSS))
		p = p[4:]
	}
	p = putSACKPermittedTimestamps(p, s, set&OptSACKPermitted != 0)
	if set&OptWScale != 0 {
		be.PutUint32(p, nop<<24|kindWScale<<16|3<<8|uint32(o.WScale))
		p = p[4:]
	}
	if set&OptSACK != 0 {
		p = putSACK(p, o)
	}
	if set&OptFastOpen != 0 {
		p = putFastOpen(p, &o.FastOpen)
	}
	p = putDSS(p, s, set&OptDSSChecksum != 0, o.DSSChecksum)
	if set&optMPTCP != 0 {
		putMPTCP(p, o)
	}
}

// nop is kindNOP as a word, to pad with.
const nop uint32 = kindNOP

// putSACKPermittedTimestamps writes the two options that share 12 octets.
func putSACKPermittedTimestamps(p []byte, s *Segment, sackPermitted bool) []byte {
	switch {
	case s.Opt.Has(HasTS) && sackPermitted:
		be.PutUint32(p, kindSACKPermitted<<24|2<<16|kindTimestamps<<8|10)
		return putTimestamps(p[4:], s)
	case s.Opt.Has(HasTS):
		be.PutUint32(p, nop<<24|nop<<16|kindTimestamps<<8|10)
		return putTimestamps(p[4:], s)
	case sackPermitted:
		be.PutUint32(p, nop<<24|nop<<16|kindSACKPermitted<<8|2)
		return p[4:]
	}
	return p
}

func putTimestamps(p []byte, s *Segment) []byte {
	be.PutUint64(p, uint64(s.TSVal)<<32|uint64(s.TSEcr))
	return p[8:]
}

func putSACK(p []byte, o *Options) []byte {
	n := o.sackBlocks()
	be.PutUint32(p, nop<<24|nop<<16|kindSACK<<8|uint32(2+8*n))
	p = p[4:]
	for _, b := range o.SACK[:n] {
		be.PutUint64(p, uint64(b.Start)<<32|uint64(b.End))
		p = p[8:]
	}
	return p
}

func putFastOpen(p []byte, f *FastOpen) []byte {
	n := f.cookieLen()
	p[0], p[1] = kindFastOpen, uint8(2+n)
	copy(p[2:], f.Cookie[:n])
	return putPadding(p, 2+n)
}

// putPadding fills p from n up to the next multiple of four with NOPs and
// returns what is behind.
func putPadding(p []byte, n int) []byte {
	for ; n&3 != 0; n++ {
		p[n] = kindNOP
	}
	return p[n:]
}
