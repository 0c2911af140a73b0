package nat

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// session is one flow, both directions: its four routes, so that a packet of it
// needs no lookup by address, and what keeps it alive. A firewall has the same
// routes on both sides.
type session struct {
	inside    simnet.RouteID // as inside hosts send it
	outside   simnet.RouteID // as it leaves
	arriving  simnet.RouteID // as it comes in from outside
	delivered simnet.RouteID // as inside hosts receive it
	mapping   uint32         // 0: none (firewall)
	next      uint32         // of the same mapping, or in the free list
	expires   sim.Time       // sim.Never: the slot is free
	queued    sim.Time       // earliest entry in the queue of deadlines
	proto     uint8
	// opener is the direction of the first packet: 0 from inside, 1 from outside.
	opener uint8
	// answered: packets in both directions.
	answered bool
	// waiting: PEER has made it, and no packet has come.
	waiting bool
	// ftp: an FTP control connection, whose payload is looked at.
	ftp bool
	tcp tracked
}

// sessions are the flows of a box, found by route.
type sessions struct {
	slots      []session // 0 is unused
	free       uint32
	live       int
	byInside   []uint32 // by route of what leaves
	byArriving []uint32 // by route of what comes in
	queue      []deadline
}

// deadline is an entry of the heap of sessions by time. A session that lives
// longer than its entry gets another one when the entry comes up.
type deadline struct {
	at sim.Time
	id uint32
}

// find returns the number of the session with a route, 0 if there is none.
func find(index []uint32, r simnet.RouteID) uint32 {
	if int(r) < len(index) {
		return index[r]
	}
	return 0
}

func put(index *[]uint32, r simnet.RouteID, id uint32) {
	for int(r) >= len(*index) {
		*index = append(*index, 0)
	}
	(*index)[r] = id
}

// add makes a session; the caller has checked the bound.
func (t *sessions) add(n *simnet.Network, inside, outside simnet.RouteID, proto, opener uint8) uint32 {
	if len(t.slots) == 0 {
		t.slots = make([]session, 1, 16)
	}
	id := t.free
	if id != 0 {
		t.free = t.slots[id].next
	} else {
		id = uint32(len(t.slots))
		t.slots = append(t.slots, session{})
	}
	t.slots[id] = session{
		inside: inside, outside: outside, arriving: n.Reverse(outside), delivered: n.Reverse(inside),
		proto: proto, opener: opener, expires: sim.Never, queued: sim.Never,
	}
	s := &t.slots[id]
	put(&t.byInside, s.inside, id)
	put(&t.byArriving, s.arriving, id)
	t.live++
	return id
}

// remove ends a session. Its entries in the queue come to nothing.
func (t *sessions) remove(id uint32) {
	s := &t.slots[id]
	t.byInside[s.inside] = 0
	t.byArriving[s.arriving] = 0
	s.expires, s.queued = sim.Never, sim.Never
	s.next, t.free = t.free, id
	t.live--
}

// keep sets when a session ends unless something happens.
func (t *sessions) keep(id uint32, until sim.Time) {
	s := &t.slots[id]
	s.expires = until
	if until < s.queued {
		s.queued = until
		t.push(deadline{until, id})
	}
}

// due returns a session whose time has come, or 0.
func (t *sessions) due(now sim.Time) uint32 {
	for len(t.queue) > 0 && t.queue[0].at <= now {
		e := t.pop()
		s := &t.slots[e.id]
		if s.queued != e.at {
			continue // there is an earlier entry, or another session in the slot
		}
		s.queued = sim.Never
		if s.expires <= now {
			return e.id
		}
		t.keep(e.id, s.expires)
	}
	return 0
}

// nextDue returns the time of the earliest entry.
func (t *sessions) nextDue() sim.Time {
	if len(t.queue) == 0 {
		return sim.Never
	}
	return t.queue[0].at
}

// push and pop keep the heap; among equal times the smaller number goes first, so
// that the order depends on nothing else.
func (t *sessions) push(e deadline) {
	t.queue = append(t.queue, e)
	i := len(t.queue) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !t.queue[i].before(t.queue[up]) {
			return
		}
		t.queue[i], t.queue[up] = t.queue[up], t.queue[i]
		i = up
	}
}

func (t *sessions) pop() deadline {
	q := t.queue
	first := q[0]
	last := len(q) - 1
	q[0] = q[last]
	q = q[:last]
	t.queue = q
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && q[c+1].before(q[c]) {
			c++
		}
		if !q[c].before(q[i]) {
			break
		}
		q[i], q[c] = q[c], q[i]
		i = c
	}
	return first
}

func (a deadline) before(b deadline) bool { return a.at < b.at || a.at == b.at && a.id < b.id }

// track lets the session see a packet that travels in direction dir (0 from
// inside), and keeps it alive if the packet does.
func (t *sessions) track(now sim.Time, id uint32, cfg *Config, p *simnet.Packet, dir uint8) verdict {
	s := &t.slots[id]
	from := dir ^ s.opener // direction as tracking counts it
	if from == 1 {
		s.answered = true
	}
	if s.proto != wire.ProtoTCP {
		if dir == 1 && !cfg.InboundRefresh && s.expires != sim.Never {
			return accepted
		}
		t.keep(id, now.Add(cfg.Timers.idle(s)))
		return accepted
	}
	v := s.tcp.segment(p.Segment(), p.Options(), from, cfg.CheckWindow)
	if v == accepted {
		t.keep(id, now.Add(cfg.Timers.idle(s)))
	}
	return v
}

// idle returns for how long a session may be idle now.
func (t *Timers) idle(s *session) sim.Duration {
	switch s.proto {
	case wire.ProtoTCP:
		d := t.TCP[s.tcp.state]
		if t.TCPUnacked > 0 && d > t.TCPUnacked && s.tcp.unacknowledged() {
			return t.TCPUnacked
		}
		return d
	case wire.ProtoUDP:
		if s.answered {
			return t.UDPStream
		}
		return t.UDP
	}
	return t.ICMP
}

// mapping is an inside address and port with the outside ones that stand for it.
type mapping struct {
	inside, outside netip.AddrPort
	// remote is what the mapping depends on: nothing, an address (port 0), or an
	// address and port.
	remote netip.AddrPort
	proto  uint8
	first  uint32 // of its sessions
	next   uint32 // in the free list
	lease  sim.Time
	// leased: it was asked for by PCP, and lasts until lease even without sessions;
	// nonce names the asker.
	leased bool
	nonce  Nonce
	// expected is the only remote address that a lease admits, once, of a mapping
	// that an FTP client has announced; zero: all.
	expected netip.Addr
	live     bool
}

type insideKey struct {
	proto          uint8
	inside, remote netip.AddrPort
}

type outsideKey struct {
	proto   uint8
	outside netip.AddrPort
	remote  netip.AddrPort // zero unless ports are overloaded
}

// mappings are those of a translator. They are looked up for the first packet of a
// flow only.
type mappings struct {
	slots     []mapping // 0 is unused
	free      uint32
	byInside  map[insideKey]uint32
	byOutside map[outsideKey]uint32
	ofHost    map[netip.Addr]*insideHost
}

// insideHost is what a translator knows of an inside address.
type insideHost struct {
	outside  netip.Addr // of all its mappings, with a paired pool
	mappings int
}
