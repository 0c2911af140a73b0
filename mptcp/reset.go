package mptcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Reason codes of MP_TCPRST (RFC 8684 section 3.6).
const (
	rstNone        = 0 // unspecified
	rstMPTCP       = 1 // MPTCP-specific error
	rstResources   = 2 // lack of resources
	rstProhibited  = 3 // administratively prohibited
	rstOutstanding = 4 // too much outstanding data
	rstPerformance = 5 // unacceptable performance
	rstMiddlebox   = 6 // middlebox interference
)

// reset ends the subflow by a RST with the given code; why is what the
// connection is told.
func (f *subflow) reset(now sim.Time, code uint8, why trace.Reason) {
	if f.dead {
		return
	}
	f.rst = code
	f.why = why
	f.flow.tcp.Abort(now)
	f.conn.e.ready.push(f.flow)
	// Abort reports the end; make sure of it for the states in which it is silent.
	if !f.dead {
		f.dead = true
		f.endedAt = now
		f.conn.changed = true
	}
}

// refuse ends a subflow in its handshake: the segment that was wrong is answered
// by a RST of its own, since TCP has not opened the connection.
func (f *subflow) refuse(now sim.Time, s *Segment, code uint8, why trace.Reason) {
	f.flow.mute = true
	f.reset(now, code, why)
	f.conn.e.resetFor(now, s, f.conn.rstReason(code))
	if f.active {
		// Linux resets what it has tried to open with the ACK flag set.
		r := &f.conn.e.resets[len(f.conn.e.resets)-1].seg
		r.Flags |= wire.ACK
		r.Ack = s.Seq.Add(1)
	}
}

// rstReason is a code as resetFor takes it: plus one, or 0 in version 0, which
// has no MP_TCPRST.
func (c *connection) rstReason(code uint8) uint8 {
	if c.version == 0 {
		return 0
	}
	return code + 1
}

// rstReason is rstReason where there is no connection.
func (e *Endpoint) rstReason(code uint8) uint8 {
	if !e.profile.Versions.Has(1) {
		return 0
	}
	return code + 1
}

// writeReset puts MP_FASTCLOSE and MP_TCPRST into a RST (RFC 8684 sections 3.5
// and 3.6), as far as there is room.
func (f *subflow) writeReset(now sim.Time, s *Segment, room int) {
	c := f.conn
	if f.flow.mute {
		return
	}
	o := s.Options()
	if f.fast && c.remote.known && room >= 12 {
		room -= f.writeFastClose(now, s)
	}
	if f.failDue && c.remote.known && room >= 12 {
		f.writeFail(now, s)
		room -= 12
	}
	if room >= 4 && c.version > 0 {
		o.Present |= wire.OptRst
		o.Rst.Flags, o.Rst.Reason = rstFlags(f.rst), f.rst
		c.e.count(now, c.sock, mpRstTx)
	}
}

// readReset looks at a RST that TCP is about to obey.
func (f *subflow) readReset(now sim.Time, s *Segment) {
	c := f.conn
	if s.Opt.Has(wire.OptRst) && c.version > 0 {
		c.e.count(now, c.sock, mpRstRx)
		f.peerRst, f.peerRstSeen = s.Opt.Rst, true
	}
	if s.Opt.Has(wire.OptFastClose) {
		f.readFastClose(now, s)
	}
	if s.Opt.Has(wire.OptFail) {
		f.readFailedReset(now)
	}
}

// transient reports whether the peer's reset asks to try again later.
func (f *subflow) transient() bool { return f.peerRst.Flags&wire.RstTransient != 0 }

// rstFlags returns the flags of a reset with the given code: lack of resources,
// too much outstanding data and bad performance pass, so that the peer may try
// again later (flag T, RFC 8684 section 3.6).
func rstFlags(code uint8) uint8 {
	switch code {
	case rstResources, rstOutstanding, rstPerformance:
		return wire.RstTransient
	}
	return 0
}
