package live

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"mpsim/internal/packetdrill"
	"mpsim/net/wire"
	"mpsim/sim"
)

// Kernel is the kernel of this machine as the system that a packetdrill script
// tests: real sockets in a namespace of their own, whose traffic goes to the
// script through a TUN device, in real time. It implements
// [packetdrill.System]. All methods are called on the goroutine that made it,
// whose thread is its own until Close and has real-time priority where that is
// allowed: times then are right to a fraction of a millisecond on an idle
// machine, and too late by what other processes take on a busy one.
type Kernel struct {
	n     *Namespace
	cfg   packetdrill.Config
	tun   *tun
	wake  int // an eventfd: a blocking call has returned
	start time.Time
	began bool // the clock runs
	late  sim.Duration

	queue    []packetdrill.Emission
	fds      []int
	blocking []*blockingCall
	policy   *unix.SchedAttr // of the thread before
	failed   error
	buf      []byte

	controller string // of new sockets; empty: the machine's
}

// NewKernel makes the host that a script's configuration describes: the local
// address on the device, and a route to the remote ones.
func NewKernel(cfg packetdrill.Config) (packetdrill.System, error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	k := &Kernel{cfg: cfg, wake: -1, buf: make([]byte, 1<<16)}
	runtime.LockOSThread()
	k.raise()
	var err error
	if k.n, err = NewNamespace(); err == nil {
		err = k.n.Do(k.connect)
	}
	if err == nil {
		k.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	}
	if err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// connect makes the device. It runs in the namespace.
func (k *Kernel) connect() error {
	var err error
	i := &Interface{Name: "tun0", Kernel: []netip.Prefix{k.cfg.Local}}
	if k.tun, err = openTUN(i, k.cfg.MTU); err != nil {
		return err
	}
	link, err := netlink.LinkByName(i.Name)
	if err != nil {
		return err
	}
	err = netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(k.cfg.Remote.Masked()), Scope: netlink.SCOPE_LINK})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("route to %v: %w", k.cfg.Remote, err)
	}
	return nil
}

// raise gives the thread real-time priority; without the right to it goes on as
// it is.
func (k *Kernel) raise() {
	was, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return
	}
	if unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0) == nil {
		k.policy = was
	}
}

// Now implements [packetdrill.System]. The clock stands still while the script
// configures the host, until it does the first thing that takes time.
func (k *Kernel) Now() sim.Time {
	if !k.began {
		return 0
	}
	return sim.Time(time.Since(k.start))
}

func (k *Kernel) begin() {
	if !k.began {
		k.began, k.start = true, time.Now()
	}
}

// Run implements [packetdrill.System].
func (k *Kernel) Run(until sim.Time, stop bool) {
	if until > 0 {
		k.begin()
	}
	for {
		k.drain()
		k.collect()
		now := k.Now()
		if !stop && now >= until {
			k.late = max(k.late, now.Sub(until))
		}
		if now >= until || stop && len(k.queue) > 0 || k.failed != nil {
			return
		}
		var timeout *unix.Timespec
		if until != sim.Never {
			t := unix.NsecToTimespec(int64(until.Sub(now)))
			timeout = &t
		}
		fds := []unix.PollFd{{Fd: int32(k.tun.fd), Events: unix.POLLIN}, {Fd: int32(k.wake), Events: unix.POLLIN}}
		if _, err := unix.Ppoll(fds, timeout, nil); err != nil && err != unix.EINTR {
			k.failed = fmt.Errorf("ppoll: %w", err)
		}
	}
}

// Late returns by how much the peer of the script was late at most: the time from a
// moment for which it waited to the one at which its thread was running. What the
// script says of the kernel after that may not hold, although the kernel is right: it
// may have sent something again, for instance.
func (k *Kernel) Late() sim.Duration { return k.late }

// drain takes the packets that the kernel has sent. Only TCP is the script's;
// IPv6 tells its neighbours about addresses, for instance.
func (k *Kernel) drain() {
	for {
		n, err := k.tun.read(k.buf)
		if err != nil {
			k.failed = err
		}
		if n == 0 {
			return
		}
		var t wire.Tuple
		var s wire.Segment
		var o wire.Options
		if wire.ParsePacket(k.buf[:n], &t, &s, &o) == nil && t.Proto == wire.ProtoTCP {
			k.queue = append(k.queue, packetdrill.Emission{At: k.Now(), Packet: append([]byte(nil), k.buf[:n]...)})
		}
	}
}

// Inject implements [packetdrill.System].
func (k *Kernel) Inject(packet []byte) error {
	k.begin()
	k.drain() // what was sent before has its own time
	err := k.tun.write(packet)
	k.drain()
	return errors.Join(err, k.failed)
}

// Next implements [packetdrill.System].
func (k *Kernel) Next() (packetdrill.Emission, bool) {
	k.drain()
	if len(k.queue) == 0 {
		return packetdrill.Emission{}, false
	}
	e := k.queue[0]
	k.queue = k.queue[1:]
	return e, true
}

// Configure implements [packetdrill.System].
func (k *Kernel) Configure(s *packetdrill.Setting) error {
	defer k.drain()
	e := PathEndpoint{ID: s.ID, Addr: s.Addr, Port: s.Port, Flags: pathFlags(s.Flags)}
	switch s.Kind {
	case packetdrill.SetSysctl:
		if s.Name == "net.ipv4.tcp_congestion_control" {
			// A namespace may choose only among what the machine allows to
			// everybody, a socket of root's among all.
			k.controller = s.Value
			return nil
		}
		return k.n.SetSysctl(s.Name, s.Value)
	case packetdrill.SetLimits:
		return k.n.setPathLimits(s.AddAddrAccepted, s.Subflows)
	case packetdrill.AddEndpoint:
		if err := k.n.Do(func() error { return addAddress("tun0", s.Addr) }); err != nil {
			return err
		}
		return k.n.AddPathEndpoint(e)
	case packetdrill.ChangeEndpoint:
		return k.n.ChangePathEndpoint(e)
	case packetdrill.DeleteEndpoint:
		return k.n.DeletePathEndpoint(e)
	case packetdrill.FlushEndpoints:
		return k.n.FlushPathEndpoints()
	}
	return fmt.Errorf("unknown setting %d", s.Kind)
}

// pathFlags reads the words of `ip mptcp endpoint`.
func pathFlags(words []string) (f PathFlags) {
	for _, w := range words {
		switch w {
		case "signal":
			f |= PathSignal
		case "subflow":
			f |= PathSubflow
		case "backup":
			f |= PathBackup
		case "fullmesh":
			f |= PathFullmesh
		case "laminar":
			f |= PathLaminar
		}
	}
	return f
}

// addAddress gives a device one more address, which is never chosen as a source
// by itself: for IPv6 it counts as deprecated, for IPv4 it comes after the first.
func addAddress(device string, a netip.Addr) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	na := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(a, a.BitLen()))}
	if a.Is6() {
		na.Flags = unix.IFA_F_NODAD
		na.PreferedLft, na.ValidLft = 0, 1<<31-1
	}
	if err := netlink.AddrAdd(link, na); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("address %v: %w", a, err)
	}
	return awaitAddress(a)
}

// Counter implements [packetdrill.System].
func (k *Kernel) Counter(name string) (v uint64, ok bool) {
	k.n.Do(func() error {
		for _, f := range []string{"netstat", "snmp"} {
			b, err := os.ReadFile("/proc/thread-self/net/" + f)
			if err != nil {
				return err
			}
			for _, group := range []string{"MPTcpExt", "TcpExt", "IpExt", "Tcp", "Ip"} {
				short, match := strings.CutPrefix(name, group)
				if c, err := parseCounters(b, group+":"); err == nil && match && !ok {
					v, ok = c[short]
				}
			}
		}
		return nil
	})
	return v, ok
}

// Close implements [packetdrill.System]: the device goes first, so that nobody
// hears of what the sockets do when they are closed.
func (k *Kernel) Close() {
	if k.tun != nil {
		k.tun.close()
	}
	for _, fd := range k.fds {
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		unix.Shutdown(fd, unix.SHUT_RDWR)
	}
	for _, b := range k.blocking {
		<-b.done
	}
	for _, fd := range k.fds {
		unix.Close(fd)
	}
	if k.n != nil {
		k.n.Close()
	}
	if k.wake >= 0 {
		unix.Close(k.wake)
	}
	if k.policy != nil {
		unix.SchedSetAttr(0, k.policy, 0)
	}
	runtime.UnlockOSThread()
}
