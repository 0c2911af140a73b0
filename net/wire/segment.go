// Package wire holds the headers of IPv4, IPv6, TCP, UDP and ICMP and every TCP
// and MPTCP option as typed values, with exact bytes both ways.
//
// A packet travels through the simulator typed: a hot line of 64 bytes
// ([Segment]) and, where it carries more than a data segment or a plain ACK
// does, a cold record ([Options]). Bytes are made where somebody looks at them.
// render(parse(b)) = b holds for every byte string that is an IP packet,
// including option order, padding, unknown and malformed options;
// parse(render(x)) = x holds for every typed value whose options fit.
package wire

import "net/netip"

// Tuple is what names a flow: protocol, addresses and ports. For ICMP the ports
// are zero.
type Tuple struct {
	Src, Dst netip.AddrPort
	Proto    uint8
}

// Reverse returns the tuple of the opposite direction.
func (t *Tuple) Reverse() Tuple { return Tuple{t.Dst, t.Src, t.Proto} }

// Protocol numbers (IANA).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// Segment is the hot line of one packet: everything that a data segment or a
// plain ACK carries, in exactly 64 bytes without pointers. Addresses and ports
// are behind Route. For UDP only Route, Cold, Len, Off, TTL, TOS and Hop have a
// meaning.
type Segment struct {
	Route   uint32 // names the Tuple, one number one tuple for ever; the number is the carrier's own, 0: none
	Cold    uint32 // names the Options; 0: none
	Seq     Seq
	Ack     Seq
	TSVal   uint32 // timestamps option, if Has(HasTS)
	TSEcr   uint32
	DSN     DSN    // data sequence number of the mapping, if Has(HasMap)
	DataAck DSN    // if Has(HasDataAck)
	SSN     uint32 // subflow sequence number of the mapping, relative to the ISN
	MapLen  uint16 // data-level length of the mapping
	Len     uint16 // payload bytes
	// Off is the offset in the application's stream of the first payload byte:
	// the ground truth by which the receiving application checks what it gets.
	// No protocol code may base a decision on it.
	Off    uint64
	Window uint16 // as on the wire, unscaled
	Flags  Flags
	Opt    OptFlags
	TTL    uint8
	TOS    uint8 // DSCP and ECN
	Hop    uint8 // hops so far; bookkeeping of the carrier
}

// Flags are the twelve bits beside the data offset of a TCP header.
type Flags uint16

// TCP flags (RFC 9293 section 3.1; AE is RFC 9768's).
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE
)

// Has reports whether all flags of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// OptFlags says which options the hot line itself carries.
type OptFlags uint8

// The options of the hot line. Whoever sets HasDataAck or HasMap sets HasDSS,
// as parsing does.
const (
	HasTS      OptFlags = 1 << iota // timestamps
	HasDataAck                      // DSS flag A
	DataAck8                        // DSS flag a: the Data ACK has 8 octets
	HasMap                          // DSS flag M
	DSN8                            // DSS flag m: the DSN has 8 octets
	DataFIN                         // DSS flag F
	HasDSS                          // a DSS option is present; set with A or M too, and alone for a DSS of 4 octets
)

// Has reports whether all options of g are present.
func (o OptFlags) Has(g OptFlags) bool { return o&g == g }

// ECN codepoints in TOS (RFC 3168).
const (
	NotECT  = 0
	ECT1    = 1
	ECT0    = 2
	CE      = 3
	ECNMask = 3
)
