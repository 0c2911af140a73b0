package mbox

import (
	"crypto/sha1"
	"crypto/sha256"
	"strings"

	"mpsim/cc"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// What a packet means: facts that a filter asks for beside the kind of the packet and
// the kinds of its options, and the number of its subflow.
//
// Subflows are numbered as they are seen where the box stands: the initial one, whose
// SYN carries MP_CAPABLE, is 0; each MP_JOIN counts up from 1 in the order of the SYNs
// of its connection, which is known by its token. A connection of which the box has not
// seen MP_CAPABLE counts its joins all the same. Options that do not look like what RFC
// 8684 states mean nothing.

// Facts is a set of facts about a TCP segment.
type Facts uint32

// The facts.
const (
	FactDataFIN  Facts = 1 << iota // DSS with flag F
	FactDataACK                    // DSS with a Data ACK
	FactMapping                    // DSS with a mapping
	FactChecksum                   // DSS with a checksum
	FactInfinite                   // DSS whose mapping has length 0 and is no DATA_FIN
	FactAnnounce                   // ADD_ADDR that is no echo
	FactEcho                       // ADD_ADDR with flag E
	FactPort                       // ADD_ADDR with a port
	FactBackup                     // MP_JOIN or MP_PRIO with flag B
	FactThird                      // MP_JOIN or MP_CAPABLE behind the handshake of SYN and SYN/ACK
	FactPayload                    // payload
	FactPush                       // PSH
	FactCE                         // ECN codepoint CE
	FactECT                        // any ECN codepoint but Not-ECT
	FactECE                        // ECE
	FactCWR                        // CWR
	FactSACK                       // SACK blocks
)

var factNames = [...]string{
	"datafin", "dataack", "mapping", "checksum", "infinite", "announce", "echo", "port", "backup",
	"third", "payload", "push", "ce", "ect", "ece", "cwr", "sackblocks",
}

// FactNames returns the names of all facts.
func FactNames() []string { return factNames[:] }

// Add puts the fact of the given name into the set.
func (f *Facts) Add(name string) error {
	for i, n := range factNames {
		if n == name {
			*f |= 1 << i
			return nil
		}
	}
	return cc.UnknownName("meaning of a packet", name, FactNames())
}

// String returns the names of the facts, with spaces between.
func (f Facts) String() string {
	var names []string
	for i, n := range factNames {
		if f>>i&1 != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, " ")
}

// factsOf returns what a TCP segment with the given option bytes means.
func factsOf(s *wire.Segment, raw []byte) (f Facts) {
	set := func(on bool, fact Facts) {
		if on {
			f |= fact
		}
	}
	set(s.Len > 0, FactPayload)
	set(s.Flags.Has(wire.PSH), FactPush)
	set(s.Flags.Has(wire.ECE), FactECE)
	set(s.Flags.Has(wire.CWR), FactCWR)
	set(s.TOS&wire.ECNMask == wire.CE, FactCE)
	set(s.TOS&wire.ECNMask != wire.NotECT, FactECT)
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		o := raw[i:end]
		if o[0] == wire.KindSACK {
			f |= FactSACK
		}
		if o[0] != wire.KindMPTCP || len(o) < 3 {
			continue
		}
		switch int(o[2] >> 4) {
		case wire.SubDSS:
			f |= dssFacts(o)
		case wire.SubAddAddr:
			// Version 0 has the family where version 1 has the flags, and no echo.
			v0 := len(o) < 16 && o[2]&15 == 4 || len(o) >= 20 && len(o) < 28 && o[2]&15 == 6
			echo := !v0 && o[2]&1 != 0
			set(echo, FactEcho)
			set(!echo, FactAnnounce)
			set(len(o)%4 == 2, FactPort)
		case wire.SubPrio:
			set(o[2]&1 != 0, FactBackup)
		case wire.SubJoin:
			set(len(o) == 12 && o[2]&1 != 0 || len(o) == 16 && o[2]&1 != 0, FactBackup)
			set(len(o) == 24, FactThird)
		case wire.SubCapable:
			set(!s.Flags.Has(wire.SYN) && len(o) >= 20, FactThird)
		}
	}
	return f
}

// dssFacts reads a DSS option (RFC 8684 section 3.3).
func dssFacts(o []byte) (f Facts) {
	if len(o) < 4 {
		return 0
	}
	flags, want := o[3], 4
	if flags&1 != 0 {
		f |= FactDataACK
		want += 4 << (flags >> 1 & 1)
	}
	if flags&16 != 0 {
		f |= FactDataFIN
	}
	if flags&4 == 0 {
		return f
	}
	want += 4<<(flags>>3&1) + 4
	if len(o) < want+2 {
		return f
	}
	f |= FactMapping
	if be.Uint16(o[want:]) == 0 && flags&16 == 0 {
		f |= FactInfinite
	}
	if len(o) >= want+4 {
		f |= FactChecksum
	}
	return f
}

// numberer numbers the subflows that pass a box.
type numberer struct {
	flows flowTable[numbered]
	conns []seenConn
}

type numbered struct {
	conn    uint32 // number in conns and one; 0: none, a connection without MPTCP
	number  uint32
	isn     wire.Seq
	reverse bool // the route leads against the SYN
}

// seenConn is a connection: the tokens by which its two ends are joined.
type seenConn struct {
	tokens [2]uint32
	known  [2]bool
	joins  uint32
}

// numbering is a box with a filter that asks for the number of a subflow: it learns
// from everything that passes, whatever the box looks at.
type numbering struct {
	Box
	flows *numberer
	env   *Env
}

// Process implements simnet.Box.
func (b *numbering) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if p.Tuple().Proto == wire.ProtoTCP {
		b.flows.learn(b.env.Net, p)
	}
	b.Box.Process(now, p, d, out)
}

// is reports whether a packet belongs to the subflow of a number.
func (n *numberer) is(p *simnet.Packet, number uint32) bool {
	f := n.flows.get(p.Route())
	return f != nil && f.conn != 0 && f.number == number
}

// learn takes in a TCP segment.
func (n *numberer) learn(net *simnet.Network, p *simnet.Packet) {
	s := p.Segment()
	syn := s.Flags&(wire.SYN|wire.ACK) == wire.SYN
	if o := p.Options(); !syn && !o.Has(wire.OptCapable) && !o.Has(wire.OptRaw) {
		return // neither a SYN nor keys
	}
	var buf [wire.MaxOptionsLen + 3]byte
	raw := optionBytes(buf[:], p)
	var opt []byte
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if o := raw[i:end]; o[0] == wire.KindMPTCP && len(o) >= 4 && (int(o[2]>>4) == wire.SubCapable || int(o[2]>>4) == wire.SubJoin) {
			opt = o
		}
	}
	if syn {
		n.syn(net, p, opt)
		return
	}
	if f := n.flows.get(p.Route()); f != nil && f.conn != 0 && opt != nil && int(opt[2]>>4) == wire.SubCapable {
		n.keys(&n.conns[f.conn-1], opt, f.reverse)
	}
}

// syn takes in the SYN of a connection or subflow.
func (n *numberer) syn(net *simnet.Network, p *simnet.Packet, opt []byte) {
	s := p.Segment()
	if f := n.flows.get(p.Route()); f != nil && f.isn == s.Seq && !f.reverse {
		return // the same again
	}
	fresh := numbered{isn: s.Seq}
	if len(n.conns) >= maxFlows {
		return // no number, as for flows beyond the bound of the table
	}
	switch {
	case opt == nil:
	case int(opt[2]>>4) == wire.SubCapable:
		n.conns = append(n.conns, seenConn{})
		fresh.conn = uint32(len(n.conns))
		n.keys(&n.conns[fresh.conn-1], opt, false)
	case len(opt) == 12:
		token := be.Uint32(opt[4:])
		fresh.conn = n.find(token)
		c := &n.conns[fresh.conn-1]
		c.joins++
		fresh.number = c.joins
	}
	back := net.Intern(p.Tuple().Reverse())
	if f := n.flows.add(p.Route()); f != nil {
		*f = fresh
	}
	if f := n.flows.add(back); f != nil {
		*f = fresh
		f.reverse = true
	}
}

// find returns the connection, counted from one, that a token names; a new one if it
// is unknown.
func (n *numberer) find(token uint32) uint32 {
	for i := len(n.conns) - 1; i >= 0; i-- {
		c := &n.conns[i]
		for k := range c.tokens {
			if c.known[k] && c.tokens[k] == token {
				return uint32(i + 1)
			}
		}
	}
	n.conns = append(n.conns, seenConn{tokens: [2]uint32{token}, known: [2]bool{true}})
	return uint32(len(n.conns))
}

// keys learns the tokens from the keys of an MP_CAPABLE; reverse: of one that travels
// against the SYN.
func (n *numberer) keys(c *seenConn, opt []byte, reverse bool) {
	mine := 0
	if reverse {
		mine = 1
	}
	for k := 0; 4+8*(k+1) <= min(len(opt), 20); k++ {
		if i := mine ^ k; !c.known[i] {
			c.tokens[i], c.known[i] = tokenOf(opt[4+8*k:12+8*k], opt[2]&15), true
		}
	}
}

// tokenOf is the token of a key: the first 32 bits of its hash, SHA-256 (RFC 8684
// section 3.2) or in version 0 SHA-1 (RFC 6824 section 3.2).
func tokenOf(key []byte, version uint8) uint32 {
	if version == 0 {
		sum := sha1.Sum(key)
		return be.Uint32(sum[:])
	}
	sum := sha256.Sum256(key)
	return be.Uint32(sum[:])
}
