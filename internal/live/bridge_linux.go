package live

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/results"
	"mpsim/sim"
)

// BridgeConfig is what a bridge is made of.
type BridgeConfig struct {
	// Endpoint makes the configuration of the endpoint, anew for each machine.
	Endpoint func() mptcp.Config
	// Interfaces become TUN devices in the namespace.
	Interfaces []Interface
	// MTU of the devices in octets; 0: 1500.
	MTU int
	// Delay is added to every packet between the endpoint and the kernel, in each
	// direction; one for each interface, missing ones are 0.
	Delay []sim.Duration
	// Filter changes packets between the endpoint and the kernel; nil: none.
	Filter Filter
	// Capture receives what the endpoint sends and gets, as pcapng; nil: nobody.
	Capture io.Writer
	// CaptureName is the name of the run in the capture; SnapLen bounds the octets
	// of a packet in it, 0: results.DefaultSnapLen, negative: all.
	CaptureName string
	SnapLen     int
}

// Filter is a box in the path between endpoint and kernel. Out says that the
// packet comes from the endpoint; n counts the packets of the direction on the
// interface from 0. It returns what goes on: nil loses the packet, and the same
// or another slice, which it may have changed in place, passes.
type Filter func(out bool, iface, n int, packet []byte) []byte

// Bridge drives a machine in real time. One locked thread does everything: it
// waits for packets, commands and the deadline of the endpoint.
type Bridge struct {
	cfg     BridgeConfig
	m       *Machine
	tuns    []*tun
	seen    [2][]int // packets by direction (in, out) and interface
	transit transit
	start   time.Time
	rec     Recording
	capture *results.Capture
	err     error

	wake     int // an eventfd that ends the waiting
	mu       sync.Mutex
	commands []string
	stopping bool
	done     chan struct{}
}

// NewBridge makes the devices of a bridge in a namespace. It does not run yet.
func NewBridge(n *Namespace, cfg BridgeConfig, app App) (*Bridge, error) {
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	b := &Bridge{cfg: cfg, done: make(chan struct{}), wake: -1}
	for len(b.cfg.Delay) < len(cfg.Interfaces) {
		b.cfg.Delay = append(b.cfg.Delay, 0)
	}
	b.seen[0], b.seen[1] = make([]int, len(cfg.Interfaces)), make([]int, len(cfg.Interfaces))
	err := n.Do(func() error {
		for i := range cfg.Interfaces {
			t, err := openTUN(&cfg.Interfaces[i], cfg.MTU)
			if err != nil {
				return err
			}
			b.tuns = append(b.tuns, t)
		}
		return nil
	})
	if err == nil {
		b.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	if cfg.Capture != nil {
		b.capture = results.NewCapture(cfg.Capture, results.CaptureInfo{Scenario: cfg.CaptureName}, cfg.SnapLen)
		for _, i := range cfg.Interfaces {
			b.capture.AddPoint(i.Name)
		}
	}
	b.m = NewMachine(cfg.Endpoint(), cfg.Interfaces, app, b.emitted)
	return b, nil
}

// Run starts the clock and the thread of the bridge.
func (b *Bridge) Run() { go b.loop() }

// Command has the application's OnCommand called with a name, soon.
func (b *Bridge) Command(name string) {
	b.mu.Lock()
	b.commands = append(b.commands, name)
	b.mu.Unlock()
	b.signal()
}

// Stop ends the thread, closes the devices, and returns the recording.
func (b *Bridge) Stop() (*Recording, error) {
	b.mu.Lock()
	b.stopping = true
	b.mu.Unlock()
	b.signal()
	<-b.done
	b.close()
	if b.capture != nil {
		if err := b.capture.Flush(); err != nil && b.err == nil {
			b.err = err
		}
	}
	return &b.rec, b.err
}

// Machine returns the machine; it may be looked at when the bridge has stopped.
func (b *Bridge) Machine() *Machine { return b.m }

func (b *Bridge) signal() {
	one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1} // any number but 0 does
	unix.Write(b.wake, one[:])
}

func (b *Bridge) close() {
	for _, t := range b.tuns {
		t.close()
	}
	if b.wake >= 0 {
		unix.Close(b.wake)
	}
}

func (b *Bridge) now() sim.Time { return sim.Time(time.Since(b.start)) }

func (b *Bridge) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(b.done)
	b.start = time.Now()
	b.input(Input{Kind: Started})
	fds := make([]unix.PollFd, len(b.tuns)+1)
	for i, t := range b.tuns {
		fds[i] = unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN}
	}
	fds[len(b.tuns)] = unix.PollFd{Fd: int32(b.wake), Events: unix.POLLIN}
	for b.err == nil && b.obey() {
		b.wait(fds)
		for i := range b.tuns {
			b.receive(i)
		}
		b.deliver()
		if now := b.now(); b.m.NextTimeout() <= now {
			b.input(Input{At: now, Kind: Timeout})
		}
	}
}

// obey passes commands on; false: it is time to stop.
func (b *Bridge) obey() bool {
	b.mu.Lock()
	names, stop := b.commands, b.stopping
	b.commands = nil
	b.mu.Unlock()
	for _, name := range names {
		b.input(Input{At: b.now(), Kind: Command, Command: name})
	}
	return !stop
}

// wait returns when there is something to do.
func (b *Bridge) wait(fds []unix.PollFd) {
	var timeout *unix.Timespec
	if at := min(b.m.NextTimeout(), b.transit.next()); at != sim.Never {
		t := unix.NsecToTimespec(max(0, int64(at.Sub(b.now()))))
		timeout = &t
	}
	if _, err := unix.Ppoll(fds, timeout, nil); err != nil && err != unix.EINTR {
		b.fail(fmt.Errorf("ppoll: %w", err))
	}
	if fds[len(fds)-1].Revents != 0 {
		var buf [8]byte
		unix.Read(b.wake, buf[:])
	}
}

// burst is how many packets of one device are taken before the others get their
// turn.
const burst = 64

// receive takes what the kernel has sent on an interface.
func (b *Bridge) receive(i int) {
	for range burst {
		buf := make([]byte, b.cfg.MTU)
		n, err := b.tuns[i].read(buf)
		if err != nil {
			b.fail(err)
		}
		if n == 0 {
			return
		}
		p := b.filter(false, i, buf[:n])
		if p == nil {
			continue
		}
		if d := b.cfg.Delay[i]; d > 0 {
			b.transit.push(passage{at: b.now().Add(d), iface: i, packet: p})
			continue
		}
		b.arrive(i, p)
	}
}

func (b *Bridge) arrive(i int, p []byte) {
	now := b.now()
	b.observe(now, i, false, p)
	b.input(Input{At: now, Kind: Arrival, Interface: i, Packet: p})
}

// emitted puts a packet of the endpoint on its way.
func (b *Bridge) emitted(now sim.Time, i int, p []byte) {
	b.rec.Outputs = append(b.rec.Outputs, digest(now, i, p))
	b.observe(now, i, true, p)
	if p = b.filter(true, i, p); p == nil {
		return
	}
	if d := b.cfg.Delay[i]; d > 0 {
		b.transit.push(passage{at: now.Add(d), iface: i, out: true, packet: append([]byte(nil), p...)})
		return
	}
	b.fail(b.tuns[i].write(p))
}

// deliver lets delayed packets arrive.
func (b *Bridge) deliver() {
	for {
		p, ok := b.transit.pop(b.now())
		switch {
		case !ok:
			return
		case p.out:
			b.fail(b.tuns[p.iface].write(p.packet))
		default:
			b.arrive(p.iface, p.packet)
		}
	}
}

func (b *Bridge) filter(out bool, i int, p []byte) []byte {
	d := 0
	if out {
		d = 1
	}
	n := b.seen[d][i]
	b.seen[d][i]++
	if b.cfg.Filter == nil {
		return p
	}
	return b.cfg.Filter(out, i, n, p)
}

func (b *Bridge) input(in Input) {
	b.rec.Inputs = append(b.rec.Inputs, in)
	b.m.Handle(&b.rec.Inputs[len(b.rec.Inputs)-1])
}

// observe captures a packet as the endpoint sees it. What is no IP packet is
// left out.
func (b *Bridge) observe(now sim.Time, i int, out bool, p []byte) {
	if b.capture == nil {
		return
	}
	var t wire.Tuple
	var s wire.Segment
	var o wire.Options
	if wire.ParsePacket(p, &t, &s, &o) == nil {
		b.capture.Packet(now, i, out, &t, &s, &o)
	}
}

// fail keeps the first error, which ends the loop.
func (b *Bridge) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}
