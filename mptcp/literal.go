package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/sim"
)

// Literal payload: streams whose bytes matter, as they were written or as a box
// has left them. Everywhere else in the package data is a range of offsets; see
// package tcp's Arena.

// WriteBytes appends literal bytes to the stream of a connection and returns how
// many the send buffer had room for: Write for content that is not virtual. b is
// copied. Literal and virtual parts may follow each other in one stream.
func (e *Endpoint) WriteBytes(now sim.Time, c ConnID, b []byte) int {
	s := e.open(c)
	if s == nil || s.closed || len(b) == 0 {
		return 0
	}
	done, full := 0, false
	if s.conn != nil {
		done = s.conn.writeBytes(now, b)
		full = !s.conn.closing.finQueued
	} else {
		done = s.flow.tcp.WriteBytes(now, b)
		full = s.flow.tcp.SendRoom() == 0
		e.settle(now, s.flow)
	}
	if done < len(b) && full {
		s.wantWrite = true
	}
	return done
}

// Bytes appends to dst the content of n bytes that Read has returned with the
// offset off, virtual or literal, and returns the extended slice.
func (e *Endpoint) Bytes(off uint64, n int64, dst []byte) []byte {
	return e.arena.AppendTo(dst, off, n)
}

// writeBytes is write of literal bytes.
func (c *connection) writeBytes(now sim.Time, b []byte) int {
	if c.closing.finQueued || c.over {
		return 0
	}
	n := min(int64(len(b)), c.send.room(c.released()))
	if n <= 0 {
		return 0
	}
	if c.lit == nil {
		c.lit = tcp.NewLiterals(c.recv.arena)
		for _, f := range c.subs {
			f.flow.tcp.SetLiterals(c.lit)
		}
	}
	if !c.lit.Add(c.send.end-1+uint64(c.early.sent), b[:n]) {
		return 0
	}
	return int(c.write(now, n))
}

// releaseLiterals gives back the literal bytes of our stream that the peer has
// acknowledged on the data level and that no subflow may have to send again. The last one
// is kept: it probes a closed window, and a DATA_FIN may go with it.
func (c *connection) releaseLiterals() {
	if c.lit != nil {
		c.releaseLiteralsTo(max(c.send.una, 2) - 1)
	}
}

func (c *connection) releaseLiteralsTo(una uint64) {
	for _, f := range c.subs {
		if low, ok := f.tx.lowest(); ok && !f.dead {
			una = min(una, low)
		}
	}
	c.lit.Release(una - 1 + uint64(c.early.sent))
}

// takeBack releases what Read returned last.
func (s *socket) takeBack() {
	s.e.arena.Release(s.lent.off, s.lent.n)
	s.lent = span{}
}

// discardPayload gives back the literal bytes of a socket that is over.
func (s *socket) discardPayload() {
	s.takeBack()
	if s.flow != nil {
		s.flow.tcp.Discard()
	}
	c := s.conn
	if c == nil {
		return
	}
	for c.recv.ready.count > 0 {
		off, n := c.recv.ready.pop(c.recv.ready.bytes)
		s.e.arena.Release(off, n)
	}
	for _, p := range c.recv.waiting[c.recv.head:] {
		s.e.arena.Release(p.off, p.n)
	}
	for _, f := range c.subs {
		f.flow.tcp.Discard()
		f.discardHeld()
	}
	if c.lit != nil {
		c.lit.Release(^uint64(0))
	}
}
