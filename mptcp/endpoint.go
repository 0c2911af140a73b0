package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Endpoint is the TCP and MPTCP of one host. It is not safe for concurrent use.
// The package comment says how it is driven.
type Endpoint struct {
	// What every segment touches lies in the first two lines (TestLinesOfSegments).
	flows   flowTable
	ready   readyList
	trace   *trace.Node
	events  eventQueue // its length last
	witness Witness    // nil: nobody
	odd     oddity
	timers  timers // its first deadline first

	socks  socketTable // its slots first
	resets []rawReset  // for segments of no flow, not yet polled
	ended  []*socket   // whose last event has been polled
	polled *connection // that is to settle because of what PollSegment sends

	profile *Profile
	stream  func(purpose string) *sim.Rand
	view    PathView // nil: the host knows nothing
	rnd     struct{ keys, nonces, isn, ports *sim.Rand }
	tokens  map[uint32]*connection

	versions versionCache
	addrs    []localAddr
	paths    pathConfig
	holes    blackholes
	pathMTUs []pathMTU // oldest first
	suspects []suspect
	arena    tcp.Arena // literal payload of all sockets
	counts   [numCounters]uint64
	fast     fastOpenState
	cookies  synCookies
	// restoring is set while a flow is built from a SYN cookie, until it exists.
	restoring *restored

	work *Scratch
}

// oddity is what an endpoint has to look at before a segment, because the segment itself
// does not show it.
type oddity uint8

const (
	oddReset   oddity = 1 << iota // resets is not empty
	oddEnded                      // ended is not empty
	oddSettles                    // polled is set
)

// settlesAfter has a connection settled when the segment that is being built has been
// polled.
func (e *Endpoint) settlesAfter(c *connection) {
	e.polled = c
	e.odd |= oddSettles
}

// settlePolled settles that connection.
func (e *Endpoint) settlePolled(now sim.Time) {
	c := e.polled
	e.polled = nil
	e.odd &^= oddSettles
	c.settle(now)
}

// Scratch is the working space of one call, kept to allocate nothing. Endpoints that
// are never called at the same time may share one, so that with many hosts it stays in
// the cache.
type Scratch struct {
	grants  []sched.Grant
	queue   sched.Queue
	actions PathActions
	record  trace.Record
	tcp     tcp.Scratch
}

// New returns an endpoint without addresses and sockets.
func New(cfg Config) *Endpoint {
	e := &Endpoint{profile: cfg.Profile, stream: cfg.Stream, trace: cfg.Trace, view: cfg.Paths}
	if e.profile == nil {
		e.profile = Linux()
	}
	if e.work = cfg.Scratch; e.work == nil {
		e.work = new(Scratch)
	}
	e.rnd.keys = e.stream("keys")
	e.rnd.nonces = e.stream("nonces")
	e.rnd.isn = e.stream("isn")
	e.rnd.ports = e.stream("ports")
	e.flows.names = &flowNames{byTuple: make(map[wire.Tuple]uint32)}
	e.socks.listeners = make(map[netip.AddrPort]*socket)
	e.tokens = make(map[uint32]*connection)
	return e
}

// HandleSegment takes in a segment that reached the host. It sets the segment's
// Socket to the one that got it, for carriers that remember it. Its Route, if not 0, is a
// number that the carrier has for the flow: PollSegment gives it back.
func (e *Endpoint) HandleSegment(now sim.Time, s *Segment) {
	e.reap()
	if f := e.flows.match(s); f != nil && f.tcp.CanReuse(s) {
		e.release(now, f) // TIME-WAIT gives way to a new connection
	} else if f != nil {
		s.Socket = f.id
		f.tcp.Handle(now, s)
		e.settleSegment(now, f)
		return
	}
	s.Socket = 0
	e.unmatched(now, s)
}

// HandleTimeout acts on every deadline that has been reached.
func (e *Endpoint) HandleTimeout(now sim.Time) {
	e.reap()
	// Each expiry must move its deadline; an owner that does not is a bug.
	limit := 64*len(e.timers.heap) + 1024
	for o := e.timers.due(now); o != nil; o = e.timers.due(now) {
		o.expire(now)
		if limit--; limit < 0 {
			sim.Bugf("a deadline of %T does not move", o)
		}
	}
}

// NextTimeout returns when HandleTimeout wants to be called, or sim.Never. It may
// be early but is never late, once PollSegment has returned false.
func (e *Endpoint) NextTimeout() sim.Time { return e.timers.next() }

// PollSegment fills in the next segment to send, and reports whether there is
// one. Sockets are served in the order in which they got something to send.
func (e *Endpoint) PollSegment(now sim.Time, out *Segment) bool {
	if e.odd&oddReset != 0 {
		e.pollReset(out)
		return true
	}
	for f := e.ready.head; f != nil; f = e.ready.head {
		if !f.gone && f.tcp.Poll(now, out) {
			if (f.mute || f.quiet) && !f.lets(out) {
				continue
			}
			if e.odd&oddSettles != 0 {
				e.settlePolled(now)
			}
			out.Socket, out.Route = f.id, f.route
			out.Tuple = &f.tuple
			return true
		}
		e.ready.pop()
		if f.sub != nil {
			c := f.sub.conn
			if c.rowsFresh {
				c.rowSettled(now, f.sub)
			}
			if c.asked && c.send.unsent() > 0 {
				c.setRetransInterval(now)
			}
		}
		if f.tunes && f.sock.wantWrite {
			f.growSend()
		}
		if f.gone || f.tcp.Forgotten() {
			e.release(now, f)
			continue
		}
		if at := f.tcp.NextTimeout(); at < f.armed {
			e.timers.set(f.timer, at)
		}
	}
	return false
}

// PollEvent fills in the next event for the application, and reports whether
// there is one.
func (e *Endpoint) PollEvent(out *Event) bool {
	if !e.events.pop(out) {
		return false
	}
	if s := e.socks.get(out.Conn); s != nil {
		s.polled(e, out.Kind)
	}
	return true
}

// Tuple returns the addresses of a flow from the endpoint's view, by the number
// that segments carry as Socket; nil if there is no such flow. It is valid until
// the flow ends.
func (e *Endpoint) Tuple(socket uint32) *wire.Tuple {
	if f := e.flows.get(socket); f != nil {
		return &f.tuple
	}
	return nil
}

// Owner returns the connection, as trace records number it, and the subflow of what segments
// carry as Socket: 0 if there is none, -1 for plain TCP.
func (e *Endpoint) Owner(socket uint32) (conn uint32, subflow int32) {
	f := e.flows.get(socket)
	switch {
	case f == nil:
		return 0, int32(sched.NoFlow)
	case f.sub == nil:
		return f.sock.number, int32(sched.NoFlow)
	}
	return f.sock.number, int32(f.sub.id)
}

// Profile returns the endpoint's profile, which must not be changed.
func (e *Endpoint) Profile() *Profile { return e.profile }

// Counters returns the counters of the endpoint, always all and in the same
// order.
func (e *Endpoint) Counters() []Counter {
	out := make([]Counter, numCounters)
	for i := range out {
		out[i] = Counter{counterNames[i], e.counts[i]}
	}
	return out
}

// count increments a counter of the endpoint on behalf of a socket (nil: none).
func (e *Endpoint) count(now sim.Time, s *socket, c counter) {
	e.counts[c]++
	if s != nil {
		s.count(c)
	}
	if e.trace == nil {
		return
	}
	e.work.record = trace.Record{At: now, Kind: trace.Counter, Flow: int32(sched.NoFlow), A: int64(c), B: int64(e.counts[c])}
	if s != nil {
		e.work.record.Conn = s.number
	}
	e.trace.EmitNamed(&e.work.record, counterKeys[c])
}

// emit records a fact about a socket (nil: none) and a subflow of it.
func (e *Endpoint) emit(now sim.Time, s *socket, f cc.FlowID, k trace.Kind, why trace.Reason, a, b, c, d, g int64) {
	if e.trace == nil {
		return
	}
	e.work.record = trace.Record{At: now, Kind: k, Why: why, Flow: int32(f), A: a, B: b, C: c, D: d, E: g}
	if s != nil {
		e.work.record.Conn = s.number
	}
	e.trace.Emit(&e.work.record)
}

// reap frees the sockets whose end the application has seen.
func (e *Endpoint) reap() {
	if e.odd&oddEnded != 0 {
		e.freeEnded()
	}
}

func (e *Endpoint) freeEnded() {
	for _, s := range e.ended {
		s.discardPayload()
		e.socks.free(s)
	}
	e.ended = e.ended[:0]
	e.odd &^= oddEnded
}
