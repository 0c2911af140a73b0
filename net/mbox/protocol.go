package mbox

import (
	"fmt"
	"strconv"
	"strings"

	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// dropProtocols drops packets of IP protocols that it does not know, as NATs and
// firewalls do that have rules for TCP, UDP and ICMP only: why SCTP and DCCP do not
// get through, and why MPTCP looks like TCP on the wire (Honda et al., IMC 2011,
// section 1; RFC 8041 section 3.1).
var dropProtocolsSpec = Spec{
	Name: "drop-protocols",
	Doc:  "drops packets of IP protocols that it does not know",
	Params: []Param{
		{Name: "known", Kind: Text, Default: "1 6 17 58", Doc: "numbers of the protocols that pass, separated by spaces"},
	},
	new: func(s *Spec, b base, v Values) Box {
		x := &dropProtocols{base: b}
		known, err := parseProtocols(s.at(v, "known").text)
		if err != nil {
			sim.Bugf("protocols passed their check: %v", err)
		}
		x.known = known
		return x
	},
	check: func(name string, v *value) error {
		_, err := parseProtocols(v.text)
		return err
	},
}

// parseProtocols reads "1 6 17".
func parseProtocols(text string) (known [4]uint64, err error) {
	for _, word := range strings.Fields(text) {
		n, err := strconv.ParseUint(word, 10, 8)
		if err != nil {
			return known, fmt.Errorf("known: %q is not the number of an IP protocol, 0 to 255", word)
		}
		known[n>>6] |= 1 << (n & 63)
	}
	return known, nil
}

type dropProtocols struct {
	base
	known [4]uint64
}

// Process implements simnet.Box.
func (b *dropProtocols) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	proto := p.Tuple().Proto
	if b.known[proto>>6]>>(proto&63)&1 == 0 && b.picks(now, p, d) {
		b.note(now, p, trace.UnknownProtocol)
		out.Drop(p, trace.UnknownProtocol)
		return
	}
	out.Emit(p, d)
}
