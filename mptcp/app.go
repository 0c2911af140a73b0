package mptcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The commands of an application to a connection. A ConnID that names no
// connection (any more) is ignored: the end of a connection and a command may
// cross.

// Write appends up to n bytes to the stream of a connection and returns how many
// the send buffer had room for. The content is virtual: byte i of the stream is
// byte i of package wire's content. After a short Write a Writable event follows.
func (e *Endpoint) Write(now sim.Time, c ConnID, n int64) int64 {
	s := e.open(c)
	if s == nil || s.closed || n <= 0 {
		return 0
	}
	var done int64
	full := false // rather than shut down
	if s.conn != nil {
		done = s.conn.write(now, n)
		full = !s.conn.closing.finQueued
	} else {
		done = s.flow.tcp.Write(now, n)
		full = s.flow.tcp.SendRoom() == 0
		e.settle(now, s.flow)
	}
	if done < n && full {
		s.wantWrite = true
	}
	return done
}

// Read takes up to max bytes of the received stream: the next run of n bytes
// whose true offsets are off, off+1, ...; n is 0 if nothing is there. Offsets
// from wire.LiteralOffset on name literal bytes, which Bytes can be asked for
// until the next Read of the connection or its end.
func (e *Endpoint) Read(now sim.Time, c ConnID, max int64) (off uint64, n int64) {
	s := e.open(c)
	if s == nil || max <= 0 {
		return 0, 0
	}
	if s.lent.n > 0 {
		s.takeBack()
	}
	if s.conn != nil {
		off, n = s.conn.read(now, max)
	} else {
		off, n, _ = s.flow.tcp.Read(now, max)
		if s.flow.tcp.AckDue() {
			e.ready.push(s.flow)
		}
	}
	s.readBytes += uint64(n)
	if off >= wire.LiteralOffset {
		s.lent = span{off, n}
	}
	return off, n
}

// ReadEOF reports whether the peer's stream has ended and everything was read.
func (e *Endpoint) ReadEOF(c ConnID) bool {
	s := e.open(c)
	if s == nil {
		return false
	}
	if s.conn != nil {
		return s.conn.eof() && s.conn.recv.ready.bytes == 0
	}
	return s.flow.tcp.PeerFIN() && s.flow.tcp.Readable() == 0
}

// Shutdown ends our direction of the stream behind what was written.
func (e *Endpoint) Shutdown(now sim.Time, c ConnID) {
	s := e.open(c)
	if s == nil || s.closed {
		return
	}
	if s.conn != nil {
		s.conn.shutdown(now)
		return
	}
	s.flow.tcp.CloseWrite(now)
	e.settle(now, s.flow)
}

// Close ends both directions. If data was not read, the peer is told by a reset,
// as Linux does (RFC 2525 section 2.17); otherwise what was written still
// arrives. The ConnID ends with the Closed event. A listener stops listening.
func (e *Endpoint) Close(now sim.Time, c ConnID) {
	e.reap()
	s := e.socks.get(c)
	if s == nil || s.appClosed {
		return
	}
	if s.listen != nil {
		s.appClosed, s.lastSeen = true, true
		s.listen.close(now)
		s.dismiss()
		return
	}
	switch {
	case s.closed:
		s.appClosed = true
	case s.conn != nil && s.conn.recv.ready.bytes > 0:
		e.Abort(now, c)
		return
	case s.conn != nil:
		s.appClosed = true
		s.conn.closeByApp(now)
	default:
		s.appClosed = true
		s.flow.tcp.Close(now)
		e.settle(now, s.flow)
	}
	s.dismiss()
}

// Abort ends a connection at once by resets.
func (e *Endpoint) Abort(now sim.Time, c ConnID) {
	s := e.open(c)
	if s == nil {
		return
	}
	s.appClosed = true
	if !s.closed {
		if s.conn != nil {
			s.conn.abort(now, trace.ResetSent)
		} else {
			s.flow.tcp.Abort(now)
			e.settle(now, s.flow)
		}
		s.end(now, trace.ResetSent)
	}
	s.dismiss()
}

// Option names a socket option that can change while the connection lives.
type Option uint8

// The options of SetOption.
const (
	// OptionNoDelay: 1 switches the Nagle rule off, 0 on.
	OptionNoDelay Option = iota
	// OptionReprobe: 1 caps the retransmission timeout of silent subflows.
	OptionReprobe
	// OptionUserTimeout: nanoseconds after which unacknowledged data ends a TCP
	// connection or a subflow; 0: as the profile says (RFC 5482).
	OptionUserTimeout
	// OptionCork: 1 holds segments shorter than MSS back, until 0, the end of the
	// stream, or for the retransmission timeout (Linux TCP_CORK; it is set on every
	// subflow).
	OptionCork
)

// SetOption changes an option of a connection.
func (e *Endpoint) SetOption(now sim.Time, c ConnID, o Option, value int64) {
	s := e.open(c)
	if s == nil {
		return
	}
	switch o {
	case OptionNoDelay:
		s.opt.NoDelay = value != 0
	case OptionReprobe:
		s.opt.Reprobe = value != 0
	case OptionUserTimeout:
		s.userTimeout = sim.Duration(value)
	case OptionCork:
		s.cork = value != 0
	}
	if s.conn != nil {
		s.conn.setOption(now, o, value)
		return
	}
	switch o {
	case OptionNoDelay, OptionCork:
		s.flow.setNagle()
		e.ready.push(s.flow)
	case OptionUserTimeout:
		s.flow.tcp.SetUserTimeout(sim.Duration(value))
	}
	e.settle(now, s.flow)
}

// open returns the connection of an id, or nil.
func (e *Endpoint) open(c ConnID) *socket {
	if len(e.ended) > 0 {
		e.freeEnded()
	}
	if uint64(c) < uint64(len(e.socks.slots)) {
		if s := e.socks.slots[c]; s != nil && s.listen == nil {
			return s
		}
	}
	return nil
}
