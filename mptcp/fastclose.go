package mptcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The abrupt end of a connection (RFC 8684 section 3.5). MP_FASTCLOSE carries the
// receiver's key, so that only who knows the connection can end it.
//
//	option A   an ACK with MP_FASTCLOSE on one subflow, RST on the others. Then
//	           FASTCLOSE_WAIT until the peer answers by RST or with an
//	           MP_FASTCLOSE of its own. Without answer it is sent again after each
//	           RTO of the subflow, three times (Profile.FastCloseRetries), and at
//	           last on a RST.
//	option R   a RST with MP_FASTCLOSE on every subflow, and nothing to wait for.
//
// In FASTCLOSE_WAIT nothing else leaves the subflow, and what comes is dropped.
// Whoever receives a valid one resets every subflow.

// fastClose is FASTCLOSE_WAIT.
type fastClose struct {
	at       sim.Time // it is sent again
	f        *subflow // that carries the signal; nil: not in that state
	interval sim.Duration
	tries    int
}

// abort resets all subflows. On our own account it tells the peer by MP_FASTCLOSE
// that the connection is over.
func (c *connection) abort(now sim.Time, why trace.Reason) {
	c.touch()
	c.finish(now, why)
	own := why != trace.ResetReceived && c.p.can(FastClose) && c.remote.known
	if own && c.p.FastCloseOnAck {
		c.startFastClose(now)
	}
	for _, f := range c.subs {
		if f.dead || f == c.fastClose.f {
			continue
		}
		f.fast = own && !c.p.FastCloseOnAck && f.established()
		f.reset(now, rstNone, trace.ResetSent)
	}
	c.settle(now)
}

// startFastClose enters FASTCLOSE_WAIT with the first subflow that can carry the
// signal, one that has not timed out if possible.
func (c *connection) startFastClose(now sim.Time) {
	var best *subflow
	for _, f := range c.subs {
		if f.established() && !f.flow.mute && f.flow.tcp.State() >= stateCarrying && (best == nil || best.failed && !f.failed) {
			best = f
		}
	}
	if best == nil {
		return
	}
	best.flow.quiet = true
	c.fastClose = fastClose{f: best, interval: best.flow.tcp.RTO()}
	c.fastClose.send(now)
}

// send orders the ACK with MP_FASTCLOSE.
func (w *fastClose) send(now sim.Time) {
	w.at = now.Add(w.interval)
	w.f.fast = true
	w.f.flow.tcp.AckFirst(now)
	w.f.conn.e.ready.push(w.f.flow)
}

// fastCloseTimeout sends an unanswered MP_FASTCLOSE again, at last on a RST.
func (c *connection) fastCloseTimeout(now sim.Time) {
	w := &c.fastClose
	w.at = sim.Never
	switch {
	case w.f.dead:
	case w.tries < c.p.FastCloseRetries:
		w.tries++
		w.send(now)
	default:
		w.f.flow.quiet = false
		w.f.fast = c.p.FastCloseRetries > 0
		w.f.reset(now, rstNone, trace.TimedOut)
	}
}

// writeFastClose puts MP_FASTCLOSE into a segment and returns the octets that it
// takes.
func (f *subflow) writeFastClose(now sim.Time, s *Segment) int {
	c := f.conn
	f.fast = false
	o := s.Options()
	o.Present |= wire.OptFastClose
	o.FastClose.ReceiverKey = uint64(c.remote.key)
	c.e.count(now, c.sock, mpFastcloseTx)
	return 12
}

// readFastClose ends the connection on the peer's word, if it knows our key.
// Whatever carried it, all subflows are reset.
func (f *subflow) readFastClose(now sim.Time, s *Segment) {
	c := f.conn
	if Key(s.Opt.FastClose.ReceiverKey) != c.local.key || f.phase == phasePlain || !c.p.can(FastClose) {
		return
	}
	c.e.count(now, c.sock, mpFastcloseRx)
	if c.over {
		// Both sides have closed at once, or this one in order already: the peer
		// waits for a RST (section 3.5).
		if !s.Flags.Has(wire.RST) {
			if f == c.fastClose.f {
				f.flow.quiet = false
			}
			f.fast = false
			f.reset(now, rstNone, trace.ResetReceived)
		}
		return
	}
	c.fastClosed = true
	c.changed = true
}

// lets reports whether a segment may leave a subflow in FASTCLOSE_WAIT.
func (f *flow) lets(s *Segment) bool {
	return !f.mute && (s.Flags.Has(wire.RST) || s.Opt.Has(wire.OptFastClose))
}
