package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
)

// flow is one TCP connection of the endpoint: a plain connection, or what a
// subflow rides on.
type flow struct {
	// The first cache line (56 bytes behind the allocator's header) is what the
	// endpoint looks at for each segment; the connection follows by value, so that
	// its address needs no load and its first line is whole.
	e    *Endpoint
	sock *socket
	sub  *subflow // nil: plain TCP
	next *flow    // in the ready list
	id   uint32   // Segment.Socket
	// route is the carrier's number for the flow, which came with a segment and goes
	// with those that are sent; 0: none. Segments with it need no comparison of
	// addresses.
	route uint32
	armed sim.Time  // when its entry in timers is due; Never: there is none
	state tcp.State // of plain connections, when last looked at
	mute  bool      // the source address is gone, nothing can be sent
	quiet bool      // nothing but MP_FASTCLOSE and RST can be sent

	queued bool // in the ready list
	gone   bool // released
	tunes  bool // socket.tunesSend

	tcp   tcp.Conn
	timer uint32
	cc    cc.Controller
	tuple wire.Tuple // as sent
}

func (f *flow) deadline() sim.Time { return f.tcp.NextTimeout() }

func (f *flow) setArmed(at sim.Time) { f.armed = at }

func (f *flow) expire(now sim.Time) {
	f.tcp.HandleTimeout(now)
	f.e.settle(now, f)
}

// flowTable finds flows by number and by addresses.
type flowTable struct {
	slots []*flow // index: number; 0 is unused
	names *flowNames
}

// flowNames is what segments do not need of which the carrier knows the flow.
type flowNames struct {
	byTuple map[wire.Tuple]uint32
	free    []uint32
}

func (t *flowTable) get(id uint32) *flow {
	if uint64(id) < uint64(len(t.slots)) {
		return t.slots[id]
	}
	return nil
}

// match returns the flow that an incoming segment belongs to, or nil. The
// carrier's hint is believed only if the addresses agree.
func (t *flowTable) match(s *Segment) *flow {
	f := t.get(s.Socket)
	if f != nil && f.route != 0 && f.route == s.Route {
		return f
	}
	return t.matchTuple(f, s)
}

// matchTuple is match without a number that the flow is known by; hint may be nil.
func (t *flowTable) matchTuple(hint *flow, s *Segment) *flow {
	if hint == nil || hint.tuple.Src != s.Tuple.Dst || hint.tuple.Dst != s.Tuple.Src {
		if hint = t.get(t.names.byTuple[s.Tuple.Reverse()]); hint == nil {
			return nil
		}
	}
	hint.route = s.Route
	return hint
}

func (t *flowTable) add(f *flow) {
	if n := len(t.names.free); n > 0 {
		f.id = t.names.free[n-1]
		t.names.free = t.names.free[:n-1]
		t.slots[f.id] = f
	} else {
		if len(t.slots) == 0 {
			t.slots = append(t.slots, nil)
		}
		f.id = uint32(len(t.slots))
		t.slots = append(t.slots, f)
	}
	t.names.byTuple[f.tuple] = f.id
}

func (t *flowTable) remove(f *flow) {
	t.slots[f.id] = nil
	t.names.free = append(t.names.free, f.id)
	delete(t.names.byTuple, f.tuple)
}

// readyList are the flows that may have something to send, first in first out.
type readyList struct{ head, tail *flow }

func (r *readyList) push(f *flow) {
	if s := f.sub; s != nil {
		s.conn.markRow(s.rowAt)
	}
	if f.queued {
		return
	}
	f.queued = true
	if r.tail == nil {
		r.head = f
	} else {
		r.tail.next = f
	}
	r.tail = f
}

func (r *readyList) pop() {
	f := r.head
	r.head = f.next
	if r.head == nil {
		r.tail = nil
	}
	f.next, f.queued = nil, false
}

// newFlow creates the TCP connection of a socket between two addresses; sub is
// what rides on it, if anything.
func (e *Endpoint) newFlow(s *socket, local, remote netip.AddrPort, sub *subflow) *flow {
	f := &flow{
		tuple: wire.Tuple{Src: local, Dst: remote, Proto: wire.ProtoTCP},
		e:     e, sock: s, sub: sub, armed: sim.Never, tunes: s.tunesSend,
	}
	cfg := tcp.Config{
		Profile: &e.profile.TCP,
		ISS:     wire.Seq(e.rnd.isn.Uint64()), TSOffset: uint32(e.rnd.isn.Uint64()),
		MSS:        e.mss(&s.opt, local.Addr(), remote.Addr()),
		SendBuffer: s.opt.SendBuffer, ReceiveBuffer: s.opt.ReceiveBuffer,
		SendMemory: s.opt.SendMemory, ReceiveMemory: s.opt.ReceiveMemory,
		Keepalive: s.opt.Keepalive, IPHeader: 20,
		Arena: &e.arena, Scratch: &e.work.tcp, Trace: e.trace, ConnNumber: s.number,
	}
	if remote.Addr().Is6() {
		cfg.IPHeader = 40
	}
	if r := e.restoring; r != nil {
		cfg.ISS, cfg.TSOffset = r.iss, r.tsOffset
		e.restoring = nil
	}
	if sub != nil {
		cfg.CC, cfg.Flow, cfg.Ext = sub.conn.cc, sub.id, sub
		cfg.CountSegments = s.opt.MSSPolicy != SegmentFree || sub.conn.asks&sched.FactSlots != 0
	} else {
		cfg.CC = s.opt.Controller(e.connStream(s, "cc"))
	}
	f.cc = cfg.CC
	f.tcp.Init(&cfg)
	f.tcp.SetUserTimeout(s.userTimeout)
	f.knownMTU()
	f.setNagle()
	e.flows.add(f)
	f.timer = e.timers.add(f)
	return f
}

// settle brings everything that depends on a flow up to date after the flow has
// changed: its connection, the application's events, the lists of what to send.
func (e *Endpoint) settle(now sim.Time, f *flow) {
	if f.sub != nil {
		f.sub.conn.touch()
	}
	e.settleSegment(now, f)
}

// settleSegment is settle after the flow has taken a segment in.
func (e *Endpoint) settleSegment(now sim.Time, f *flow) {
	e.ready.push(f)
	if f.sub == nil {
		f.sock.settlePlain(now, f)
		return
	}
	c := f.sub.conn
	if c.aggressive {
		c.fastRecovery(f.sub)
	}
	c.settleSegment(now)
}

// release drops a flow that is over, TIME-WAIT included.
func (e *Endpoint) release(now sim.Time, f *flow) {
	if f.gone {
		return
	}
	f.gone = true
	e.flows.remove(f)
	e.timers.remove(f.timer)
	if f.sub != nil {
		f.sub.conn.flowReleased(now)
		return
	}
	f.sock.settlePlain(now, f)
	f.sock.gone()
}
