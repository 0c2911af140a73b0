package packetdrill

import (
	"net/netip"

	"mpsim/sim"
)

// System is the host under test: its network interface, its sockets, its
// configuration and its clock. It has the addresses of the script's [Config] on
// an interface that leads to the script, and no other traffic.
//
// Everything happens in the calls: a System delivers what it has emitted and
// which blocking calls have returned when it is asked.
type System interface {
	// Now is the time since the system came up. It never decreases.
	Now() sim.Time
	// Run lets time pass until the given time. With stop set it returns as soon
	// as a packet waits for Next.
	Run(until sim.Time, stop bool)
	// Inject delivers an IP packet to the system, now.
	Inject(packet []byte) error
	// Next returns the oldest packet that the system has emitted and that was not
	// taken yet.
	Next() (Emission, bool)

	// Call begins a system call. The Pending is filled in at the latest when the
	// call returns: at once, or during a later Run. The error is not the call's:
	// it says that the system does not know the call or an argument.
	Call(c *Call) (*Pending, error)
	// Configure changes the configuration of the host. The error says that the
	// system does not have the setting.
	Configure(s *Setting) error
	// Counter returns a counter of the host under its name in nstat, for instance
	// "MPTcpExtMPCapableSYNRX", and whether there is one.
	Counter(name string) (uint64, bool)
	// Info returns the variables of TCP_INFO of a socket as assertions name them
	// ("tcpi_snd_cwnd"), or nil if it has none.
	Info(fd int) map[string]int64
	// Close ends the system.
	Close()
}

// Emission is a packet that the system under test has sent.
type Emission struct {
	At     sim.Time
	Packet []byte // from the IP header on
}

// Call is a system call with its arguments in typed form. Which fields have a
// meaning depends on Name.
type Call struct {
	Name     string // socket, bind, listen, accept, connect, read, write, ...
	FD       int    // of the system, not of the script
	MPTCP    bool   // socket: IPPROTO_MPTCP rather than IPPROTO_TCP
	NonBlock bool   // socket: SOCK_NONBLOCK; read, write: MSG_DONTWAIT
	Blocking bool   // the script expects it to block: it has a window of time
	Addr     netip.AddrPort
	N        int64    // bytes; listen: backlog; fcntl F_SETFL: the flags
	Flags    []string // of send and recv: MSG_FASTOPEN, ...
	Option   string   // setsockopt, getsockopt: SO_..., TCP_..., IP_...; fcntl, shutdown, ioctl: the command
	Value    []int64  // setsockopt: members of the value in order
	Bytes    []byte   // setsockopt: the value as text
	Polls    []Poll
	Timeout  sim.Duration // poll; negative: none
}

// Poll is a member of the array of poll(2).
type Poll struct {
	FD      int
	Events  []string
	Revents []string // the answer, in the order of pollNames
}

// Pending is a system call that was begun.
type Pending struct {
	Done  bool
	At    sim.Time // when it returned
	Value int64
	Errno string  // if Value is -1: EAGAIN, ...
	Ints  []int64 // getsockopt: members of the value
	Bytes []byte  // getsockopt: the value as text
	Polls []Poll
	Flags []string // fcntl F_GETFL: O_RDWR, O_NONBLOCK
}

// SettingKind is what a Setting changes.
type SettingKind uint8

// The kinds of settings.
const (
	// SetSysctl sets the variable Name to Value.
	SetSysctl SettingKind = iota
	// SetLimits is `ip mptcp limits set`: Limits.
	SetLimits
	// AddEndpoint, ChangeEndpoint, DeleteEndpoint and FlushEndpoints are those of
	// `ip mptcp endpoint`. AddEndpoint also gives the address to the interface.
	AddEndpoint
	ChangeEndpoint
	DeleteEndpoint
	FlushEndpoints
)

// Setting is one change of the host's configuration.
type Setting struct {
	Kind        SettingKind
	Name, Value string     // SetSysctl
	Addr        netip.Addr // AddEndpoint, or ChangeEndpoint and DeleteEndpoint by address
	ID          uint8      // 0: chosen by the system, or not given
	HasID       bool
	Port        uint16
	// Flags are words of `ip mptcp endpoint`: signal, subflow, backup, nobackup,
	// fullmesh, nofullmesh.
	Flags []string
	// Subflows and AddAddrAccepted are the limits; -1: unchanged.
	Subflows, AddAddrAccepted int
}
