package host

import (
	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// receiveICMP gives an ICMP error about a TCP segment to the endpoint. Other
// messages are ignored: hosts do not answer echo requests.
func (h *Host) receiveICMP(now sim.Time, proto uint8, o *wire.Options) {
	var m wire.ICMPMessage
	if !o.Has(wire.OptICMP) || wire.ParseICMP(o.ICMP, &m) != nil {
		return
	}
	e := mptcp.ICMPError{Kind: m.Kind(proto), Code: m.Code, IPv6: proto == wire.ProtoICMPv6}
	switch e.Kind {
	case wire.ICMPUnreachable, wire.ICMPTimeExceeded, wire.ICMPTooBig:
		e.MTU, e.Length = int(min(m.MTU(proto), 65535)), wire.QuotedLen(m.Body)
		var err error
		if e.Seq, err = wire.ParseQuote(m.Body, &e.Tuple); err == nil && e.Tuple.Proto == wire.ProtoTCP {
			h.ep.HandleICMP(now, &e)
		}
	}
}
