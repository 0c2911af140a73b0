package mptcp

import "mpsim/sim"

// PathSignalling is the part of a profile that says how addresses are announced
// and withdrawn (RFC 8684 section 3.4) and how subflows are refused.
type PathSignalling struct {
	// AddAddrTimeout caps the interval after which an announcement without echo is
	// repeated; with AddAddrFixedTimeout it is the interval (Linux before 6.18).
	// Otherwise the interval is the largest RTO of the subflows. Later ones double.
	AddAddrTimeout      sim.Duration
	AddAddrFixedTimeout bool
	// AddAddrRetries is how often an announcement is repeated (Linux
	// ADD_ADDR_RETRANS_MAX 3). With AddAddrLastUnwatched nothing waits for the echo
	// of the last repetition: the next announcement follows at once (Linux).
	AddAddrRetries       int
	AddAddrLastUnwatched bool
	// AddAddrDropsTS leaves the timestamps option out of an ACK if an announcement
	// does not fit otherwise: 30 octets with an IPv6 address and port (appendix A).
	// RFC 7323 section 3.2 lets receivers drop such a segment; Linux takes it, but
	// does not send it.
	AddAddrDropsTS bool
	// AddAddrEstablishes makes a valid announcement confirm that the peer has our
	// key, as a DSS does (Linux check_fully_established).
	AddAddrEstablishes bool
	// AddrIDFixed refuses an announcement that gives an id another address before
	// the id was withdrawn (RFC 8684 section 3.4.1); otherwise the new address
	// counts (Linux does not look).
	AddrIDFixed bool
	// SignalsInRow is how many ACKs that carry nothing but a signal may follow each
	// other on a subflow (RFC 8684 section 4: two); 0: any number (Linux).
	SignalsInRow int
	// RemoveAddr says what becomes of subflows whose address the peer withdraws.
	RemoveAddr RemovePolicy
	// RemoveResets makes the sender of a REMOVE_ADDR end its subflows from the address
	// by a RST (RFC 8684 section 3.4.2: both hosts do, as a courtesy to middleboxes);
	// otherwise, and where no other subflow is left, by FIN (LINUX.md, RM_ADDR).
	RemoveResets bool
	// RemoveOnLoss tells the peer of addresses that the host loses (RFC 8684 section
	// 3.4.2). Upstream Linux leaves that to who configures its addresses.
	RemoveOnLoss bool
	// DenyJoinID0 sets flag C of MP_CAPABLE: the peer must not open subflows to the
	// address and port of the initial one (Linux sysctl
	// allow_join_initial_addr_port = 0).
	DenyJoinID0 bool
	// JoinNeedsListener takes a join only to a port that a socket listens at
	// (Linux); otherwise the token alone decides (RFC 8684 section 3.2).
	JoinNeedsListener bool
	// JoinPort says which local port subflows are opened from (RFC 8684 section
	// 3.9.1); a socket can choose another policy (SocketOptions.JoinPort).
	JoinPort PortPolicy

	// Blackhole and BlackholeTimeout: for how long after SYNs with MP_CAPABLE got
	// lost plain TCP is used at once, and towards whom (RFC 8684 section 3.9.3;
	// Linux sysctl blackhole_timeout). 0: never.
	Blackhole        BlackholeScope
	BlackholeTimeout sim.Duration
	// JoinFailures joins of a host that knew no token or had a wrong HMAC make the
	// host's joins be dropped, until JoinBlockTime has passed without one (RFC 8684
	// section 3.9.3 allows it); 0: never.
	JoinFailures  int
	JoinBlockTime sim.Duration
}

// PortPolicy says which local port a subflow is opened from. The remote port is
// that of the initial subflow, or the announced one.
type PortPolicy uint8

// The port policies.
const (
	// PortDefault is the policy of the profile.
	PortDefault PortPolicy = iota
	// PortEphemeral is a fresh ephemeral port (Linux).
	PortEphemeral
	// PortSame is the port of the initial subflow; if it is taken, an ephemeral one
	// (RFC 8684 section 3.9.1).
	PortSame
)

var portPolicyNames = [...]string{PortDefault: "profile", PortEphemeral: "ephemeral", PortSame: "same"}

// String returns the name that scenarios use.
func (p PortPolicy) String() string {
	if int(p) < len(portPolicyNames) {
		return portPolicyNames[p]
	}
	return "unknown"
}

// ParsePortPolicy returns the policy of the given name.
func ParsePortPolicy(name string) (PortPolicy, bool) {
	for p, n := range portPolicyNames {
		if n == name {
			return PortPolicy(p), true
		}
	}
	return 0, false
}

// RemovePolicy says what a REMOVE_ADDR does to subflows of the address.
type RemovePolicy uint8

// The policies.
const (
	// RemoveProbes sends keepalives and resets what does not answer (RFC 8684
	// section 3.4.2).
	RemoveProbes RemovePolicy = iota
	// RemoveCloses closes by FIN at once (Linux mptcp_pm_rm_addr_or_subflow).
	RemoveCloses
)

func linuxSignalling() PathSignalling {
	return PathSignalling{
		AddAddrTimeout: 120 * sim.Second, AddAddrRetries: 3, AddAddrLastUnwatched: true,
		AddAddrEstablishes: true, RemoveAddr: RemoveCloses, JoinNeedsListener: true,
		JoinPort: PortEphemeral, Blackhole: BlackholeHost, BlackholeTimeout: 3600 * sim.Second,
	}
}

func rfcSignalling() PathSignalling {
	return PathSignalling{
		AddAddrTimeout: 120 * sim.Second, AddAddrRetries: 3, AddAddrDropsTS: true,
		AddrIDFixed: true, SignalsInRow: 2, RemoveAddr: RemoveProbes, RemoveResets: true, RemoveOnLoss: true,
		JoinPort: PortSame, Blackhole: BlackholeDestination, BlackholeTimeout: 3600 * sim.Second,
		JoinFailures: 10, JoinBlockTime: 60 * sim.Second,
	}
}

// linuxOOTSignalling: the out-of-tree stack repeats an announcement of version 1
// after a fixed time and withdraws the addresses of interfaces that go down.
func linuxOOTSignalling() PathSignalling {
	return PathSignalling{
		AddAddrTimeout: 120 * sim.Second, AddAddrFixedTimeout: true, AddAddrRetries: 3,
		RemoveAddr: RemoveCloses, RemoveOnLoss: true, JoinPort: PortEphemeral,
	}
}
