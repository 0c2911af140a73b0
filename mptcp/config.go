package mptcp

import (
	"errors"
	"fmt"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Segment is a segment on its way into or out of an endpoint.
type Segment = tcp.Segment

// Config is what an endpoint is made of.
type Config struct {
	// Profile is the choice of timers and variants; nil: Linux().
	Profile *Profile
	// Stream returns the host's random stream of the given purpose: "keys",
	// "nonces", "isn", "ports", and one for each connection's controller,
	// scheduler and path manager.
	Stream func(purpose string) *sim.Rand
	// Trace receives the records of the endpoint; it may be nil.
	Trace *trace.Node
	// Paths tells what the host knows of paths; it may be nil.
	Paths PathView
	// Scratch is working space that endpoints which are never called at the same time
	// may share; nil: one of its own.
	Scratch *Scratch
}

// ConnID names a socket of an endpoint: a listener or a connection. It stays
// valid until the application has closed the connection and its last event has
// been polled. The zero ConnID names none.
type ConnID uint32

// Protocol is what a socket speaks.
type Protocol uint8

// The protocols. A connection whose Protocol is MPTCP may have fallen back to
// TCP; ConnInfo says so.
const (
	TCP Protocol = iota
	MPTCP
)

// String returns the name that scenarios use.
func (p Protocol) String() string {
	if p == MPTCP {
		return "mptcp"
	}
	return "tcp"
}

// SocketOptions are the options of a socket; those of a listener are the options
// of the connections it accepts.
type SocketOptions struct {
	// Name is for messages and traces.
	Name     string
	Protocol Protocol
	// Versions are the protocol versions to offer or to accept; 0: those of the
	// profile; NoVersions: none, so that MPTCP is never spoken.
	Versions Versions
	// Checksum is what the socket wants of DSS checksums; ChecksumDefault: what the
	// profile says.
	Checksum ChecksumPolicy
	// Controller makes the congestion controller of a connection. It is required.
	Controller func(rnd *sim.Rand) cc.Controller
	// Scheduler makes the scheduler of a connection. MPTCP requires it.
	Scheduler func(rnd *sim.Rand) sched.Scheduler
	// PathManager makes the path manager of a connection; nil: no subflows but the
	// initial one and those that the peer opens.
	PathManager func(rnd *sim.Rand) PathManager
	// SendBuffer and ReceiveBuffer are in bytes of payload, fixed; 0: 4 MiB and
	// 6 MiB (Linux tcp_wmem[2] and tcp_rmem[2]).
	SendBuffer, ReceiveBuffer int64
	// SendMemory and ReceiveMemory make the buffers tune themselves instead, within
	// a range in bytes of memory (Linux tcp_wmem and tcp_rmem).
	SendMemory, ReceiveMemory tcp.Memory
	// MSS is the maximum segment size to announce (`ip route ... advmss`); 0: what the
	// MTU of the interface leaves, or one of 1500 if the host knows none (mss.go).
	MSS int
	// NoDelay switches the Nagle rule off.
	NoDelay bool
	// MSSPolicy is how the size of connection-level segments is chosen.
	MSSPolicy MSSPolicy
	// Keepalive probes idle connections as the profile says.
	Keepalive bool
	// RcvBufOpt are the measures against a window that a slow subflow holds up; 0:
	// those of the profile.
	RcvBufOpt RcvBufOpt
	// Reprobe caps the retransmission timeout of a silent subflow at one second
	// while another one lives; see Profile.Reprobe.
	Reprobe bool
	// ResetUnderperforming resets a subflow that loses much and brings little beside
	// another one, with code 0x05 of MP_TCPRST (RFC 8684 section 3.3.6; the rule is
	// in performance.go).
	ResetUnderperforming bool
	// ResetDelivered resets a subflow that has timed out and carries only what the
	// peer has got by way of others, with code 0x04 of MP_TCPRST, so that the path
	// manager can open a new one (RFC 8041 section 2.2; the rule is in restart.go).
	ResetDelivered bool
	// SubflowLimit is how many subflows beside the initial one the connection may
	// have; 0: Profile.SubflowLimit.
	SubflowLimit int
	// FastOpen says how the socket uses TCP Fast Open; 0: not at all.
	FastOpen FastOpenFlags
	// FastOpenBacklog bounds the connections of a listener that a valid cookie
	// has opened and whose handshake is not complete (RFC 7413 section 5.1); 0:
	// Backlog.
	FastOpenBacklog int
	// SYNCookies says when a listener answers by SYN cookies.
	SYNCookies SYNCookieMode
	// SYNCookieSSN lets a listener that lost the first segment behind a cookie
	// infer the peer's initial sequence number from the mapping of a later one,
	// and a client repeat its key with every copy of its first data, without
	// which the listener would not get it (draft-paasch-mptcp-syncookies-02
	// section 3.2; experimental).
	SYNCookieSSN bool
	// JoinPort is the local port of subflows; PortDefault: Profile.JoinPort.
	JoinPort PortPolicy
	// Backlog bounds the connections of a listener that are not accepted yet; 0:
	// 4096 (Linux somaxconn).
	Backlog int
}

// Default sizes of buffers and backlog.
const (
	DefaultSendBuffer    = 4 << 20
	DefaultReceiveBuffer = 6 << 20
	defaultBacklog       = 4096
)

// Errors of commands.
var (
	ErrAddrInUse = errors.New("address in use")
	ErrNoAddress = errors.New("no local address of the family is up")
	ErrNoPort    = errors.New("no ephemeral port is free")
)

// complete returns the options with defaults filled in, or says what is missing.
func (o *SocketOptions) complete(p *Profile) (SocketOptions, error) {
	if o.Controller == nil {
		return *o, fmt.Errorf("socket %q: no congestion controller", o.Name)
	}
	if o.Protocol == MPTCP && o.Scheduler == nil {
		return *o, fmt.Errorf("socket %q: no scheduler", o.Name)
	}
	if o.MSS != 0 && (o.MSS < 88 || o.MSS > 65535) {
		return *o, fmt.Errorf("socket %q: MSS %d", o.Name, o.MSS)
	}
	f := *o
	if f.ReceiveBuffer <= 0 {
		f.ReceiveBuffer = DefaultReceiveBuffer
	}
	if f.SendBuffer <= 0 {
		f.SendBuffer = DefaultSendBuffer
		if p.SendCoversReceive {
			f.SendBuffer = max(f.SendBuffer, f.ReceiveBuffer)
		}
	}
	if f.Versions == 0 {
		f.Versions = p.Versions
	}
	if p.ReceiveBuffer != BufferOfSocket && f.Protocol == MPTCP {
		f.ReceiveMemory = tcp.Memory{}
		f.ReceiveBuffer = p.receiveBuffer(f.ReceiveBuffer)
	}
	if f.Checksum == ChecksumDefault {
		f.Checksum = p.Checksum
	}
	if f.SubflowLimit <= 0 {
		f.SubflowLimit = p.SubflowLimit
	}
	if f.JoinPort == PortDefault {
		f.JoinPort = p.JoinPort
	}
	if f.Backlog <= 0 {
		f.Backlog = defaultBacklog
	}
	if f.FastOpenBacklog <= 0 {
		f.FastOpenBacklog = f.Backlog
	}
	return f, nil
}
