package nat

import (
	"errors"
	"net/netip"
)

// The Port Control Protocol (RFC 6887), version 2, opcodes MAP and PEER without options:
// the messages as typed values and as bytes.

// PCPPort is the UDP port of PCP servers (RFC 6887 section 19.1).
const PCPPort = 5351

const (
	pcpVersion = 2
	pcpMap     = 1 // opcodes
	pcpPeer    = 2
	pcpReply   = 0x80
	// PCPMapLen is the length of a MAP request or response without options.
	PCPMapLen = 24 + 36
	// PCPPeerLen is that of PEER.
	PCPPeerLen = PCPMapLen + 20
	// pcpMaxLen is the longest message (section 7).
	pcpMaxLen = 1100
)

// Nonce is the mapping nonce, by which a client names its mapping (section 11.1).
type Nonce [12]byte

// PCPResult is the result code of a response (section 7.4).
type PCPResult uint8

// The results.
const (
	PCPSuccess               PCPResult = 0
	PCPUnsupportedVersion    PCPResult = 1
	PCPNotAuthorized         PCPResult = 2
	PCPMalformedRequest      PCPResult = 3
	PCPUnsupportedOpcode     PCPResult = 4
	PCPUnsupportedOption     PCPResult = 5
	PCPNoResources           PCPResult = 8
	PCPUnsupportedProtocol   PCPResult = 9
	PCPUserExceededQuota     PCPResult = 10
	PCPCannotProvideExternal PCPResult = 11
	PCPAddressMismatch       PCPResult = 12
)

// MapMessage is a MAP or PEER request or response.
type MapMessage struct {
	Reply    bool
	Lifetime uint32 // seconds; 0 in a request asks for deletion
	// Client is the address of the asker, in requests.
	Client netip.Addr
	// Result and Epoch (seconds since the server's state began) are in responses.
	Result PCPResult
	Epoch  uint32
	Nonce  Nonce
	Proto  uint8 // of the transport; 0: all
	// Internal is the client's port, 0: all. External is the suggested outside
	// address and port in requests, the assigned one in responses.
	Internal uint16
	External netip.AddrPort
	// Peer is the remote end of PEER (section 12); not valid: the message is MAP.
	Peer netip.AddrPort
}

// Len returns the length of the message in octets.
func (m *MapMessage) Len() int {
	if m.Peer.IsValid() {
		return PCPPeerLen
	}
	return PCPMapLen
}

// Append appends the message as it stands on the wire.
func (m *MapMessage) Append(b []byte) []byte {
	op := byte(pcpMap)
	if m.Peer.IsValid() {
		op = pcpPeer
	}
	if m.Reply {
		op |= pcpReply
	}
	b = append(b, pcpVersion, op, 0, 0)
	if m.Reply {
		b[len(b)-1] = byte(m.Result)
	}
	b = be.AppendUint32(b, m.Lifetime)
	if m.Reply {
		b = be.AppendUint32(b, m.Epoch)
		b = append(b, make([]byte, 12)...)
	} else {
		b = appendAddr(b, m.Client)
	}
	b = append(b, m.Nonce[:]...)
	b = append(b, m.Proto, 0, 0, 0)
	b = be.AppendUint16(b, m.Internal)
	b = be.AppendUint16(b, m.External.Port())
	b = appendAddr(b, m.External.Addr())
	if m.Peer.IsValid() {
		b = be.AppendUint16(b, m.Peer.Port())
		b = appendAddr(append(b, 0, 0), m.Peer.Addr())
	}
	return b
}

// appendAddr appends 16 octets: IPv4 addresses in their mapped form (section 5).
func appendAddr(b []byte, a netip.Addr) []byte {
	var x [16]byte
	if a.IsValid() {
		x = a.As16()
	}
	return append(b, x[:]...)
}

// Reasons why octets are no message of MAP or PEER.
var (
	errPCPLength  = errors.New("pcp: length is no multiple of 4, or too short or too long")
	errPCPVersion = errors.New("pcp: unknown version")
	errPCPOpcode  = errors.New("pcp: neither MAP nor PEER")
	errPCPOption  = errors.New("pcp: mandatory option")
)

// Parse reads a message. The error says what is wrong with it; fields of the
// header are set even then, if there is a whole header.
func (m *MapMessage) Parse(b []byte) error {
	*m = MapMessage{}
	if len(b) < 24 || len(b) > pcpMaxLen || len(b)%4 != 0 {
		return errPCPLength
	}
	m.Reply = b[1]&pcpReply != 0
	m.Lifetime = be.Uint32(b[4:])
	if m.Reply {
		m.Result = PCPResult(b[3])
		m.Epoch = be.Uint32(b[8:])
	} else {
		m.Client = parseAddr(b[8:])
	}
	if b[1]&^pcpReply == pcpPeer {
		m.Peer = netip.AddrPortFrom(netip.IPv4Unspecified(), 0) // until it is read
	}
	switch {
	case b[0] != pcpVersion:
		return errPCPVersion
	case b[1]&^pcpReply != pcpMap && b[1]&^pcpReply != pcpPeer:
		return errPCPOpcode
	case len(b) < m.Len():
		return errPCPLength
	}
	copy(m.Nonce[:], b[24:])
	m.Proto = b[36]
	m.Internal = be.Uint16(b[40:])
	m.External = netip.AddrPortFrom(parseAddr(b[44:]), be.Uint16(b[42:]))
	if m.Peer.IsValid() {
		m.Peer = netip.AddrPortFrom(parseAddr(b[PCPMapLen+4:]), be.Uint16(b[PCPMapLen:]))
	}
	for o := b[m.Len():]; len(o) >= 4; {
		n := 4 + (int(be.Uint16(o[2:]))+3)&^3
		if n > len(o) {
			return errPCPLength
		}
		if o[0] < 128 && !m.Reply {
			return errPCPOption // mandatory to process
		}
		o = o[n:]
	}
	return nil
}

func parseAddr(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)).Unmap() }
