package mbox

import (
	"fmt"
	"strconv"

	simnet "mpsim/net"
	"mpsim/net/wire"
)

// OptionSet is a set of TCP options: kinds, and for MPTCP its subtypes.
type OptionSet struct {
	kinds [4]uint64
	subs  uint16
}

// optionNames are the names of options beside numbers of kinds.
var optionNames = []struct {
	name string
	kind uint8
	sub  int // of MPTCP; -1: all
}{
	{"mss", wire.KindMSS, -1},
	{"wscale", wire.KindWScale, -1},
	{"sack_permitted", wire.KindSACKPermitted, -1},
	{"sack", wire.KindSACK, -1},
	{"timestamps", wire.KindTimestamps, -1},
	{"fastopen", wire.KindFastOpen, -1},
	{"mptcp", wire.KindMPTCP, -1},
	{"mp_capable", wire.KindMPTCP, wire.SubCapable},
	{"mp_join", wire.KindMPTCP, wire.SubJoin},
	{"dss", wire.KindMPTCP, wire.SubDSS},
	{"add_addr", wire.KindMPTCP, wire.SubAddAddr},
	{"remove_addr", wire.KindMPTCP, wire.SubRemoveAddr},
	{"mp_prio", wire.KindMPTCP, wire.SubPrio},
	{"mp_fail", wire.KindMPTCP, wire.SubFail},
	{"mp_fastclose", wire.KindMPTCP, wire.SubFastClose},
	{"mp_tcprst", wire.KindMPTCP, wire.SubRst},
}

// old are the kinds that every stack and box knows: end, no operation, MSS, window
// scale, SACK and timestamps (RFC 9293, RFC 7323, RFC 2018). "unknown" are the others,
// MPTCP and fast open among them: what a box takes for unknown that was built before
// them.
const old = 1<<wire.KindEOL | 1<<wire.KindNOP | 1<<wire.KindMSS | 1<<wire.KindWScale | 1<<wire.KindSACKPermitted | 1<<wire.KindSACK | 1<<wire.KindTimestamps

// OptionNames returns the names that an option list may have beside "all",
// "unknown" and the numbers of kinds from 2 to 255.
func OptionNames() []string {
	names := []string{"all", "unknown"}
	for _, n := range optionNames {
		names = append(names, n.name)
	}
	return names
}

// Add puts the option of the given name into the set.
func (s *OptionSet) Add(name string) error {
	if name == "all" {
		s.subs = 0xffff
		for i := range s.kinds {
			s.kinds[i] = ^uint64(0)
		}
		return nil
	}
	if name == "unknown" {
		s.subs = 0xffff
		s.kinds[0] |= ^uint64(old)
		for i := range s.kinds[1:] {
			s.kinds[1+i] = ^uint64(0)
		}
		return nil
	}
	for _, n := range optionNames {
		if n.name != name {
			continue
		}
		s.kinds[n.kind>>6] |= 1 << (n.kind & 63)
		if n.sub < 0 {
			s.subs = 0xffff
		} else {
			s.subs |= 1 << n.sub
		}
		return nil
	}
	if k, err := strconv.Atoi(name); err == nil && k >= 2 && k <= 255 {
		s.kinds[k>>6] |= 1 << (k & 63)
		s.subs = 0xffff
		return nil
	}
	return fmt.Errorf("unknown TCP option %q", name)
}

// Empty reports whether nothing is in the set.
func (s *OptionSet) Empty() bool { return s.kinds == [4]uint64{} }

// has reports whether an option, given by its octets, is in the set.
func (s *OptionSet) has(opt []byte) bool {
	k := opt[0]
	if s.kinds[k>>6]>>(k&63)&1 == 0 {
		return false
	}
	return k != wire.KindMPTCP || len(opt) < 3 || s.subs>>(opt[2]>>4)&1 != 0
}

// Has reports whether an option, given by its octets, is in the set.
func (s *OptionSet) Has(opt []byte) bool { return s.has(opt) }

// in reports whether one of the options in b is in the set.
func (s *OptionSet) in(b []byte) bool {
	for i, end, ok := wire.NextOption(b, 0); ok; i, end, ok = wire.NextOption(b, end) {
		if s.has(b[i:end]) {
			return true
		}
	}
	return false
}

// optionBytes writes the options of a packet into buf, which has room.
func optionBytes(buf []byte, p *simnet.Packet) []byte {
	return wire.AppendOptions(buf[:0], p.Segment(), p.Options())
}

// OptionBytes writes the options of a TCP packet into buf, which has room for
// wire.MaxOptionsLen and 3 octets.
func OptionBytes(buf []byte, p *simnet.Packet) []byte { return optionBytes(buf, p) }

// SetOptions makes b the options of a packet; b is padded with NOPs, at most 3.
func SetOptions(p *simnet.Packet, b []byte) { setOptions(p, b) }

// setOptions makes b the options of a packet; b is padded with NOPs, at most 3.
func setOptions(p *simnet.Packet, b []byte) {
	for len(b)%4 != 0 {
		b = append(b, wire.KindNOP)
	}
	o := p.AddOptions()
	wire.ReplaceOptions(p.Segment(), o, b)
	if o.Present == 0 {
		p.DropOptions()
	}
}

// editSACK lets f change the edges of every block of the SACK option, if the
// packet has one.
func editSACK(p *simnet.Packet, f func(wire.Seq) wire.Seq) {
	o := p.Options()
	if !o.Has(wire.OptSACK) {
		return
	}
	for i := range min(int(o.NSACK), len(o.SACK)) {
		b := &o.SACK[i]
		b.Start, b.End = f(b.Start), f(b.End)
	}
	if !o.Has(wire.OptRaw) {
		return
	}
	var buf [wire.MaxOptionsLen + 3]byte
	raw := optionBytes(buf[:], p)
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if raw[i] != wire.KindSACK {
			continue
		}
		for q := raw[i+2 : end]; len(q) >= 4; q = q[4:] {
			be.PutUint32(q, uint32(f(wire.Seq(be.Uint32(q)))))
		}
	}
	setOptions(p, raw)
}
