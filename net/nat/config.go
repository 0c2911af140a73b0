package nat

import (
	"net/netip"

	"mpsim/sim"
)

// Dependence says on how much of the remote end something depends (RFC 4787
// sections 4.1 and 5).
type Dependence uint8

// The degrees of dependence.
const (
	EndpointIndependent Dependence = iota
	AddressDependent
	AddressAndPortDependent
)

// dependences are the names of the degrees, as parameters have them.
var dependences = []string{"endpoint-independent", "address-dependent", "address-and-port-dependent"}

// Allocation says how an outside port is chosen (RFC 4787 section 4.2).
type Allocation uint8

// The policies. A preserved port that is taken gives way to a random one.
const (
	Preserve   Allocation = iota // the inside port, if it is free
	Parity                       // random, of the parity and the range (below 1024 or not) of the inside port
	Sequential                   // the next one
	Random                       // uniform
)

var allocations = []string{"preserve", "parity", "sequential", "random"}

// Answer says what becomes of a packet that is not let in.
type Answer uint8

// The answers. Each packet is dropped; RST and ICMP port unreachable tell the
// sender. TCP segments with RST never get an answer.
const (
	Silence Answer = iota
	Reset
	Unreachable
)

var answers = []string{"drop", "rst", "icmp"}

// Pickup says what becomes of a TCP segment without SYN that comes from inside and
// belongs to no session: after a restart, or after the session timed out.
type Pickup uint8

// The ways. A session that is picked up knows nothing of window scaling.
const (
	PickUp Pickup = iota
	RefuseSilently
	RefuseByReset
)

var pickups = []string{"pickup", "drop", "rst"}

// Config is what a translator or firewall does. Parameters give it (see Specs).
type Config struct {
	// Outside are the addresses that it owns, at least one; a firewall has none.
	Outside []netip.Addr
	// Inside are the sources that it translates; empty: all.
	Inside             []netip.Prefix
	Mapping, Filtering Dependence
	Ports              Allocation
	FirstPort          uint16 // range of outside ports that are not preserved ones
	LastPort           uint16
	// Overload: mappings to different remote ends may share an outside port. Needs
	// Mapping AddressAndPortDependent.
	Overload bool
	// Paired: all mappings of an inside host have the same outside address (RFC
	// 4787 section 4.1); else each takes one at random.
	Paired       bool
	PortsPerHost int          // mappings that an inside host may have; 0: no limit
	HoldDown     sim.Duration // for which a freed port is not given to another host (RFC 6888 REQ-8)
	Hairpin      bool         // inside hosts reach each other by outside addresses
	// InboundRefresh: packets from outside keep UDP sessions alive, too (RFC 4787
	// REQ-6, RFC 7857 section 6).
	InboundRefresh bool
	// UnsolicitedSYN is the answer to a SYN from outside that is not let in, after
	// Hold, unless a SYN for the same connection leaves meanwhile (RFC 5382 REQ-4).
	UnsolicitedSYN Answer
	Hold           sim.Duration
	// Stray is the answer to other packets from outside that are not let in.
	Stray     Answer
	Midstream Pickup
	// CheckWindow: segments that do not fit state or window are dropped, as with
	// Linux's rule for state INVALID.
	CheckWindow bool
	Timers      Timers
	Sessions    int // at most
	// PCP: MAP requests are served, with lifetimes from MinLease to MaxLease.
	PCP bool
	// FTPPort is the server port of FTP control connections whose PORT and EPRT commands,
	// or replies 227 and 229 of a server inside, are translated and let the other side in;
	// 0: none.
	FTPPort            uint16
	MinLease, MaxLease sim.Duration
	// Firewall only: what SYNs may carry.
	Options SYNOptions
	Data    SYNData
}

// Timers are the times after which idle sessions are forgotten.
type Timers struct {
	UDP       sim.Duration // one packet in one direction so far
	UDPStream sim.Duration // packets in both directions
	ICMP      sim.Duration // echoes
	TCP       [numStates]sim.Duration
	// TCPUnacked bounds established connections with data that is not acknowledged,
	// or repeated three times, or picked up in mid-stream without an answer; 0: no
	// such bound.
	TCPUnacked sim.Duration
}

// rfcTimers are the shortest that the RFCs allow: UDP 2 min (RFC 4787 REQ-5; 5 min
// is recommended and used here), TCP established 2 h 4 min, transitory 4 min (RFC
// 5382 REQ-5), also after a RST (RFC 7857 section 2.2), ICMP queries 60 s (RFC 5508
// REQ-2).
func rfcTimers() Timers {
	t := Timers{UDP: 300 * sim.Second, UDPStream: 300 * sim.Second, ICMP: 60 * sim.Second}
	t.transitory(240 * sim.Second)
	t.TCP[Established] = 7440 * sim.Second
	return t
}

// homeTimers are those of a simple home router: sessions are forgotten after five
// minutes (measured devices range from minutes to hours).
func homeTimers() Timers {
	t := rfcTimers()
	t.UDP, t.UDPStream = 30*sim.Second, 120*sim.Second
	t.transitory(120 * sim.Second)
	t.TCP[Established] = 300 * sim.Second
	return t
}

// linuxTimers are the defaults of net/netfilter/nf_conntrack_proto_{tcp,udp,icmp}.c, as
// net.netfilter.nf_conntrack_* of a 6.18 kernel has them (internal/live compares).
func linuxTimers() Timers {
	return Timers{
		UDP: 30 * sim.Second, UDPStream: 120 * sim.Second, ICMP: 30 * sim.Second,
		TCP: [numStates]sim.Duration{
			SYNSent: 120 * sim.Second, SYNReceived: 60 * sim.Second, Established: 432000 * sim.Second,
			FINWait: 120 * sim.Second, CloseWait: 60 * sim.Second, LastAck: 30 * sim.Second,
			TimeWait: 120 * sim.Second, Closed: 10 * sim.Second, SYNSent2: 120 * sim.Second,
		},
		TCPUnacked: 300 * sim.Second,
	}
}

// transitory sets the timers of all states but Established.
func (t *Timers) transitory(d sim.Duration) {
	for s := SYNSent; s < numStates; s++ {
		if s != Established {
			t.TCP[s] = d
		}
	}
}
