package mptcp

import (
	"net/netip"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// What the host remembers of paths that swallow SYNs with MP_CAPABLE (RFC 8684
// section 3.9.3; Linux net/mptcp/ctrl.c, "blackhole detection"): after a plain
// SYN got through where those with the option did not, connections are opened
// without it for a while. Each new failure doubles the while, up to 64 times it;
// a success ends it.
//
// Linux remembers one thing for the whole host. The text of the RFC suggests
// destinations first, and a whole interface when several destinations fail.

// BlackholeScope says what a SYN with MP_CAPABLE that got lost tells of.
type BlackholeScope uint8

// The scopes.
const (
	// BlackholeHost: of the host (Linux).
	BlackholeHost BlackholeScope = iota
	// BlackholeDestination: of the destination, and of the source address when
	// blackholeDestinations destinations have failed from it.
	BlackholeDestination
)

// Bounds of the cache: the oldest entry makes room, and a source address with
// this many failed destinations is not used for MPTCP.
const (
	maxBlackholes         = 256
	blackholeDestinations = 3
)

// blackholes is the cache.
type blackholes struct{ list []blackholeEntry }

type blackholeEntry struct {
	local, remote netip.Addr // invalid in the scope of the host
	times         uint       // failures without a success between
	since         sim.Time
}

// until returns when the entry expires.
func (b *blackholeEntry) until(timeout sim.Duration) sim.Time {
	return b.since.Add(timeout << min(b.times-1, 6))
}

// disabled reports whether MPTCP is not to be tried between two addresses.
func (e *Endpoint) disabled(now sim.Time, local, remote netip.Addr) bool {
	p := e.profile
	failed := 0
	for i := range e.holes.list {
		b := &e.holes.list[i]
		if p.BlackholeTimeout == 0 || b.until(p.BlackholeTimeout) <= now {
			continue
		}
		if p.Blackhole == BlackholeHost || b.remote == remote {
			return true
		}
		if b.local == local {
			failed++
		}
	}
	return failed >= blackholeDestinations
}

// blackholeFound notes that a plain SYN was answered after those with MP_CAPABLE
// were not.
func (c *connection) blackholeFound(now sim.Time) {
	e := c.e
	t := &c.subs[0].flow.tuple
	b := blackholeEntry{times: 1, since: now}
	if c.p.Blackhole == BlackholeDestination {
		b.local, b.remote = t.Src.Addr(), t.Dst.Addr()
	}
	e.count(now, c.sock, blackhole)
	e.emit(now, c.sock, 0, trace.BlackholeFound, trace.MPCapableSYNTXDrop, int64(c.p.BlackholeTimeout), 0, 0, 0, 0)
	l := e.holes.list
	for i := range l {
		if l[i].remote == b.remote && l[i].local == b.local {
			l[i].times++
			l[i].since = now
			return
		}
	}
	if len(l) >= maxBlackholes {
		l = l[:copy(l, l[1:])]
	}
	e.holes.list = append(l, b)
}

// blackholeGone forgets what is disproved by a connection that speaks MPTCP.
func (c *connection) blackholeGone() {
	l := c.e.holes.list
	if len(l) == 0 || !c.client {
		return
	}
	t := &c.subs[0].flow.tuple
	kept := l[:0]
	for _, b := range l {
		if c.p.Blackhole == BlackholeDestination && b.remote != t.Dst.Addr() && b.local != t.Src.Addr() {
			kept = append(kept, b)
		}
	}
	c.e.holes.list = kept
}

// Hosts that fail to join (RFC 8684 section 3.9.3: a host may block the joins of
// a source after several failures).

// maxSuspects bounds the hosts that are remembered; the oldest makes room.
const maxSuspects = 256

// suspect is a host whose joins have failed.
type suspect struct {
	addr     netip.Addr
	failures int
	last     sim.Time
}

// joinFailed notes a join that knew no token or had a wrong HMAC.
func (e *Endpoint) joinFailed(now sim.Time, from netip.Addr) {
	if e.profile.JoinFailures == 0 {
		return
	}
	for i := range e.suspects {
		if s := &e.suspects[i]; s.addr == from {
			if now.Sub(s.last) >= e.profile.JoinBlockTime {
				s.failures = 0
			}
			s.failures++
			s.last = now
			return
		}
	}
	if len(e.suspects) >= maxSuspects {
		e.suspects = e.suspects[:copy(e.suspects, e.suspects[1:])]
	}
	e.suspects = append(e.suspects, suspect{from, 1, now})
}

// joinBlocked reports whether joins from a host are dropped unanswered.
func (e *Endpoint) joinBlocked(now sim.Time, from netip.Addr) bool {
	for i := range e.suspects {
		if s := &e.suspects[i]; s.addr == from {
			return s.failures >= e.profile.JoinFailures && now.Sub(s.last) < e.profile.JoinBlockTime
		}
	}
	return false
}
