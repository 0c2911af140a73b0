package proxy

import (
	"mpsim/net/mbox"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// synProxy protects servers from floods of SYNs, as SYNPROXY of Linux does
// (net/netfilter/nf_synproxy_core.c, net/ipv4/netfilter/ipt_SYNPROXY.c; RFC 4987
// section 3.8): it answers a SYN itself with a cookie as its sequence number and a
// window of zero, and keeps nothing. An acknowledgement that proves the cookie makes
// it open the server's side with the client's own sequence number; when the server
// has answered, it opens the client's window, and from then on moves sequence
// numbers, SACK blocks and timestamps by what the server's differ from its own.
//
// Options are what a cookie and a timestamp can hold: MSS, window scale, SACK,
// timestamps. MP_CAPABLE is neither answered nor passed on, so both hosts speak
// plain TCP; a SYN with MP_JOIN is answered in the same way, and the host resets what
// has no MP_JOIN (RFC 8684 section 3.2).
//
// Departures: the hash of cookies is that of route and secret; cookies of the present
// and the last minute are valid. Windows of servers with another scale than the client
// was told are converted, for which Linux has no means.
type synProxy struct {
	mbox.Acting
	mss      uint16
	wscale   uint8
	secret   uint64
	flows    mbox.FlowTable[spliced] // by the route from the client
	returns  mbox.FlowTable[simnet.RouteID]
	made     simnet.Packet
	waiting  []simnet.RouteID // whose server has not answered
	deadline sim.Time
}

// spliced is a connection behind the proxy.
type spliced struct {
	state  spliceState
	d      simnet.Dir // from the client
	isn    wire.Seq   // of the client
	cookie wire.Seq   // our sequence number towards the client
	server wire.Seq   // the server's
	ts     bool
	tsVal  uint32 // of the client, in the segment that proved the cookie
	tsOurs uint32 // ours towards the client
	tsMove uint32 // what our timestamps are ahead of the server's
	mss    uint16
	opts   uint8 // scale, with cookieSACK and cookieScale
	window uint16
	shift  uint8 // the server's window scale
	tries  int
	retry  sim.Time
}

type spliceState uint8

const (
	spliceNone   spliceState = iota
	spliceAsking             // a SYN was sent to the server
	spliceOpen
)

// The lowest bits of our timestamp hold the client's options.
const (
	cookieScale = 1 << 4 // window scale is in the lower four bits
	cookieSACK  = 1 << 5
	cookieBits  = 6
)

// cookieMSS are the sizes that a cookie can tell (Linux net/ipv4/syncookies.c).
var cookieMSS = [4]uint16{536, 1300, 1440, 1460}

// synRetries is how often the SYN to the server is repeated (Linux tcp_syn_retries),
// after one second, two, and so on.
const synRetries = 6

var synProxySpec = mbox.NewSpec("syn-proxy",
	"answers the SYNs that it picks by cookies, opens the server's side when the client has proved one, and splices both",
	[]mbox.Param{
		{Name: "mss", Kind: mbox.Whole, Number: 1460, Min: 536, Max: 65495, Doc: "segment size that clients are told"},
		{Name: "wscale", Kind: mbox.Whole, Number: 10, Min: 0, Max: 14, Doc: "window scale that clients are told"},
	},
	func(f mbox.Filter, g *mbox.Given, env *mbox.Env) mbox.Box {
		return &synProxy{
			Acting: mbox.NewActing(f, env), mss: uint16(g.Number("mss")), wscale: uint8(g.Number("wscale")),
			secret: env.Rand.Uint64(), deadline: sim.Never,
		}
	})

// Process implements simnet.Box.
func (b *synProxy) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !mbox.IsTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	const kinds = wire.SYN | wire.ACK | wire.RST
	if s.Flags&kinds == wire.SYN && b.Picks(now, p, d) {
		b.answer(now, p, d, out)
		return
	}
	if f := b.flows.Get(p.Route()); f != nil && f.state != spliceNone {
		b.fromClient(now, f, p, d, out)
		return
	}
	if r := b.returns.Get(p.Route()); r != nil && *r != 0 {
		if f := b.flows.Get(*r); f.state != spliceNone {
			b.fromServer(now, f, p, d, out)
			return
		}
	}
	if s.Flags&kinds == wire.ACK && b.prove(now, p, d, out) {
		return
	}
	out.Emit(p, d)
}

// cookie returns our sequence number for a client's, in a minute.
func (b *synProxy) cookie(r simnet.RouteID, isn wire.Seq, mss uint32, minute uint64) wire.Seq {
	h := b.Env().Net.FlowHash(r, b.secret^minute<<32^uint64(isn))
	return wire.Seq(uint32(h)&^3 | mss)
}

const cookiePeriod = 60 * sim.Second

// answer sends the SYN/ACK.
func (b *synProxy) answer(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	b.Note(now, p, trace.CookieSent)
	s, o := p.Segment(), p.Options()
	if f := b.flows.Get(p.Route()); f != nil {
		f.state = spliceNone // another connection of the same ends
	}
	mss := uint32(0)
	for i, size := range cookieMSS {
		if o.Has(wire.OptMSS) && o.MSS >= size {
			mss = uint32(i)
		}
	}
	b.made = out.New(p.Tuple().Reverse())
	a, ao := b.made.Segment(), b.made.AddOptions()
	a.TTL, a.Flags = 64, wire.SYN|wire.ACK
	a.Seq, a.Ack = b.cookie(p.Route(), s.Seq, mss, uint64(now)/uint64(cookiePeriod)), s.Seq.Add(1)
	ao.Present, ao.MSS = wire.OptMSS, b.mss
	if s.Opt.Has(wire.HasTS) {
		bits := uint32(0)
		if o.Has(wire.OptWScale) {
			ao.Present, ao.WScale = ao.Present|wire.OptWScale, b.wscale
			bits |= cookieScale | uint32(o.WScale)&15
		}
		if o.Has(wire.OptSACKPermitted) {
			ao.Present |= wire.OptSACKPermitted
			bits |= cookieSACK
		}
		a.Opt, a.TSVal, a.TSEcr = wire.HasTS, b.clock(now)<<cookieBits|bits, s.TSVal
	}
	b.Env().Net.Free(p.ID())
	out.Emit(&b.made, mbox.Opposite(d))
}

// clock counts 64 ms, so that timestamps go on in milliseconds.
func (b *synProxy) clock(now sim.Time) uint32 { return uint32(now / sim.Time(64*sim.Millisecond)) }

// prove opens the server's side for a segment that acknowledges a cookie, and
// reports whether it is one.
func (b *synProxy) prove(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) bool {
	s := p.Segment()
	isn, ours := s.Seq.Add(-1), s.Ack.Add(-1)
	minute := uint64(now) / uint64(cookiePeriod)
	r := p.Route()
	if ours != b.cookie(r, isn, uint32(ours)&3, minute) && (minute == 0 || ours != b.cookie(r, isn, uint32(ours)&3, minute-1)) {
		return false
	}
	back := b.Env().Net.Reverse(r)
	f, way := b.flows.Add(r), b.returns.Add(back)
	if f == nil || way == nil {
		b.Tell(now, p, trace.BoxFull)
		out.Drop(p, trace.BoxFull)
		return true
	}
	*way = r
	*f = spliced{state: spliceAsking, d: d, isn: isn, cookie: ours, mss: cookieMSS[uint32(ours)&3], window: s.Window}
	if s.Opt.Has(wire.HasTS) {
		f.ts, f.tsVal, f.tsOurs, f.opts = true, s.TSVal, s.TSEcr, uint8(s.TSEcr&(1<<cookieBits-1))
	}
	b.Note(now, p, trace.CookieProved)
	b.Env().Net.Free(p.ID())
	b.ask(now, r, f, out)
	b.waiting = append(b.waiting, r)
	return true
}

// ask sends the SYN to the server.
func (b *synProxy) ask(now sim.Time, r simnet.RouteID, f *spliced, out simnet.Emitter) {
	b.made = out.New(*b.Env().Net.Tuple(r))
	a, o := b.made.Segment(), b.made.AddOptions()
	a.TTL, a.Flags, a.Seq, a.Window = 64, wire.SYN, f.isn, f.window
	o.Present, o.MSS = wire.OptMSS, f.mss
	if f.ts {
		a.Opt, a.TSVal = wire.HasTS, f.tsVal
	}
	if f.opts&cookieScale != 0 {
		o.Present, o.WScale = o.Present|wire.OptWScale, f.opts&15
	}
	if f.opts&cookieSACK != 0 {
		o.Present |= wire.OptSACKPermitted
	}
	f.retry = now.Add(sim.Second << f.tries)
	f.tries++
	b.deadline = min(b.deadline, f.retry)
	out.Emit(&b.made, f.d)
}

// fromClient passes a segment to the server, whose numbers are others.
func (b *synProxy) fromClient(now sim.Time, f *spliced, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := p.Segment()
	if f.state != spliceOpen {
		if s.Flags.Has(wire.RST) {
			f.state = spliceNone
		}
		b.Env().Net.Free(p.ID()) // the client will ask again, its window is closed
		return
	}
	if s.Flags.Has(wire.ACK) {
		s.Ack += f.server - f.cookie
		move := f.server - f.cookie
		mbox.EditSACK(p, func(q wire.Seq) wire.Seq { return q + move })
	}
	if s.Opt.Has(wire.HasTS) {
		setTimestamps(p, s.TSVal, s.TSEcr-f.tsMove)
	}
	out.Emit(p, d)
}

// fromServer passes a segment to the client.
func (b *synProxy) fromServer(now sim.Time, f *spliced, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := p.Segment()
	const synAck = wire.SYN | wire.ACK
	if s.Flags.Has(synAck) {
		b.join(f, p, out)
		b.Env().Net.Free(p.ID())
		return
	}
	if f.state != spliceOpen {
		if !s.Flags.Has(wire.RST) {
			b.Env().Net.Free(p.ID())
			return
		}
		f.state = spliceNone
		s.Seq, f.server = f.cookie.Add(1), s.Seq // the server refuses
		out.Emit(p, d)
		return
	}
	s.Seq += f.cookie - f.server
	s.Window = b.rescale(f, s.Window)
	if s.Opt.Has(wire.HasTS) {
		setTimestamps(p, s.TSVal+f.tsMove, s.TSEcr)
	}
	out.Emit(p, d)
}

// join completes the handshake with the server and opens the client's window.
func (b *synProxy) join(f *spliced, p *simnet.Packet, out simnet.Emitter) {
	s := p.Segment()
	if s.Ack != f.isn.Add(1) {
		return
	}
	t := *p.Tuple()
	window := int64(s.Window)
	if f.state == spliceAsking {
		f.state, f.server = spliceOpen, s.Seq
		if p.Options().Has(wire.OptWScale) {
			f.shift = p.Options().WScale
		}
		if f.ts && s.Opt.Has(wire.HasTS) {
			f.tsMove = f.tsOurs - s.TSVal
		}
	}
	tsVal := s.TSVal
	b.made = out.New(t.Reverse())
	a := b.made.Segment()
	a.TTL, a.Flags, a.Seq, a.Ack, a.Window = 64, wire.ACK, f.isn.Add(1), f.server.Add(1), f.window
	if f.ts {
		a.Opt, a.TSVal, a.TSEcr = wire.HasTS, f.tsVal, tsVal
	}
	out.Emit(&b.made, f.d)
	b.made = out.New(t)
	a = b.made.Segment()
	a.TTL, a.Flags, a.Seq, a.Ack, a.Window = 64, wire.ACK, f.cookie.Add(1), f.isn.Add(1), uint16(max(window>>b.told(f), 1))
	if f.ts {
		a.Opt, a.TSVal, a.TSEcr = wire.HasTS, tsVal+f.tsMove, f.tsVal
	}
	out.Emit(&b.made, mbox.Opposite(f.d))
}

// told is the scale of windows that the client knows of.
func (b *synProxy) told(f *spliced) uint8 {
	if f.opts&cookieScale != 0 {
		return b.wscale
	}
	return 0
}

// rescale turns a window of the server into one of the client's scale.
func (b *synProxy) rescale(f *spliced, w uint16) uint16 {
	return uint16(min(int64(w)<<f.shift>>b.told(f), 65535))
}

// NextTimeout implements simnet.Box.
func (b *synProxy) NextTimeout() sim.Time { return b.deadline }

// HandleTimeout implements simnet.Box: SYNs that the server has not answered are
// repeated, and at last the client is reset.
func (b *synProxy) HandleTimeout(now sim.Time, out simnet.Emitter) {
	b.deadline = sim.Never
	kept := b.waiting[:0]
	for _, r := range b.waiting {
		f := b.flows.Get(r)
		if f.state != spliceAsking {
			continue
		}
		if now >= f.retry {
			if f.tries > synRetries {
				f.state = spliceNone
				b.made = out.New(*b.Env().Net.Tuple(b.Env().Net.Reverse(r)))
				a := b.made.Segment()
				a.TTL, a.Flags, a.Seq = 64, wire.RST, f.cookie.Add(1)
				out.Emit(&b.made, mbox.Opposite(f.d))
				continue
			}
			b.ask(now, r, f, out)
		}
		kept = append(kept, r)
		b.deadline = min(b.deadline, f.retry)
	}
	b.waiting = kept
}
