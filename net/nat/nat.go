package nat

import (
	"net/netip"
	"slices"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// NAT is a translator (RFC 4787, RFC 5382): packets that leave its interface get an
// outside address and port, what comes in for those goes to the inside end that
// they stand for.
type NAT struct {
	box
	sessions
	maps       mappings
	nextPort   int                  // of sequential allocation
	freed      map[outsideKey]freed // ports that are held down
	freedOrder []outsideKey         // oldest first
	leases     []uint32             // mappings with a lease
	nextLease  sim.Time             // when the first of them ends
	epoch      sim.Time             // when it was started
	ftp        ftpGateway
	observer   Observer
	pins       []pin // sessions that PEER keeps
	// fragments are those remembered, nextFragment the one that gives way next.
	fragments    []ordered
	nextFragment int
	first        firstFragment // scratch
}

// Observer is told of every session: the tuple as an inside host has it, and as
// the outside sees it, both from inside to outside.
type Observer interface {
	Translated(inside, outside wire.Tuple)
}

// box is what translators and firewalls share.
type box struct {
	cfg     Config
	env     *mbox.Env
	off     bool
	acted   uint64
	counts  []uint64 // of what was told, by reason
	refusal mbox.Refusal
	held    held
	record  trace.Record
	made    simnet.Packet
}

// NewNAT returns a translator. Its configuration must pass Check.
func NewNAT(cfg Config, env *mbox.Env) *NAT {
	n := &NAT{box: box{cfg: cfg, env: env}, nextLease: sim.Never}
	if env.Node.Forwards() {
		joinGateway(env, n)
	}
	return n
}

// Switch implements mbox.Box: off, packets pass untouched.
func (b *box) Switch(on bool) { b.off = !on }

// Acted implements mbox.Box: how many packets were translated, let through or
// refused.
func (b *box) Acted() uint64 { return b.acted }

// SetObserver names the one that is told of sessions.
func (n *NAT) SetObserver(o Observer) { n.observer = o }

// Config returns what the translator does.
func (n *NAT) Config() *Config { return &n.cfg }

// Mappings returns how many mappings there are.
func (n *NAT) Mappings() int { return len(n.maps.byInside) }

// Rebind forgets all mappings and sessions, as a restart does. Explicit mappings
// go, too, and the epoch of PCP begins anew (RFC 6887 section 8.5).
func (n *NAT) Rebind(now sim.Time) { n.flush(now) }

// Renumber is Rebind with other outside addresses.
func (n *NAT) Renumber(now sim.Time, outside []netip.Addr) {
	n.flush(now)
	n.cfg.Outside = slices.Clone(outside)
}

// owns reports whether an address is one of the outside ones.
func (n *NAT) owns(a netip.Addr) bool { return slices.Contains(n.cfg.Outside, a) }

// Process implements simnet.Box.
func (n *NAT) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if n.off {
		out.Emit(p, d)
		return
	}
	if d == simnet.Out {
		if id := find(n.byInside, p.Route()); id != 0 && n.outbound(now, id, p, out) {
			return
		}
		n.fromInside(now, p, out)
		return
	}
	if id := find(n.byArriving, p.Route()); id != 0 && n.inbound(now, id, p, out) {
		return
	}
	n.fromOutside(now, p, out)
}

// outbound passes a packet of a session to the outside. It returns false if the
// packet begins another connection in place of the session.
func (n *NAT) outbound(now sim.Time, id uint32, p *simnet.Packet, out simnet.Emitter) bool {
	if n.slots[id].waiting && !n.begin(now, id, p, 0, out) {
		return true
	}
	switch v := n.track(now, id, &n.cfg, p, 0); {
	case v == reopens:
		n.endSession(now, id, trace.MappingExpired)
		return false
	case n.unfit(now, v, p, out):
		return true
	}
	n.acted++
	if n.slots[id].ftp {
		n.ftpCommand(now, p)
	}
	p.SetRoute(n.slots[id].outside)
	if n.owns(p.Tuple().Dst.Addr()) {
		n.turn(now, p, out)
		return true
	}
	out.Emit(p, simnet.Out)
	return true
}

// inbound passes a packet of a session to the inside.
func (n *NAT) inbound(now sim.Time, id uint32, p *simnet.Packet, out simnet.Emitter) bool {
	if n.slots[id].waiting && !n.begin(now, id, p, 1, out) {
		return true
	}
	if n.slots[id].ftp {
		n.ftp.editor.Back(p, n.slots[id].inside)
	}
	switch v := n.track(now, id, &n.cfg, p, 1); {
	case v == reopens:
		n.endSession(now, id, trace.MappingExpired)
		return false
	case n.unfit(now, v, p, out):
		return true
	}
	n.acted++
	p.SetRoute(n.slots[id].delivered)
	out.Emit(p, simnet.In)
	return true
}

// turn is hairpinning: a packet whose source is translated already comes back as
// if from outside (RFC 4787 REQ-9: with its outside source).
func (n *NAT) turn(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	if !n.cfg.Hairpin {
		n.drop(now, p, trace.HairpinRefused, out)
		return
	}
	if id := find(n.byArriving, p.Route()); id != 0 && n.inbound(now, id, p, out) {
		return
	}
	n.fromOutside(now, p, out)
}

// fromInside handles a packet that leaves and has no session.
func (n *NAT) fromInside(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	t := *p.Tuple()
	src := t.Src.Addr()
	switch {
	case !src.Is4() || !n.translatesFrom(src):
		out.Emit(p, simnet.Out)
	case n.forPCP(&t):
		n.servePCP(now, p, out)
	case t.Proto == wire.ProtoICMP && p.Options().Has(wire.OptICMP):
		n.icmp(now, p, simnet.Out, out)
	case !translates(t.Proto) || p.Options().Has(wire.OptOpaque):
		n.drop(now, p, trace.Untranslatable, out)
	case t.Proto == wire.ProtoTCP && !n.begins(now, p, simnet.Out, out):
	default:
		id, why := n.open(now, t, 0)
		if id == 0 {
			n.drop(now, p, why, out)
			return
		}
		n.start(id, p)
		n.outbound(now, id, p, out)
	}
}

// translatesFrom reports whether an address is one of those inside.
func (n *NAT) translatesFrom(a netip.Addr) bool {
	if n.owns(a) {
		return false // the node's own packet
	}
	if len(n.cfg.Inside) == 0 {
		return true
	}
	return slices.ContainsFunc(n.cfg.Inside, func(p netip.Prefix) bool { return p.Contains(a) })
}

// start begins the tracking of a session with its first packet.
func (t *sessions) start(id uint32, p *simnet.Packet) {
	if s := &t.slots[id]; s.proto == wire.ProtoTCP {
		s.tcp.begin(p.Segment(), p.Options(), true)
	}
}

// begins reports whether a TCP segment without session may begin one, and deals
// with it if not: only a SYN may, or from inside what Midstream allows.
func (b *box) begins(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) bool {
	var c tracked
	f := p.Segment().Flags
	if f&(wire.SYN|wire.ACK|wire.RST|wire.FIN) == wire.SYN {
		return true
	}
	if d == simnet.In {
		return false
	}
	if b.cfg.Midstream == PickUp && c.begin(p.Segment(), p.Options(), true) && sane(f) {
		return true
	}
	if b.cfg.Midstream == RefuseByReset {
		b.refusal.Reset(p, d, out)
	}
	b.drop(now, p, trace.MidstreamRefused, out)
	return false
}

// open makes a session for a tuple from inside to outside; opener is the direction
// of its first packet.
func (n *NAT) open(now sim.Time, t wire.Tuple, opener uint8) (uint32, trace.Reason) {
	if n.live >= n.cfg.Sessions {
		return 0, trace.BoxFull
	}
	mid := n.mapFrom(now, t.Proto, t.Src, t.Dst)
	if mid == 0 {
		return 0, trace.PortsExhausted
	}
	return n.openWith(mid, t, opener), trace.NoReason
}

// openWith makes a session of a mapping.
func (n *NAT) openWith(mid uint32, t wire.Tuple, opener uint8) uint32 {
	m := &n.maps.slots[mid]
	seen := wire.Tuple{Src: m.outside, Dst: t.Dst, Proto: t.Proto}
	id := n.add(n.env.Net, n.env.Net.Intern(t), n.env.Net.Intern(seen), t.Proto, opener)
	s := &n.slots[id]
	s.mapping = mid
	s.next, m.first = m.first, id
	s.ftp = n.cfg.followsFTP(&t, opener)
	if n.observer != nil {
		n.observer.Translated(t, seen)
	}
	return id
}

// fromOutside handles a packet that comes in and has no session.
func (n *NAT) fromOutside(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	t := *p.Tuple()
	dst := t.Dst.Addr()
	switch {
	case !dst.Is4() || len(n.cfg.Inside) > 0 && !n.owns(dst) && !n.translatesFrom(dst):
		out.Emit(p, simnet.In)
		return
	case !n.owns(dst):
		n.drop(now, p, trace.NoMapping, out) // inside addresses mean nothing outside
		return
	case t.Proto == wire.ProtoICMP && p.Options().Has(wire.OptICMP):
		n.icmp(now, p, simnet.In, out)
		return
	case !translates(t.Proto) || p.Options().Has(wire.OptOpaque):
		n.drop(now, p, trace.Untranslatable, out)
		return
	}
	mid := n.mapTo(t.Proto, t.Dst, t.Src)
	if mid == 0 {
		n.refuse(now, p, trace.NoMapping, out)
		return
	}
	m := &n.maps.slots[mid]
	if !n.admits(m, t.Src) {
		n.refuse(now, p, trace.InboundFiltered, out)
		return
	}
	if t.Proto == wire.ProtoTCP && !n.begins(now, p, simnet.In, out) {
		n.refuse(now, p, trace.NoMapping, out)
		return
	}
	if n.live >= n.cfg.Sessions {
		n.drop(now, p, trace.BoxFull, out)
		return
	}
	id := n.openWith(mid, wire.Tuple{Src: m.inside, Dst: t.Src, Proto: t.Proto}, 1)
	n.start(id, p)
	n.fulfil(now, mid)
	if !n.cfg.InboundRefresh && t.Proto == wire.ProtoUDP {
		n.keep(id, n.idleOf(now, mid, id))
	}
	n.inbound(now, id, p, out)
}

// idleOf returns when a mapping would end without the session id, which packets
// from outside do not keep alive.
func (n *NAT) idleOf(now sim.Time, mid, id uint32) sim.Time {
	m := &n.maps.slots[mid]
	until := now
	if m.leased {
		until = max(until, m.lease)
	}
	for s := m.first; s != 0; s = n.slots[s].next {
		if s != id {
			until = max(until, n.slots[s].expires)
		}
	}
	return until
}

// NextTimeout implements simnet.Box.
func (n *NAT) NextTimeout() sim.Time {
	return min(n.nextDue(), n.held.next(), n.nextLease)
}

// HandleTimeout implements simnet.Box.
func (n *NAT) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for id := n.due(now); id != 0; id = n.due(now) {
		if n.outlives(now, id) {
			continue
		}
		n.endSession(now, id, trace.MappingExpired)
	}
	n.endLeases(now)
	n.release(now, out)
}

// unfit drops a packet that tracking does not accept, and reports whether it has.
func (b *box) unfit(now sim.Time, v verdict, p *simnet.Packet, out simnet.Emitter) bool {
	switch v {
	case misfit:
		b.drop(now, p, trace.InvalidState, out)
	case outside:
		b.drop(now, p, trace.OutOfWindow, out)
	default:
		return false
	}
	return true
}

// drop ends a packet and says why.
func (b *box) drop(now sim.Time, p *simnet.Packet, why trace.Reason, out simnet.Emitter) {
	b.acted++
	b.tell(now, p, why)
	out.Drop(p, why)
}

// Count returns how often a box has done something for a reason.
func (b *box) Count(why trace.Reason) uint64 {
	if int(why) < len(b.counts) {
		return b.counts[why]
	}
	return 0
}

// count counts a reason.
func (b *box) count(why trace.Reason) {
	for int(why) >= len(b.counts) {
		b.counts = append(b.counts, 0)
	}
	b.counts[why]++
}

// tell records something about a packet.
func (b *box) tell(now sim.Time, p *simnet.Packet, what trace.Reason) {
	b.count(what)
	s := p.Segment()
	b.record = trace.Record{
		At: now, Kind: trace.BoxAction, Why: what, Flow: -1,
		A: int64(b.env.Number), B: int64(s.Seq), C: int64(s.Len), D: int64(s.Flags),
	}
	b.env.Node.Trace().Emit(&b.record)
}
