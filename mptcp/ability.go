package mptcp

import (
	"net/netip"
	"strings"

	"mpsim/mptcp/tcp"
)

// Ability is a set of things that an implementation of the protocol may lack and
// still be one. What a profile lacks is absent: it is neither sent nor, when the
// peer sends it, acted on.
type Ability uint32

// The abilities.
const (
	// PassiveOpen is answering a SYN with MP_CAPABLE; without it listeners speak
	// plain TCP.
	PassiveOpen Ability = 1 << iota
	// PassiveJoin is accepting subflows that the peer opens.
	PassiveJoin
	// IPv6 is MPTCP over IPv6; without it such connections are plain TCP and no
	// subflow uses the family.
	IPv6
	// HMACCheck is verifying the HMACs of MP_JOIN; they are sent all the same.
	HMACCheck
	// Priority is the B bit of MP_JOIN and MP_PRIO.
	Priority
	// FastClose is MP_FASTCLOSE.
	FastClose
	// SendAddAddr and ReceiveAddAddr are ADD_ADDR, SendRemoveAddr and
	// ReceiveRemoveAddr REMOVE_ADDR.
	SendAddAddr
	ReceiveAddAddr
	SendRemoveAddr
	ReceiveRemoveAddr
	// DataFallback is going on as plain TCP when the first data comes without a
	// mapping; without it the subflow is reset.
	DataFallback
	// AckFallback is going on as plain TCP when the first data is acknowledged
	// without a DATA_ACK; without it the acknowledgement is ignored.
	AckFallback
	// Reinjection is sending data again on another subflow, for whatever reason.
	Reinjection
)

var abilityNames = [...]string{
	"passive open", "passive join", "IPv6", "HMAC check", "B bit and MP_PRIO", "MP_FASTCLOSE",
	"sending ADD_ADDR", "receiving ADD_ADDR", "sending REMOVE_ADDR", "receiving REMOVE_ADDR",
	"fallback at data without DSS", "fallback at ACK without DATA_ACK", "data-level retransmission",
}

// String lists the abilities of the set.
func (a Ability) String() string {
	var names []string
	for i, n := range abilityNames {
		if a>>i&1 != 0 {
			names = append(names, n)
		}
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// can reports whether the implementation has an ability.
func (p *Profile) can(a Ability) bool { return p.Lacks&a == 0 }

// family reports whether MPTCP is spoken with an address.
func (p *Profile) family(a netip.Addr) bool { return a.Is4() || p.can(IPv6) }

// JoinRole says which hosts of a connection open subflows beside the initial one.
type JoinRole uint8

// The roles.
const (
	// JoinEither: both hosts do.
	JoinEither JoinRole = iota
	// JoinClient: only as the opener of the connection.
	JoinClient
	// JoinNobody: this host never does; it accepts those of the peer.
	JoinNobody
)

var joinRoleNames = [...]string{JoinEither: "either end", JoinClient: "the opener only", JoinNobody: "the peer only"}

// String describes the role.
func (r JoinRole) String() string {
	if int(r) < len(joinRoleNames) {
		return joinRoleNames[r]
	}
	return "unknown"
}

// mayOpen reports whether this host opens subflows at all.
func (c *connection) mayOpen() bool {
	switch c.p.JoinBy {
	case JoinClient:
		return c.client
	case JoinNobody:
		return false
	}
	return true
}

// ReceiveBufferRule says what the receive buffer of a connection is.
type ReceiveBufferRule uint8

// The rules.
const (
	// BufferOfSocket is what the socket asks for, or what autotuning makes of it.
	BufferOfSocket ReceiveBufferRule = iota
	// BufferMaxWindow is the largest window that can be announced, 65535 octets
	// times the window scale that the socket's size leads to: TCP_MAXWIN <<
	// rcv_scale.
	BufferMaxWindow
	// BufferOfSubflow is what the socket asks for, for the connection as for each
	// subflow, never tuned.
	BufferOfSubflow
	// BufferOfService is what the listening socket of each service asks for, never
	// tuned.
	BufferOfService
)

var receiveBufferNames = [...]string{
	BufferOfSocket: "of the socket, tuned if asked for", BufferMaxWindow: "TCP_MAXWIN << scale",
	BufferOfSubflow: "that of a subflow, fixed", BufferOfService: "of the service, fixed",
}

// String describes the rule.
func (r ReceiveBufferRule) String() string {
	if int(r) < len(receiveBufferNames) {
		return receiveBufferNames[r]
	}
	return "unknown"
}

// receiveBuffer applies the rule to the size that a socket asks for, in bytes.
func (p *Profile) receiveBuffer(size int64) int64 {
	if p.ReceiveBuffer == BufferMaxWindow {
		return 0xffff << tcp.Scale(size)
	}
	return size
}
