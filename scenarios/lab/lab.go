// Package lab is mpsim for programs: two hosts, any number of paths between
// them, and connections that a Go test drives step by step in virtual time.
// A scenario file describes an experiment; a lab is for code that wants to look
// at what happens in between, such as the test of a plug-in.
//
//	l := lab.New(lab.Config{Seed: 1},
//		lab.Path{Name: "wifi", Rate: 10 * sim.MegabitPerSecond, Delay: 10 * sim.Millisecond},
//		lab.Path{Name: "lte", Rate: 10 * sim.MegabitPerSecond, Delay: 30 * sim.Millisecond})
//	client, server := l.Connect()
//	server.Send(1 << 20)
//	l.RunUntil(func() bool { return client.Received() == 1<<20 })
//
// The client has the address 10.0.i.1 on path i (counted from 1), the server
// 10.0.i.2; every address of the server can be reached over every path. Nothing
// here blocks or runs by itself: time passes in Run and RunUntil only, and the
// same program gives the same run hash on every machine.
package lab

import (
	"fmt"
	"net/netip"

	"mpsim/cc"
	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	simnet "mpsim/net"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Config says how both hosts behave. The zero value is a lab with seed 0, the
// profile of Linux and the default plug-ins. Names are those that `mpsim list`
// prints; a plug-in of one's own is given as a function.
type Config struct {
	// Seed and Replication are those of all random streams.
	Seed, Replication uint64
	// Profile is the protocol profile of both hosts; nil: mptcp.Linux().
	Profile *mptcp.Profile
	// CC, Scheduler and PathManager name plug-ins; "": lia, minrtt, fullmesh.
	CC, Scheduler, PathManager string
	// NewCC, NewScheduler and NewPathManager make the plug-ins of a connection
	// and win over the names.
	NewCC          func(rnd *sim.Rand) cc.Controller
	NewScheduler   func(rnd *sim.Rand) sched.Scheduler
	NewPathManager func(rnd *sim.Rand) mptcp.PathManager
	// Socket changes the options of each connection before it is made, if it is
	// not nil: buffers, Nagle, checksums, or mptcp.TCP as the protocol.
	Socket func(o *mptcp.SocketOptions)
	// Verify makes every hop render and parse every packet.
	Verify bool
}

// Lab is two hosts and what lies between them.
type Lab struct {
	Client, Server *host.Host

	cfg      Config
	sim      *sim.Sim
	trace    *trace.Run
	net      *simnet.Network
	paths    []*PathControl
	listen   mptcp.ConnID
	accepted []*Conn
	port     uint16
}

// Port is where the server listens.
const Port = 5001

// New builds a lab. It panics if a plug-in name is unknown or a path is not
// valid, as both are mistakes in the calling program.
func New(cfg Config, paths ...Path) *Lab {
	l := &Lab{cfg: cfg, sim: sim.New(cfg.Seed, cfg.Replication), trace: new(trace.Run), port: Port}
	l.net = simnet.New(l.sim, l.trace)
	l.cfg.choosePlugins()
	client, server := l.net.AddNode("client"), l.net.AddNode("server")
	for i := range paths {
		l.addPath(i+1, &paths[i], client, server)
	}
	l.Client = host.New(l.net, client, host.Config{Profile: cfg.Profile})
	l.Server = host.New(l.net, server, host.Config{Profile: cfg.Profile})
	if cfg.Verify {
		l.net.SetVerify(true)
	}
	var err error
	l.listen, err = l.Server.Listen(0, netip.AddrPortFrom(netip.Addr{}, Port), l.socket("server"), l.accept)
	must(err)
	return l
}

// choosePlugins turns names into functions.
func (c *Config) choosePlugins() {
	if c.NewCC == nil {
		name := or(c.CC, "lia")
		_, err := cc.New(name, nil, sim.NewRand(0, 0, "check"))
		must(err)
		c.NewCC = func(rnd *sim.Rand) cc.Controller { return made(cc.New(name, nil, rnd)) }
	}
	if c.NewScheduler == nil {
		name := or(c.Scheduler, "minrtt")
		_, err := sched.NewScheduler(name, nil, sim.NewRand(0, 0, "check"))
		must(err)
		c.NewScheduler = func(rnd *sim.Rand) sched.Scheduler { return made(sched.NewScheduler(name, nil, rnd)) }
	}
	if c.NewPathManager == nil {
		name := or(c.PathManager, "fullmesh")
		_, err := pm.New(name, nil, sim.NewRand(0, 0, "check"))
		must(err)
		c.NewPathManager = func(rnd *sim.Rand) mptcp.PathManager { return made(pm.New(name, nil, rnd)) }
	}
}

func (l *Lab) socket(name string) *mptcp.SocketOptions {
	o := &mptcp.SocketOptions{
		Name: name, Protocol: mptcp.MPTCP,
		Controller: l.cfg.NewCC, Scheduler: l.cfg.NewScheduler, PathManager: l.cfg.NewPathManager,
	}
	if l.cfg.Socket != nil {
		l.cfg.Socket(o)
	}
	return o
}

// Now returns the virtual time.
func (l *Lab) Now() sim.Time { return l.sim.Now() }

// Sim returns the simulation, for its random streams.
func (l *Lab) Sim() *sim.Sim { return l.sim }

// Network returns the simulated network, for taps, boxes and statistics.
func (l *Lab) Network() *simnet.Network { return l.net }

// Trace returns the trace, for sinks.
func (l *Lab) Trace() *trace.Run { return l.trace }

// Hash returns the hash of what has happened so far.
func (l *Lab) Hash() trace.Hash { return l.trace.Hash() }

// Run lets time pass.
func (l *Lab) Run(d sim.Duration) { l.sim.Run(l.sim.Now().Add(d), noBudget) }

// RunUntil lets time pass until a condition holds, which is asked for after each
// event, or until an hour has passed or nothing is left to happen. It reports
// whether the condition holds.
func (l *Lab) RunUntil(cond func() bool) bool {
	end := l.sim.Now().Add(hour)
	for !cond() {
		if l.sim.Run(end, 1) != sim.Budget {
			return cond()
		}
	}
	return true
}

const (
	hour     = 3600 * sim.Second
	noBudget = ^uint64(0)
)

// Connect opens a connection over the first path and lets time pass until both
// ends are established. It panics if they are not within an hour; Dial is for
// connections that shall fail.
func (l *Lab) Connect() (client, server *Conn) {
	n := len(l.accepted)
	client = l.Dial(netip.AddrPort{}, netip.AddrPort{})
	if !l.RunUntil(func() bool { return client.Connected() && len(l.accepted) > n }) {
		panic(fmt.Sprintf("lab: no connection: %+v", client.Info()))
	}
	return client, l.accepted[n]
}

// Dial begins to open a connection from a local address of the client to an
// address of the server; zero values mean path 1 and any port. No time passes.
func (l *Lab) Dial(local, remote netip.AddrPort) *Conn {
	if !local.IsValid() {
		local = netip.AddrPortFrom(address(1, 1), 0)
	}
	if !remote.IsValid() {
		remote = netip.AddrPortFrom(address(1, 2), l.port)
	}
	c := &Conn{lab: l, host: l.Client}
	id, err := l.Client.Dial(l.sim.Now(), local, remote, l.socket("client"), c)
	must(err)
	c.id = id
	return c
}

// Accepted returns the connections that the server has accepted, in order.
func (l *Lab) Accepted() []*Conn { return l.accepted }

func (l *Lab) accept(_ sim.Time, id mptcp.ConnID) host.App {
	c := &Conn{lab: l, host: l.Server, id: id, connected: true}
	l.accepted = append(l.accepted, c)
	return c
}

func or(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// must ends the program that asked for what does not exist.
func must(err error) {
	if err != nil {
		panic("lab: " + err.Error())
	}
}

func made[T any](x T, err error) T {
	must(err)
	return x
}
