package simnet

import (
	"net/netip"
	"slices"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Reassembly of IPv4 packets (RFC 791 section 3.2, RFC 815, RFC 1122 section 3.3.2) at
// their destination and at boxes that want whole packets. The parts of a packet are known
// by source, destination, protocol and identification. As in Linux (net/ipv4/ip_fragment.c,
// net/ipv4/inet_fragment.c): a part that is there already is dropped; one that overlaps
// others ends the whole packet; what is not complete 30 s after its first part
// (net.ipv4.ipfrag_time) is dropped, of which a host tells the source by ICMP if it has
// the first part; at most 4 MiB are kept (net.ipv4.ipfrag_high_thresh), here octets of
// IP, where Linux counts memory. ECN is joined after RFC 3168 section 5.3. Not modelled: ipfrag_max_dist,
// and RFC 1122's demand of 60 s at least, which Linux does not follow either.
//
// Identifications repeat after 65536 packets. Parts of two packets with the same one may
// be put together (RFC 4963); the transport checksum then says so.

const (
	reassemblyTime  = 30 * sim.Second
	reassemblyLimit = 4 << 20 // octets of IP
)

// partialTable runs the timers of all places of reassembly.
type partialTable struct {
	net     *Network
	handler sim.HandlerID
	all     []*reassembly
}

func (t *partialTable) init(n *Network) {
	t.net = n
	t.handler = n.sim.Register(t)
}

// add makes a place of reassembly at a node; tell: it answers by ICMP.
func (t *partialTable) add(nd *Node, tell bool) *reassembly {
	r := &reassembly{net: t.net, node: nd, tell: tell, byKey: make(map[partialKey]int)}
	r.timer.Init(nd.origin, t.handler, uint32(len(t.all)))
	t.all = append(t.all, r)
	return r
}

// OnEvent is the timer of place number arg.
func (t *partialTable) OnEvent(now sim.Time, arg uint64) {
	if r := t.all[arg]; r.timer.Expired(t.net.sim) {
		r.expire(now)
	}
}

// reassembly is one place where packets are put together.
type reassembly struct {
	net    *Network
	node   *Node
	tell   bool
	timer  sim.Timer
	byKey  map[partialKey]int // number in sets
	sets   []partial
	free   []int
	oldest int // number and one of the set that is oldest, and newest; 0: none
	newest int
	octets int
	pieces []wire.Piece // scratch
}

type partialKey struct {
	src, dst netip.Addr
	proto    uint8
	id       uint16
}

// partial is what has come of one packet.
type partial struct {
	key    partialKey
	parts  []part // by offset
	length int    // of the payload of IP; -1: not known
	octets int
	ecn    uint8 // bit c: codepoint c was seen
	until  sim.Time
	// older and newer are the neighbours in age: number and one, 0: none.
	older, newer int
}

// part is a fragment with the octets from, to of the payload of IP.
type part struct {
	from, to int
	id       PacketID
}

// reassemble keeps a fragment that has reached the node and returns the packet that it
// completes, or 0.
func (nd *Node) reassemble(now sim.Time, id PacketID) PacketID {
	if nd.partial == nil {
		nd.partial = nd.net.partial.add(nd, true)
	}
	return nd.partial.take(now, id)
}

// take keeps a fragment, and returns the packet that it completes, or 0.
func (r *reassembly) take(now sim.Time, id PacketID) PacketID {
	n := r.net
	s, o := n.Segment(id), n.Options(id)
	t := n.Tuple(RouteID(s.Route))
	p := part{o.FragmentStart(), o.FragmentStart() + wire.PayloadLen(t, s, o), id}
	last := o.IP.Frag&wire.FragMore == 0
	if p.to > 0xffff-wire.IPv4HeaderLen || p.from == p.to || !last && (p.to-p.from)%8 != 0 {
		n.dropAt(now, r.node, id, trace.FragmentInvalid)
		return 0
	}
	size := n.Size(id)
	if r.octets+size > reassemblyLimit {
		n.dropAt(now, r.node, id, trace.FragmentsFull)
		return 0
	}
	i := r.find(now, partialKey{t.Src.Addr(), t.Dst.Addr(), t.Proto, o.IP.ID})
	set := &r.sets[i]
	if why := set.fits(p, last); why != trace.NoReason {
		n.dropAt(now, r.node, id, why)
		if why != trace.FragmentOverlap || !set.has(p) {
			r.end(now, i, why)
		}
		return 0
	}
	if last {
		set.length = p.to
	}
	at, _ := slices.BinarySearchFunc(set.parts, p.from, func(q part, from int) int { return q.from - from })
	set.parts = slices.Insert(set.parts, at, p)
	set.octets += p.to - p.from
	set.ecn |= 1 << (s.TOS & wire.ECNMask)
	r.octets += size
	if set.octets == set.length {
		return r.join(now, i)
	}
	return 0
}

// fits says why a part cannot be one of the set, or NoReason.
func (s *partial) fits(p part, last bool) trace.Reason {
	if s.length >= 0 && (p.to > s.length || last && p.to != s.length) {
		return trace.FragmentInvalid
	}
	for _, q := range s.parts {
		if p.from < q.to && q.from < p.to {
			return trace.FragmentOverlap
		}
		if last && q.to > p.to {
			return trace.FragmentInvalid
		}
	}
	return trace.NoReason
}

// has reports whether the octets of a part are those of one part that has come.
func (s *partial) has(p part) bool {
	return slices.ContainsFunc(s.parts, func(q part) bool { return q.from <= p.from && p.to <= q.to })
}

// find returns the set of a key, a new one if there is none.
func (r *reassembly) find(now sim.Time, key partialKey) int {
	if i, ok := r.byKey[key]; ok {
		return i
	}
	var i int
	if k := len(r.free); k > 0 {
		i, r.free = r.free[k-1], r.free[:k-1]
	} else {
		i = len(r.sets)
		r.sets = append(r.sets, partial{})
	}
	set := &r.sets[i]
	*set = partial{key: key, parts: set.parts[:0], length: -1, until: now.Add(reassemblyTime), older: r.newest}
	r.byKey[key] = i
	if r.newest > 0 {
		r.sets[r.newest-1].newer = i + 1
	} else {
		r.oldest = i + 1
	}
	r.newest = i + 1
	r.setTimer()
	return i
}

// setTimer waits for the end of the oldest set.
func (r *reassembly) setTimer() {
	next := sim.Never
	if r.oldest > 0 {
		next = r.sets[r.oldest-1].until
	}
	r.timer.Set(r.net.sim, next)
}

// forget gives a set back and returns its parts.
func (r *reassembly) forget(i int) []part {
	set := &r.sets[i]
	for _, p := range set.parts {
		r.octets -= r.net.Size(p.id)
	}
	delete(r.byKey, set.key)
	r.free = append(r.free, i)
	if set.older > 0 {
		r.sets[set.older-1].newer = set.newer
	} else {
		r.oldest = set.newer
	}
	if set.newer > 0 {
		r.sets[set.newer-1].older = set.older
	} else {
		r.newest = set.older
	}
	r.setTimer()
	return set.parts
}

// end drops all of a set.
func (r *reassembly) end(now sim.Time, i int, why trace.Reason) {
	for _, p := range r.forget(i) {
		r.net.dropAt(now, r.node, p.id, why)
	}
}

// join makes the packet of a complete set, which is its first part, and frees the others;
// 0 if that is none.
func (r *reassembly) join(now sim.Time, i int) PacketID {
	n := r.net
	ecn := r.sets[i].ecn
	if ecn&(1<<wire.NotECT) != 0 && ecn != 1<<wire.NotECT {
		r.end(now, i, trace.FragmentInvalid)
		return 0
	}
	parts := r.forget(i)
	whole := parts[0].id
	s, o := n.Segment(whole), n.Options(whole)
	r.pieces = r.pieces[:0]
	for _, p := range parts {
		q := n.Segment(p.id)
		r.pieces = wire.AppendPieces(r.pieces, q, n.Options(p.id), 0, int(q.Len))
	}
	t := *n.Tuple(RouteID(s.Route))
	err := wire.Reassemble(&t, s, o, r.pieces)
	clear(r.pieces) // hold no memory
	for _, p := range parts[1:] {
		n.Free(p.id)
	}
	if err != nil {
		n.dropAt(now, r.node, whole, trace.FragmentInvalid)
		return 0
	}
	if ecn&(1<<wire.CE) != 0 {
		s.TOS |= wire.CE
	}
	s.Route = uint32(n.Intern(t))
	n.Measure(whole)
	return whole
}

// expire drops the sets whose time is over.
func (r *reassembly) expire(now sim.Time) {
	for r.oldest > 0 && r.sets[r.oldest-1].until <= now {
		i := r.oldest - 1
		if first := r.sets[i].parts[0]; r.tell && first.from == 0 {
			r.tellSource(now, first.id)
		}
		r.end(now, i, trace.FragmentTimeout)
	}
}

// tellSource answers the first part of a packet that is not complete in time: time
// exceeded, code 1 (RFC 792).
func (r *reassembly) tellSource(now sim.Time, id PacketID) {
	n := r.net
	s := n.Segment(id)
	t := *n.Tuple(RouteID(s.Route))
	if t.Proto == wire.ProtoICMP {
		return
	}
	n.scratch = wire.AppendPacket(n.scratch[:0], &t, s, n.Options(id), -1)
	m := wire.NewTimeExceeded(wire.ProtoICMP, n.scratch[:min(len(n.scratch), quote4)])
	m.Code = wire.ICMPReassemblyTime
	r.node.sendICMP(now, t.Dst.Addr(), t.Src.Addr(), wire.ProtoICMP, &m)
}
