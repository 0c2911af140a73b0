package wire

import "net/netip"

// OptSet says which options and header fields a cold record carries.
type OptSet uint32

// Members of OptSet.
const (
	OptMSS OptSet = 1 << iota
	OptWScale
	OptSACKPermitted
	OptSACK
	OptFastOpen
	OptCapable
	OptJoin
	OptDSSChecksum // the DSS option of the hot line carries a checksum
	OptAddAddr
	OptRemoveAddr
	OptPrio
	OptFail
	OptFastClose
	OptRst
	OptUrgent // the urgent pointer is not zero
	OptRaw    // RawOptions is the truth about the option bytes
	OptIP     // the IP header differs from the default one
	OptPieces // the payload has more than the piece of the hot line
	OptICMP   // the packet is an ICMP message
	OptBadSum // the checksums on the wire are IPSum and L4Sum, not the computed ones
	OptUDPLen // the UDP length field is UDPLen: it differs from the length of the datagram
	OptOpaque // no transport header was read: unknown protocol or a fragment; all behind the IP header is payload
	OptCut    // captured cut short: the last piece stands for bytes that nobody saw
	OptL4Sum  // L4Sum is the checksum of the whole packet, of which this is the first fragment
)

// Options is the cold record of a packet: what a data segment or plain ACK does
// not carry. Only the fields named by Present have a meaning.
type Options struct {
	Present OptSet

	MSS      uint16
	WScale   uint8 // shift count
	NSACK    uint8
	SACK     [4]SACKBlock // the first NSACK are valid
	FastOpen FastOpen

	Capable     Capable
	Join        Join
	DSSChecksum uint16
	AddAddr     AddAddr
	RemoveAddr  RemoveAddr
	Prio        Prio
	Fail        Fail
	FastClose   FastClose
	Rst         Rst

	Urgent uint16
	UDPLen uint16
	IPSum  uint16 // IPv4 header checksum
	L4Sum  uint16 // TCP, UDP or ICMP checksum
	IP     IPFields

	// RawOptions are the exact option bytes where rendering the typed values
	// would give others (order, padding, duplicates, unknown or malformed).
	RawOptions [40]byte
	RawLen     uint8

	// Pieces is the payload if it is not the one span of the hot line; their
	// lengths add up to the Len of the hot line.
	Pieces []Piece
	// ICMP is the message behind the IP header. Its checksum field (octets 2
	// and 3) is zero here and computed where bytes are made.
	ICMP []byte
}

// Has reports whether all of s are present.
func (o *Options) Has(s OptSet) bool { return o != nil && o.Present&s == s }

// Reset empties the record, keeping the capacity of its slices.
func (o *Options) Reset() {
	clear(o.Pieces) // hold no memory
	*o = Options{Pieces: o.Pieces[:0], ICMP: o.ICMP[:0]}
}

// CopyFrom makes o a copy of src with slices of its own. The Data of pieces is
// shared: nobody writes into it.
func (o *Options) CopyFrom(src *Options) {
	pieces, icmp := o.Pieces[:0], o.ICMP[:0]
	*o = *src
	o.Pieces = append(pieces, src.Pieces...)
	o.ICMP = append(icmp, src.ICMP...)
}

// Piece is a run of payload: Len bytes of the stream content from Off on, or
// the literal bytes of Data (then Off is their true offset, if they have one).
type Piece struct {
	Off  uint64
	Len  uint32
	Data []byte
}

// SACKBlock is one block of a SACK option (RFC 2018): [Start, End).
type SACKBlock struct{ Start, End Seq }

// FastOpen is the fast open option (RFC 7413): a request if Len is 0.
type FastOpen struct {
	Len    uint8
	Cookie [16]byte
}

// Capable is MP_CAPABLE (RFC 8684 section 3.1). The length of the option follows
// from Keys, HasData and HasChecksum: 4, 12, 20, 22 or 24 octets. Version 0 (RFC
// 6824 section 3.1) has 12 octets in SYN and SYN/ACK, 20 in the third packet.
type Capable struct {
	Version     uint8
	Flags       CapableFlags
	Keys        uint8 // how many keys: 0, 1 (the sender's) or 2
	SenderKey   uint64
	ReceiverKey uint64
	HasData     bool // a data-level length follows
	DataLen     uint16
	HasChecksum bool
	Checksum    uint16
}

// CapableFlags are the flags A to H of MP_CAPABLE.
type CapableFlags uint8

// Flags of MP_CAPABLE.
const (
	CapableHMACSHA256 CapableFlags = 1 << 0 // H
	CapableDenyJoin   CapableFlags = 1 << 5 // C: no joins to the initial address and port
	CapableExtension  CapableFlags = 1 << 6 // B: must be zero
	CapableChecksum   CapableFlags = 1 << 7 // A
)

// Join is MP_JOIN (RFC 8684 section 3.2) in the form that Form says.
type Join struct {
	Form   JoinForm
	Backup bool
	AddrID uint8
	Token  uint32   // SYN
	Nonce  uint32   // SYN and SYN/ACK
	HMAC64 uint64   // SYN/ACK: leftmost 64 bits
	HMAC   [20]byte // ACK: leftmost 160 bits
}

// JoinForm is the form of an MP_JOIN option.
type JoinForm uint8

// The forms of MP_JOIN: 12, 16 and 24 octets.
const (
	JoinSYN JoinForm = iota
	JoinSYNACK
	JoinACK
)

// AddAddr is ADD_ADDR (RFC 8684 section 3.4.1), or its form of version 0 of the
// protocol (RFC 6824 section 3.4.1): the family of the address in place of the
// flags, and no HMAC. The two never share a length and a value of those four
// bits, so that the octets alone tell them apart.
type AddAddr struct {
	V0     bool // the form of version 0, without Echo and HMAC
	Echo   bool
	AddrID uint8
	Addr   netip.Addr
	Port   uint16 // 0: no port field
	HMAC   uint64 // rightmost 64 bits; absent in an echo
}

// RemoveAddr is REMOVE_ADDR (RFC 8684 section 3.4.2): the first N ids.
type RemoveAddr struct {
	N   uint8
	IDs [36]uint8
}

// Prio is MP_PRIO (RFC 8684 section 3.3.8). In version 0 of the protocol it may
// name the address whose subflows it is about (RFC 6824 section 3.3.8).
type Prio struct {
	Backup    bool
	HasAddrID bool // version 0 only
	AddrID    uint8
}

// Fail is MP_FAIL (RFC 8684 section 3.7).
type Fail struct {
	DSN DSN
}

// FastClose is MP_FASTCLOSE (RFC 8684 section 3.5).
type FastClose struct {
	ReceiverKey uint64
}

// Rst is MP_TCPRST (RFC 8684 section 3.6).
type Rst struct {
	Flags  uint8 // U V W T in the low four bits
	Reason uint8
}

// RstTransient is the T flag of MP_TCPRST.
const RstTransient = 1

// IPFields are the fields of an IP header that are not derived. The default
// header has identification 0 with DF set, no fragments, no options, and flow
// label 0.
type IPFields struct {
	ID        uint16
	Frag      uint16 // flags and fragment offset, as on the wire
	FlowLabel uint32
	Ext       []byte // IPv4 options or IPv6 extension headers, as on the wire
	Next      uint8  // IPv6: type of the first extension header, if Ext is not empty
}
