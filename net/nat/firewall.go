package nat

import (
	"slices"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// SYNOptions says what happens to options of SYNs that a firewall does not know.
type SYNOptions uint8

// The ways.
const (
	PassOptions  SYNOptions = iota
	DropUnknown             // the SYN vanishes
	BlankOptions            // NOPs stand in their place
)

var synOptions = []string{"pass", "drop", "strip"}

// SYNData says what happens to SYNs with payload (RFC 7413 section 7.1).
type SYNData uint8

// The ways.
const (
	PassData  SYNData = iota
	DropData          // the SYN vanishes
	StripData         // its payload does
)

var synData = []string{"pass", "drop", "strip"}

// Firewall is a stateful packet filter for either family of addresses (for IPv6
// RFC 6092): it lets in what belongs to a session that began inside, or goes to an
// open port. It changes no address.
type Firewall struct {
	box
	sessions
	known     mbox.OptionSet // options that SYNs may carry
	openPorts []uint16
	expected  []expectation // by FTP control connections
	line      []byte        // of one, scratch
	buf       [wire.MaxOptionsLen + 3]byte
}

// NewFirewall returns a firewall. known are the options that SYNs may carry (if
// Options is not PassOptions); what goes to the open ports inside may come in.
func NewFirewall(cfg Config, known mbox.OptionSet, open []uint16, env *mbox.Env) *Firewall {
	return &Firewall{box: box{cfg: cfg, env: env}, known: known, openPorts: open}
}

// Rebind forgets all sessions, as a restart does.
func (f *Firewall) Rebind(now sim.Time) {
	for id := range f.slots {
		if s := &f.slots[id]; s.inside != 0 && s.expires != sim.Never {
			f.remove(uint32(id))
		}
	}
	f.expected = f.expected[:0]
}

// Process implements simnet.Box.
func (f *Firewall) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if f.off {
		out.Emit(p, d)
		return
	}
	t := p.Tuple()
	switch {
	case t.Proto == wire.ProtoICMP || t.Proto == wire.ProtoICMPv6:
		f.icmp(now, p, d, out)
		return
	case !translates(t.Proto) || p.Options().Has(wire.OptOpaque):
		f.drop(now, p, trace.Untranslatable, out)
		return
	}
	index := f.byInside
	if d == simnet.In {
		index = f.byArriving
	}
	if id := find(index, p.Route()); id != 0 && f.member(now, id, p, d, out) {
		return
	}
	f.unknown(now, p, d, out)
}

// member passes or drops a packet of a session. It returns false if the packet
// begins another connection in its place.
func (f *Firewall) member(now sim.Time, id uint32, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) bool {
	dir := uint8(0)
	if d == simnet.In {
		dir = 1
	}
	switch v := f.track(now, id, &f.cfg, p, dir); {
	case v == reopens:
		f.remove(id)
		return false
	case f.unfit(now, v, p, out):
		return true
	}
	f.acted++
	if p.Segment().Flags.Has(wire.SYN) && p.Tuple().Proto == wire.ProtoTCP && !f.inspect(now, p, out) {
		return true
	}
	if dir == 0 && f.slots[id].ftp {
		f.follow(now, p)
	}
	out.Emit(p, d)
	return true
}

// unknown handles a packet without session.
func (f *Firewall) unknown(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	t := *p.Tuple()
	opener := uint8(0)
	var awaited *expectation
	if d == simnet.In {
		opener = 1
		if awaited = f.expects(now, &t); awaited == nil && !slices.Contains(f.openPorts, t.Dst.Port()) {
			f.refuse(now, p, trace.NoMapping, out)
			return
		}
		t = t.Reverse()
	}
	if t.Proto == wire.ProtoTCP && !f.begins(now, p, d, out) {
		if d == simnet.In {
			f.refuse(now, p, trace.NoMapping, out)
		}
		return
	}
	if f.live >= f.cfg.Sessions {
		f.drop(now, p, trace.BoxFull, out)
		return
	}
	r := f.env.Net.Intern(t)
	id := f.add(f.env.Net, r, r, t.Proto, opener)
	f.slots[id].ftp = f.cfg.followsFTP(&t, opener)
	if awaited != nil {
		awaited.until = now
	}
	f.start(id, p)
	f.member(now, id, p, d, out)
}

// inspect enforces what SYNs may carry. It returns false if the packet is dropped.
func (f *Firewall) inspect(now sim.Time, p *simnet.Packet, out simnet.Emitter) bool {
	if f.cfg.Options != PassOptions {
		raw := mbox.OptionBytes(f.buf[:], p)
		changed := false
		for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
			if raw[i] <= wire.KindNOP || f.known.Has(raw[i:end]) {
				continue
			}
			if f.cfg.Options == DropUnknown {
				f.drop(now, p, trace.UnknownOption, out)
				return false
			}
			for k := i; k < end; k++ {
				raw[k] = wire.KindNOP
			}
			changed = true
		}
		if changed {
			mbox.SetOptions(p, raw)
			f.tell(now, p, trace.UnknownOption)
		}
	}
	if f.cfg.Data == PassData || p.Segment().Len == 0 {
		return true
	}
	if f.cfg.Data == DropData {
		f.drop(now, p, trace.DataInSYN, out)
		return false
	}
	f.tell(now, p, trace.DataInSYN)
	wire.SetPieces(p.Segment(), p.AddOptions(), nil)
	if p.Options().Present == 0 {
		p.DropOptions()
	}
	return true
}

// icmp lets errors about sessions pass, and echoes from inside with their answers;
// of ICMPv6 nothing else either (RFC 4890 section 4.3.1 names these as the ones
// that must pass).
func (f *Firewall) icmp(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	var m wire.ICMPMessage
	t := *p.Tuple()
	if !p.Options().Has(wire.OptICMP) || wire.ParseICMP(p.Options().ICMP, &m) != nil {
		f.drop(now, p, trace.Untranslatable, out)
		return
	}
	ok := d == simnet.Out
	switch m.Kind(t.Proto) {
	case wire.ICMPUnreachable, wire.ICMPTooBig, wire.ICMPTimeExceeded:
		var q wire.Tuple
		if _, err := wire.ParseQuote(m.Body, &q); err == nil && d == simnet.In {
			ok = find(f.byInside, f.env.Net.Known(&q)) != 0
		}
	case wire.ICMPEchoRequest:
		q := wire.Tuple{Src: echoTuple(t.Src.Addr(), t.Dst.Addr(), m.ID()).Src, Dst: t.Dst, Proto: t.Proto}
		if ok && f.live < f.cfg.Sessions {
			r := f.env.Net.Intern(q)
			id := find(f.byInside, r)
			if id == 0 {
				id = f.add(f.env.Net, r, r, t.Proto, 0)
			}
			f.track(now, id, &f.cfg, p, 0)
		}
	case wire.ICMPEchoReply:
		if d == simnet.In {
			q := wire.Tuple{Src: echoTuple(t.Dst.Addr(), t.Src.Addr(), m.ID()).Src, Dst: t.Src, Proto: t.Proto}
			ok = find(f.byInside, f.env.Net.Known(&q)) != 0
		}
	}
	if !ok {
		f.drop(now, p, trace.NoMapping, out)
		return
	}
	f.acted++
	out.Emit(p, d)
}

// NextTimeout implements simnet.Box.
func (f *Firewall) NextTimeout() sim.Time { return min(f.nextDue(), f.held.next()) }

// HandleTimeout implements simnet.Box.
func (f *Firewall) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for id := f.due(now); id != 0; id = f.due(now) {
		f.remove(id)
	}
	f.held.release(now, func(h *heldSYN) {
		f.end(now, h, find(f.byArriving, h.packet.Route()) != 0, out)
	})
}
