package wire

// The kinds of TCP options and the subtypes of MPTCP that boxes and filters name
// (IANA).
const (
	KindEOL           = kindEOL
	KindNOP           = kindNOP
	KindMSS           = kindMSS
	KindWScale        = kindWScale
	KindSACKPermitted = kindSACKPermitted
	KindSACK          = kindSACK
	KindTimestamps    = kindTimestamps
	KindMPTCP         = kindMPTCP
	KindFastOpen      = kindFastOpen

	SubCapable    = subCapable
	SubJoin       = subJoin
	SubDSS        = subDSS
	SubAddAddr    = subAddAddr
	SubRemoveAddr = subRemoveAddr
	SubPrio       = subPrio
	SubFail       = subFail
	SubFastClose  = subFastClose
	SubRst        = subRst
)

// ReplaceOptions makes b, a multiple of four octets and at most MaxOptionsLen,
// the TCP options of a segment, whatever it had before.
func ReplaceOptions(s *Segment, o *Options, b []byte) {
	s.TSVal, s.TSEcr, s.DSN, s.DataAck, s.SSN, s.MapLen = 0, 0, 0, 0, 0, 0
	o.Present &^= optTCP
	ParseOptions(b, s, o)
}

// NextOption finds the next option in b, the options of a TCP header, from octet
// at on: b[start:end]. NOPs are skipped; ok is false at the end of the list or
// where it is malformed.
func NextOption(b []byte, at int) (start, end int, ok bool) {
	for at < len(b) && b[at] == kindNOP {
		at++
	}
	if at+1 >= len(b) || b[at] == kindEOL {
		return at, at, false
	}
	n := int(b[at+1])
	if n < 2 || at+n > len(b) {
		return at, at, false
	}
	return at, at + n, true
}
