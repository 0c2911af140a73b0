package simnet

import "mpsim/sim"

// A server is the part of a link that sends: at a constant rate, at rates that
// follow a schedule, at the opportunities of a trace, or not at all. Its state
// is a point in time and a debt:
//
//	busy  when the last packet that was given to it leaves, rounded down
//	rem   the work that is still to be done for that packet at busy
//
// Work is counted in units of 1e-9 bit (of which a rate of r bit/s does r in a
// nanosecond) or, for traces, in octets. Serial servers have 0 <= rem < r: the
// part of a nanosecond that rounding down left over. For traces rem is zero or
// negative: what is left of the opportunity at busy. Unsigned numbers wrap, so
// that rem may be negative and sums need no care.
//
// The next packet begins at (busy, rem) if the server is still at work then,
// and at (now, 0) if it has been idle: serial servers are idle after busy,
// traces from busy on, since an opportunity is used before an arrival of the
// same time.
//
// When something changes at time t, only packets that leave after t are
// concerned. The work left at t is what the server would have done until busy,
// plus rem; less the work of the packets behind the one in service, it is what
// the latter still needs. So the packet in service keeps what was sent, and
// the state need not be kept for each packet.

// workUnit is the work of one octet on a serial server.
const workUnit = 8 * 1e9

// anchor is the state in which a server met the first packet that it will never
// finish as things stand.
type anchor struct {
	id  PacketID
	at  sim.Time
	rem uint64
	pos uint64
}

// resume brings an idle server to now.
func (lk *Link) resume(now sim.Time, l *hotLink) {
	if l.flags&flagTrace != 0 {
		if l.busy <= now {
			l.busy, l.rem = now, 0
			lk.trace.pos = lk.trace.opp.through(now)
		}
		return
	}
	if l.busy < now {
		l.busy, l.rem = now, 0
	}
}

// work returns what a packet costs the server.
func (lk *Link) work(l *hotLink, m *packetMeta) uint64 {
	if l.flags&flagTrace != 0 {
		return uint64(m.size) + tunHeader
	}
	return (uint64(m.size) + uint64(l.overhead)) * workUnit
}

// serve advances the server by one packet of a fifo link and sets when it
// leaves the queue.
func (lk *Link) serve(l *hotLink, id PacketID, m *packetMeta) {
	m.leave = sim.Never
	if l.busy == sim.Never {
		return
	}
	if l.flags&flagTrace != 0 {
		m.leave = lk.begin(l)
	}
	lk.finish(l, id, lk.work(l, m))
	if l.flags&flagTrace == 0 {
		m.leave = l.busy
	}
}

// begin returns when the next packet goes into service, given that the server
// has one.
func (lk *Link) begin(l *hotLink) sim.Time {
	switch {
	case l.flags&flagTrace == 0:
		return l.busy
	case l.flags&flagStopped != 0:
		return sim.Never
	case l.rem == 0:
		return lk.trace.opp.at(lk.trace.pos)
	}
	return l.busy
}

// finish advances the server by the given work.
func (lk *Link) finish(l *hotLink, id PacketID, work uint64) {
	at, rem, pos := l.busy, l.rem, lk.trace.pos
	switch {
	case l.flags&flagStopped != 0:
		l.busy = sim.Never
	case l.flags&flagTrace != 0:
		l.busy, l.rem = lk.trace.finish(at, rem+work)
	case l.flags&flagVarying != 0:
		l.busy, l.rem = lk.rates.finish(at, rem+work)
	case l.rate == 0:
		l.rem = 0
	default:
		l.busy += sim.Time((rem + work) / uint64(l.rate))
		l.rem = (rem + work) % uint64(l.rate)
	}
	if l.busy == sim.Never {
		l.rem = rem
		lk.stuck = anchor{id, at, rem, pos}
	}
}

// done returns the work that the server does from a to b (a <= b), given that
// it has enough to do, from the opportunity pos on for traces.
func (lk *Link) done(l *hotLink, a, b sim.Time, pos uint64) uint64 {
	switch {
	case l.flags&flagStopped != 0:
		return 0
	case l.flags&flagTrace != 0:
		return (lk.trace.opp.through(b) - pos) * opportunity
	case l.flags&flagVarying != 0:
		return lk.rates.schedule.work(a, b)
	}
	return uint64(l.rate) * uint64(b-a)
}

// rewind puts the server to now, in the state that gives packet id, the first
// one that has not left by now, and those behind it the departures that they
// had. Backlog is the work of id and of all behind it for which the server has
// a departure.
func (lk *Link) rewind(now sim.Time, l *hotLink, id PacketID, backlog uint64) {
	if l.busy == sim.Never && lk.stuck.id == id && lk.stuck.at <= now {
		l.rem = lk.stuck.rem - lk.done(l, lk.stuck.at, now, lk.stuck.pos)
	} else {
		l.rem = lk.ahead(now, l) - backlog
	}
	l.busy = now
	if l.flags&flagTrace != 0 {
		lk.trace.pos = lk.trace.opp.through(now)
	}
}

// ahead returns the work that the server will do from now on for the packets
// for which it has a departure.
func (lk *Link) ahead(now sim.Time, l *hotLink) uint64 {
	end, rem, pos := l.busy, l.rem, lk.trace.pos
	if end == sim.Never {
		end, rem, pos = lk.stuck.at, lk.stuck.rem, lk.stuck.pos
	}
	if l.flags&flagTrace != 0 {
		return (pos-lk.trace.opp.through(now))*opportunity + rem
	}
	return lk.done(l, now, end, 0) + rem
}
