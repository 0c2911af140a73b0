package packetdrill

import (
	"fmt"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// Simulated is the [System] that the project is about: one mptcp.Endpoint in
// simulated time, without a network. System calls are translated into commands
// of the endpoint; what blocks is tried again whenever something happened.
type Simulated struct {
	ep      *mptcp.Endpoint
	profile *mptcp.Profile
	cfg     Config
	now     sim.Time

	out     []Emission
	sockets []*simSocket // by descriptor
	waiting []*waiter    // calls that block, in the order of their begin
	sysctl  sysctls
	limits  [2]int // subflows, add_addr_accepted
	anyTOS  bool   // a socket has a type of service of its own
	virtual bool   // some payload is not the zero bytes of the script

	seg mptcp.Segment
}

// waiter is a blocked system call: try completes it or returns false.
type waiter struct {
	p   *Pending
	try func() bool
	at  sim.Time // when try must be called at the latest; sim.Never: only on events
}

// NewSimulated returns a host with the addresses of a configuration and the given
// protocol profile. Seed names the random streams of the host: keys, nonces,
// initial sequence numbers.
func NewSimulated(cfg Config, profile *mptcp.Profile, seed uint64) *Simulated {
	s := &Simulated{cfg: cfg, profile: profile, sysctl: newSysctls()}
	s.ep = mptcp.New(mptcp.Config{
		Profile: profile,
		Stream:  func(purpose string) *sim.Rand { return sim.NewRand(seed, 0, "packetdrill/"+purpose) },
	})
	s.ep.HandleAddr(0, cfg.Local.Addr(), true, 0)
	s.ep.SetPathLimits(0, mptcp.DefaultPathLimits())
	s.limits = [2]int{mptcp.DefaultPathLimits().Subflows, mptcp.DefaultPathLimits().AddAddrAccepted}
	return s
}

// Now implements [System].
func (s *Simulated) Now() sim.Time { return s.now }

// Run implements [System].
func (s *Simulated) Run(until sim.Time, stop bool) {
	for !(stop && len(s.out) > 0) {
		next := s.ep.NextTimeout()
		for _, w := range s.waiting {
			next = min(next, w.at)
		}
		if next > until || next == sim.Never {
			if until != sim.Never {
				s.now = max(s.now, until)
			}
			return
		}
		s.now = max(s.now, next)
		s.ep.HandleTimeout(s.now)
		s.pump()
	}
}

// Inject implements [System].
func (s *Simulated) Inject(packet []byte) error {
	var t wire.Tuple
	in := &s.seg
	in.Segment = wire.Segment{}
	in.Buf.Reset()
	if err := wire.ParsePacket(packet, &t, &in.Segment, &in.Buf); err != nil {
		return fmt.Errorf("the packet cannot be read: %w", err)
	}
	in.Opt, in.Tuple, in.Socket = nil, &t, 0
	if in.Buf.Present != 0 {
		in.Opt = &in.Buf
	}
	s.ep.HandleSegment(s.now, in)
	s.pump()
	return nil
}

// Next implements [System].
func (s *Simulated) Next() (Emission, bool) {
	if len(s.out) == 0 {
		return Emission{}, false
	}
	e := s.out[0]
	s.out = s.out[1:]
	return e, true
}

// Counter implements [System]: MPTcpExt counters of the endpoint, and those of
// TcpExt that it has.
func (s *Simulated) Counter(name string) (uint64, bool) {
	for _, prefix := range []string{"MPTcpExt", "TcpExt"} {
		for _, c := range s.ep.Counters() {
			if prefix+c.Name == name {
				return c.Value, true
			}
		}
	}
	return 0, false
}

// Close implements [System].
func (s *Simulated) Close() {}

// VirtualPayload reports whether the payload of emitted packets is not what the
// script wrote: data of a SYN is virtual.
func (s *Simulated) VirtualPayload() bool { return s.virtual }

// pump takes what the endpoint has to say, and tries blocked calls again, until
// nothing happens any more.
func (s *Simulated) pump() {
	for {
		for s.ep.PollSegment(s.now, &s.seg) {
			s.mark()
			b := wire.AppendPacket(nil, s.seg.Tuple, &s.seg.Segment, s.seg.Opt, -1)
			s.out = append(s.out, Emission{s.now, b})
		}
		var ev mptcp.Event
		if s.ep.PollEvent(&ev) {
			s.event(&ev)
			continue
		}
		if !s.retry() {
			return
		}
	}
}

// mark gives a segment the type of service of its socket (IP_TOS), in whose
// subflows its addresses are.
func (s *Simulated) mark() {
	if !s.anyTOS {
		return
	}
	for _, k := range s.everySocket() {
		if k.listening {
			continue
		}
		for _, f := range s.ep.Subflows(k.conn, nil) {
			if f.Tuple == *s.seg.Tuple {
				s.seg.TOS |= k.opt.tos
			}
		}
	}
}

// retry tries blocked calls, and reports whether one has returned.
func (s *Simulated) retry() (any bool) {
	kept := s.waiting[:0]
	for _, w := range s.waiting {
		if w.try() {
			w.p.Done, w.p.At = true, s.now
			any = true
			continue
		}
		kept = append(kept, w)
	}
	s.waiting = kept
	return any
}

// event notes what happened to a socket.
func (s *Simulated) event(ev *mptcp.Event) {
	for _, k := range s.everySocket() {
		if k.conn != ev.Conn {
			continue
		}
		switch ev.Kind {
		case mptcp.Acceptable:
			s.arrived(k)
		case mptcp.Connected:
			k.connected = true
		case mptcp.Closed:
			k.over = true
			k.err = errnoOf(ev.Why, k.connected)
		}
	}
}

// everySocket lists the sockets that the endpoint knows, those in the queues of
// listeners included.
func (s *Simulated) everySocket() (out []*simSocket) {
	for _, k := range s.sockets {
		if k != nil && k.has {
			out = append(out, k)
			out = append(out, k.queue...)
		}
	}
	return out
}
