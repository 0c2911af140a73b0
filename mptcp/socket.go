package mptcp

import (
	"net/netip"
	"strconv"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// socket is what the application holds: a listener, a plain TCP connection
// (flow) or an MPTCP connection (conn).
type socket struct {
	// What every command and every segment of a plain connection touches comes
	// first.
	e      *Endpoint
	id     ConnID
	number uint32 // how manieth socket of the endpoint it is: its name in traces
	flow   *flow
	conn   *connection

	// What the application was told, and what it asked for.
	connected, closed      bool
	readQueued, writeQueue bool // an event of this kind is not polled yet
	wantWrite              bool // a Write was cut short
	tunesSend              bool // the send buffer tunes itself
	eofTold                bool
	cork                   bool // OptionCork
	appClosed              bool // Close or Abort was called
	lastSeen               bool // the Closed event was polled
	forgotten              bool // nothing of the protocol is left
	reaped                 bool
	notOffered             bool // MPTCP was wanted, but the SYN did not offer it
	opened                 bool // by a fast open cookie
	readBytes              uint64
	reason                 trace.Reason
	listen                 *listener
	parent                 *socket // listener that has not handed it out yet
	lent                   span    // literal bytes that Read returned last
	told                   uint64  // end of what a plain connection has reported as readable
	urgentTold             uint64  // end of urgent data that a plain connection has reported
	// earlyOf is the listener whose fast open limit the connection counts against.
	earlyOf                *listener
	userTimeout            sim.Duration // of every flow; 0: none
	opt                    SocketOptions
	counts                 *[numCounters]uint32 // nil: nothing was counted yet
	started, usable, ended sim.Time
}

// socketTable finds sockets by ConnID. The numbers are small and used again, so
// that a driver can index by them.
type socketTable struct {
	slots     []*socket // index 0 is unused
	unused    []uint32
	born      uint32
	listeners map[netip.AddrPort]*socket
}

func (t *socketTable) get(id ConnID) *socket {
	if uint64(id) < uint64(len(t.slots)) {
		return t.slots[id]
	}
	return nil
}

func (t *socketTable) add(s *socket) {
	if n := len(t.unused); n > 0 {
		s.id = ConnID(t.unused[n-1])
		t.unused = t.unused[:n-1]
		t.slots[s.id] = s
	} else {
		if len(t.slots) == 0 {
			t.slots = append(t.slots, nil)
		}
		s.id = ConnID(len(t.slots))
		t.slots = append(t.slots, s)
	}
	t.born++
	s.number = t.born
}

func (t *socketTable) free(s *socket) {
	t.slots[s.id] = nil
	t.unused = append(t.unused, uint32(s.id))
}

func (e *Endpoint) newSocket(now sim.Time, opt SocketOptions) *socket {
	s := &socket{e: e, opt: opt, started: now, usable: sim.Never, ended: sim.Never, tunesSend: opt.SendMemory.Auto()}
	e.socks.add(s)
	return s
}

// connStream returns the random stream of a purpose of one socket.
func (e *Endpoint) connStream(s *socket, purpose string) *sim.Rand {
	return e.stream("conn/" + strconv.FormatUint(uint64(s.number), 10) + "/" + purpose)
}

// tell queues an event of the whole connection.
func (s *socket) tell(k EventKind, why trace.Reason) { s.tellOf(k, sched.NoFlow, why) }

// tellOf queues an event. Before Accept nobody knows the ConnID: Accept itself
// tells what still matters then.
func (s *socket) tellOf(k EventKind, f cc.FlowID, why trace.Reason) {
	if s.parent == nil {
		s.e.events.push(Event{Kind: k, Conn: s.id, Flow: f, Why: why})
	}
}

// connect reports that the connection can be written, once. A connection that
// came in goes to the queue of its listener.
func (s *socket) connect(now sim.Time) {
	if s.connected || s.closed {
		return
	}
	s.connected = true
	s.usable = now
	if s.parent != nil {
		s.parent.listen.arrive(now, s)
		return
	}
	s.tell(Connected, trace.NoReason)
}

// end reports that the connection is over, once.
func (s *socket) end(now sim.Time, why trace.Reason) {
	if s.closed {
		return
	}
	s.closed = true
	s.ended = now
	s.unpendEarly()
	s.reason = why
	if s.parent != nil {
		// Nobody has seen it: it leaves the queue without a trace.
		s.parent.listen.drop(s)
		s.parent = nil
		s.appClosed, s.lastSeen = true, true
		s.dismiss()
		return
	}
	s.tell(Closed, why)
}

// readable reports data or the end of the stream.
func (s *socket) readable() {
	if !s.readQueued && s.parent == nil && !s.appClosed {
		s.readQueued = true
		s.tell(Readable, trace.NoReason)
	}
}

// writable reports room after a Write that was cut short, once a third of the
// buffer is free (Linux sk_stream_is_writeable).
func (s *socket) writable(room, size int64) {
	if s.wantWrite && !s.writeQueue && !s.appClosed && s.parent == nil && 3*room >= size {
		s.wantWrite = false
		s.writeQueue = true
		s.tell(Writable, trace.NoReason)
	}
}

// polled notes that an event has reached the application.
func (s *socket) polled(_ *Endpoint, k EventKind) {
	switch k {
	case Readable:
		s.readQueued = false
	case Writable:
		s.writeQueue = false
	case Acceptable:
		s.listen.told = false
	case Closed:
		s.lastSeen = true
		s.dismiss()
	}
}

// gone notes that nothing of the protocol is left.
func (s *socket) gone() {
	s.forgotten = true
	s.dismiss()
}

// dismiss frees the socket at the next call if neither the application nor the
// protocol needs it.
func (s *socket) dismiss() {
	if s.appClosed && s.lastSeen && s.forgotten && !s.reaped {
		s.reaped = true
		s.e.ended = append(s.e.ended, s)
		s.e.odd |= oddEnded
	}
}

// settlePlain compares a plain connection with what the application knows.
func (s *socket) settlePlain(now sim.Time, f *flow) {
	c := &f.tcp
	if st := c.State(); st != f.state {
		old := f.state
		f.state = st
		if c.EarlyOpen() {
			s.connect(now)
		}
		if (old == tcp.StateSynSent || old == tcp.StateSynReceived) && st != tcp.StateClosed {
			if s.opt.FastOpen != 0 {
				s.fastConnected(now, f, old)
			}
			s.connect(now)
		}
		if st == tcp.StateClosed || st == tcp.StateTimeWait {
			s.end(now, c.Reason())
		}
	}
	if c.Urged() {
		s.tellUrgent(c)
	}
	if n := c.RcvNxt(); n > s.told && c.Readable() > 0 {
		s.told = n
		s.readable()
	}
	if c.PeerFIN() && !s.eofTold {
		s.eofTold = true
		s.readable()
	}
	if s.wantWrite {
		s.writable(c.SendRoom(), c.SendBuffer())
	}
}

// tellUrgent reports urgent data that a plain connection has announced.
func (s *socket) tellUrgent(c *tcp.Conn) {
	n := c.UrgentEnd()
	if n <= s.urgentTold {
		return
	}
	s.urgentTold = n
	if c.UrgentAhead() > 0 && !s.appClosed {
		s.tell(Urgent, trace.NoReason)
	}
}
