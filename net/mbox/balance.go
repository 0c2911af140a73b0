package mbox

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// balance is a layer 4 load balancer before a farm of servers: packets to its virtual
// address get the address of one of the servers, chosen by a hash of the 5-tuple,
// and what that server answers gets the virtual address again (RFC 8041 section 3.12).
//
// MPTCP meets it at MP_JOIN: a further subflow to the virtual address has another
// tuple, so it reaches the right server with one chance in the number of servers; any
// other knows nothing of the token and answers RST. Two ways out are known. The server
// forbids joins to the initial address (flag C of MP_CAPABLE, RFC 8684 section 3.1)
// and announces an address of its own. Or the balancer is aware of MPTCP: it computes
// the token from the key in the server's SYN/ACK and sends joins there.
//
// Not modelled: health checks, changes of the farm, direct server return.
var balanceSpec = Spec{
	Name: "balance",
	Doc:  "a load balancer: packets from the wire to its virtual address go to one of several servers by a hash of their 5-tuple; its direction and other conditions have no meaning",
	Params: []Param{
		{Name: "vip", Kind: Addresses, Doc: "the virtual address, one"},
		{Name: "port", Kind: Whole, Max: 65535, Doc: "port of the virtual address that is balanced; 0: all"},
		{Name: "servers", Kind: Addresses, Doc: "addresses of the servers"},
		{Name: "seed", Kind: Whole, Max: 1 << 53, Doc: "seed of the hash; 0: drawn for each box"},
		{Name: "aware", Kind: Flag, Doc: "joins go to the server that the token names, which the balancer has learnt from its SYN/ACK"},
	},
	new: func(s *Spec, b base, v Values) Box {
		x := &balance{base: b, port: uint16(s.at(v, "port").number), seed: uint64(s.at(v, "seed").number), aware: s.at(v, "aware").number == 1}
		if p := s.at(v, "vip").prefixes; len(p) > 0 {
			x.vip = p[0].Addr()
		}
		for _, p := range s.at(v, "servers").prefixes {
			x.servers = append(x.servers, p.Addr())
		}
		if x.seed == 0 {
			x.seed = b.env.Rand.At(0)
		}
		return x
	},
}

type balance struct {
	base
	vip     netip.Addr
	port    uint16
	servers []netip.Addr
	seed    uint64
	aware   bool
	flows   flowTable[simnet.RouteID] // what the tuple of a direction becomes
	tokens  map[uint32]netip.Addr     // of connections whose SYN/ACK was seen
}

// Process implements simnet.Box.
func (b *balance) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if b.Off || len(b.servers) == 0 {
		out.Emit(p, d)
		return
	}
	if b.aware && d == simnet.Out {
		b.learn(now, p)
	}
	if f := b.flows.get(p.Route()); f != nil {
		p.SetRoute(*f)
		b.acted++
		out.Emit(p, d)
		return
	}
	if t := p.Tuple(); d == simnet.In && t.Dst.Addr() == b.vip && (b.port == 0 || b.port == t.Dst.Port()) {
		b.assign(now, p)
	}
	out.Emit(p, d)
}

// assign chooses the server of a new flow and rewrites its first packet.
func (b *balance) assign(now sim.Time, p *simnet.Packet) {
	n, from := b.env.Net, p.Route()
	t := *p.Tuple()
	t.Dst = netip.AddrPortFrom(b.choose(p), t.Dst.Port())
	to := n.Intern(t)
	for _, x := range [][2]simnet.RouteID{{from, to}, {n.Reverse(to), n.Reverse(from)}} {
		f := b.flows.add(x[0])
		if f == nil {
			b.tell(now, p, trace.BoxFull)
			return
		}
		*f = x[1]
	}
	p.SetRoute(to)
	b.note(now, p, trace.Balanced)
}

// choose returns the server of a flow: index = (hash x servers) >> 64.
func (b *balance) choose(p *simnet.Packet) netip.Addr {
	if o := p.Options(); b.aware && isTCP(p) && p.Segment().Flags&(wire.SYN|wire.ACK) == wire.SYN && o.Has(wire.OptJoin) {
		if a, ok := b.tokens[o.Join.Token]; ok {
			return a
		}
	}
	i, _ := bits.Mul64(b.env.Net.FlowHash(p.Route(), b.seed), uint64(len(b.servers)))
	return b.servers[i]
}

// learn notes whose token the key of a SYN/ACK makes: the first 32 bits of its
// SHA-256, or SHA-1 in version 0 (RFC 8684 section 3.2, RFC 6824 section 3.2).
func (b *balance) learn(now sim.Time, p *simnet.Packet) {
	const both = wire.SYN | wire.ACK
	o := p.Options()
	if !isTCP(p) || p.Segment().Flags&both != both || !o.Has(wire.OptCapable) || o.Capable.Keys == 0 {
		return
	}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], o.Capable.SenderKey)
	sum := sha256.Sum256(key[:])
	token := be.Uint32(sum[:])
	if o.Capable.Version == 0 {
		old := sha1.Sum(key[:])
		token = be.Uint32(old[:])
	}
	if b.tokens == nil {
		b.tokens = make(map[uint32]netip.Addr)
	}
	if _, known := b.tokens[token]; !known && len(b.tokens) >= maxFlows {
		b.tell(now, p, trace.BoxFull)
		return
	}
	b.tokens[token] = p.Tuple().Src.Addr()
}
