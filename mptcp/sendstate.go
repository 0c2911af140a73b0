package mptcp

import (
	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
)

// SendState is what keeps the sender of a connection from sending more. It is
// exact once PollSegment and PollEvent have returned false. Byte counts are
// payload.
type SendState struct {
	Conn      uint32 // number of the connection in trace records; 0: there is none
	Connected bool   // the application may write
	Over      bool   // nothing more can be sent
	// Plain: TCP carries the stream as it is, without scheduler.
	Plain bool
	// Ungranted was never given to a subflow, Unsent was and has not left yet,
	// Unacked has left and the peer has not acknowledged it at the data level.
	Ungranted, Unsent, Unacked int64
	PeerRoom                   int64 // of the peer's window, beyond what was granted
	// WantsWrite: the application has more than the send buffer had room for. Shut:
	// it has ended its stream.
	WantsWrite, Shut bool
	Subflows         []SubflowSendState // by id, also those that have ended
}

// SubflowSendState is what keeps one subflow from sending more.
type SubflowSendState struct {
	ID          cc.FlowID
	Ended       bool
	Usable      bool // may be granted data
	Backup      bool
	Failed      bool // timed out and not heard of since, or stale
	CA          cc.State
	Held        tcp.Holdup
	InFlight    int64
	Unsent      int64
	Outstanding int64 // granted and not acknowledged on the subflow
	Room        int64 // of the congestion window, beyond what is in flight or granted
	SendBufFree int64
	MSS         int64
}

// SendState fills in s, of which it uses the storage of Subflows again. Without a
// connection of that id everything is zero.
func (e *Endpoint) SendState(now sim.Time, id ConnID, s *SendState) {
	*s = SendState{Subflows: s.Subflows[:0]}
	k := e.socks.get(id)
	if k == nil || k.listen != nil {
		return
	}
	s.Conn, s.Connected, s.WantsWrite = k.number, k.connected, k.wantWrite
	if k.conn != nil {
		k.conn.sendState(now, s)
		return
	}
	t := &k.flow.tcp
	s.Over, s.Plain, s.Shut = k.closed, true, t.WriteClosed()
	x := k.flow.sendState(now, t.SendBuffer(), k.connected && !k.closed)
	x.Ended = k.closed
	s.addPlain(x, t)
}

// addPlain adds the one subflow of a connection that is plain TCP.
func (s *SendState) addPlain(x SubflowSendState, t *tcp.Conn) {
	s.Subflows = append(s.Subflows, x)
	s.Unsent, s.PeerRoom = x.Unsent, t.SendWindow()
	s.Unacked = x.Outstanding - x.Unsent
}

func (c *connection) sendState(now sim.Time, s *SendState) {
	s.Over, s.Shut = c.over, c.closing.finQueued
	if c.fallback.on {
		f := c.fallback.f
		s.Plain = true
		x := f.flow.sendState(now, c.send.limit, f.opened())
		x.ID, x.Ended = f.id, f.dead
		s.addPlain(x, &f.flow.tcp)
		return
	}
	s.Ungranted = c.send.unsent()
	for _, r := range c.send.skipped {
		s.Ungranted += int64(r.Len)
	}
	s.Unacked = int64(c.send.next - c.send.una)
	s.PeerRoom = int64(c.peer.edge - c.send.next)
	for _, f := range c.subs {
		limit := c.send.limit
		if c.sock.tunesSend {
			limit = f.flow.tcp.SendBuffer()
		}
		x := f.flow.sendState(now, limit, f.usable())
		if c.asks&sched.FactMemory != 0 {
			x.SendBufFree = limit - f.flow.tcp.SocketMemory()
		}
		x.ID, x.Ended = f.id, f.dead || f.left
		x.Backup, x.Failed = f.isBackup(), f.failed || f.stale
		if !x.Ended {
			s.Unsent += x.Unsent
		}
		s.Subflows = append(s.Subflows, x)
	}
}

// sendState fills in what TCP and the controller know; limit is the size of the
// send buffer.
func (f *flow) sendState(now sim.Time, limit int64, usable bool) SubflowSendState {
	t := &f.tcp
	x := SubflowSendState{
		Usable: usable, CA: t.CAState(), Held: t.Holdup(now), InFlight: t.InFlight(), Unsent: t.Unsent(),
		Outstanding: int64(t.SndEnd() - t.SndUna()), MSS: int64(t.MSS()), SendBufFree: limit - t.SendMemory(),
	}
	if usable && t.State() >= stateCarrying && t.State() < tcp.StateTimeWait {
		x.Room = t.Cwnd() - x.InFlight - x.Unsent
	}
	return x
}

// Reassembly returns how many bytes have arrived behind a gap of a connection's
// stream, and the first byte of the stream that is missing; 0 if there is no such
// connection, and for plain TCP.
func (e *Endpoint) Reassembly(id ConnID) (behindGap int64, next uint64) {
	s := e.socks.get(id)
	if s == nil || s.listen != nil || s.conn == nil {
		return 0, 0
	}
	c := s.conn
	return c.recv.queued, c.recv.next - 1 + uint64(c.early.got)
}
