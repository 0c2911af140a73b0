package packetdrill

import (
	"net/netip"

	"mpsim/net/wire"
)

// flow is one TCP connection of a script.
type flow struct {
	tuple wire.Tuple // as the system under test sends: Src is its own end
	named bool       // endpoint variables name it
	// The script's numbers of the system's sequence space begin with that of its
	// SYN: live = script + shift.
	learnt bool
	shift  uint32
	// Timestamps of the system: aliases gives the real value of each that the
	// script has written; the first pair fixes the scale.
	aliases            map[uint32]uint32
	firstVal, firstTS  uint32
	hasTS              bool
	lastAck            uint32 // of the system's packets
	rstSeen            bool   // that ended the connection
	finIn, finOut      bool
	conn               *connection // nil: no MPTCP seen
	nonce, remoteNonce uint32      // of the system, of the script
	// Address ids of MP_JOIN do not matter here; scripts write them.
	dsnHigh uint64 // of the system's last 8-byte DSN, to promote 4-byte ones
}

// over reports whether the connection is at its end, so that a SYN begins a new
// one.
func (f *flow) over() bool { return f.rstSeen || f.finIn && f.finOut }

// binding is what an endpoint variable stands for. Port 0: not known yet.
type binding struct {
	addr netip.Addr
	port uint16
}

// flowOf returns the flow of a tuple in the system's view, or nil.
func (r *runner) flowOf(t wire.Tuple) *flow {
	for i := len(r.flows) - 1; i >= 0; i-- {
		if r.flows[i].tuple == t {
			return r.flows[i]
		}
	}
	return nil
}

func (r *runner) addFlow(local, remote netip.AddrPort) *flow {
	f := &flow{
		tuple:   wire.Tuple{Src: local, Dst: remote, Proto: wire.ProtoTCP},
		aliases: map[uint32]uint32{},
	}
	r.flows = append(r.flows, f)
	return f
}

// newPort returns an ephemeral port of the script's side.
func (r *runner) newPort() uint16 {
	r.port++
	return r.port
}

// newPeer returns the next address of the remote prefix.
func (r *runner) newPeer() netip.Addr {
	r.peer = r.peer.Next()
	return r.peer
}

// bind returns what an endpoint reference stands for, with its name bound to the
// given value if it is new.
func (r *runner) bind(e *EndpointRef, fresh func() binding) *binding {
	if e.Name != "" {
		if b := r.names[e.Name]; b != nil {
			return b
		}
	}
	b := &binding{addr: e.Addr}
	if v := fresh(); !e.Addr.IsValid() {
		*b = v
	} else {
		b.port = v.port
	}
	if e.Name != "" {
		r.names[e.Name] = b
	}
	return b
}

// inboundFlow returns the flow of a packet to be injected, made if it is new.
func (r *runner) inboundFlow(k *Packet) *flow {
	syn := k.Flags&(wire.SYN|wire.ACK) == wire.SYN
	c := &r.sc.Config
	if k.Src == nil && k.Dst == nil {
		if r.current == nil || syn && r.current.over() {
			r.current = r.addFlow(netip.AddrPortFrom(c.Local.Addr(), r.bindPort),
				netip.AddrPortFrom(c.Remote.Addr(), r.newPort()))
		}
		return r.current
	}
	remote, local := binding{addr: c.Remote.Addr()}, binding{addr: c.Local.Addr(), port: r.bindPort}
	if r.current != nil {
		remote, local = split(r.current.tuple.Dst), split(r.current.tuple.Src)
	}
	if k.Src != nil {
		b := r.bind(k.Src, func() binding {
			if joins(k) && !k.Src.Addr.IsValid() {
				return binding{r.newPeer(), r.newPort()}
			}
			return binding{c.Remote.Addr(), r.newPort()}
		})
		if b.port == 0 {
			b.port = c.ConnectPort
		}
		remote = *b
	}
	if remote.port == 0 {
		remote.port = r.newPort()
	}
	if k.Dst != nil {
		b := r.bind(k.Dst, func() binding { return binding{c.Local.Addr(), r.bindPort} })
		if b.port == 0 {
			b.port = r.bindPort
		}
		local = *b
	}
	t := wire.Tuple{Src: local.join(), Dst: remote.join(), Proto: wire.ProtoTCP}
	f := r.flowOf(t)
	if f == nil || syn && f.over() {
		f = r.addFlow(t.Src, t.Dst)
	}
	f.named = true
	r.current = f
	return f
}

func split(a netip.AddrPort) binding    { return binding{a.Addr(), a.Port()} }
func (b *binding) join() netip.AddrPort { return netip.AddrPortFrom(b.addr, b.port) }

// joins reports whether a packet carries MP_JOIN in its SYN form.
func joins(k *Packet) bool {
	for _, o := range k.Options {
		if o.Kind == KindJoinSYN {
			return true
		}
	}
	return false
}

// match says how a packet of the system relates to an expected one.
type match uint8

const (
	isExpected match = iota
	isOther          // it belongs to another flow of the script
	isUnknown        // to no flow that the script knows
)

// outboundFlow finds the flow of an emitted packet and compares it with the one
// that a packet line expects. New names are bound and new flows begun if the
// packet can be the expected one.
func (r *runner) outboundFlow(k *Packet, p *live) (*flow, match) {
	f := r.flowOf(p.tuple)
	if k.Src == nil && k.Dst == nil {
		switch {
		case f != nil && f == r.current:
			return f, isExpected
		case f != nil && r.current == nil && !f.named:
			r.current = f
			return f, isExpected
		case f != nil:
			return f, isOther
		case r.current == nil || k.Flags.Has(wire.SYN):
			f = r.addFlow(p.tuple.Src, p.tuple.Dst)
			r.current = f
			return f, isExpected
		}
		return nil, isUnknown
	}
	fresh := false // the line names an end for the first time
	fits := func(e *EndpointRef, a netip.AddrPort) bool {
		if e == nil {
			return true
		}
		b := r.names[e.Name]
		if e.Name == "" || b == nil {
			fresh = true
			return !e.Addr.IsValid() || e.Addr == a.Addr()
		}
		fresh = fresh || b.port == 0
		return b.addr == a.Addr() && (b.port == 0 || b.port == a.Port())
	}
	if !fits(k.Src, p.tuple.Src) || !fits(k.Dst, p.tuple.Dst) {
		if f == nil {
			return nil, isUnknown
		}
		return f, isOther
	}
	if f != nil && fresh && f.named {
		return f, isOther // that flow has names already, and this is none of them
	}
	if f == nil {
		f = r.addFlow(p.tuple.Src, p.tuple.Dst)
	}
	r.name(k.Src, p.tuple.Src)
	r.name(k.Dst, p.tuple.Dst)
	f.named = true
	r.current = f
	return f, isExpected
}

// name binds an endpoint reference to an address that was seen.
func (r *runner) name(e *EndpointRef, a netip.AddrPort) {
	if e == nil || e.Name == "" {
		return
	}
	if b := r.names[e.Name]; b != nil {
		b.addr, b.port = a.Addr(), a.Port()
		return
	}
	r.names[e.Name] = &binding{a.Addr(), a.Port()}
}
