package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// stripDataAck takes the DATA_ACK out of DSS options and leaves mapping, checksum
// and DATA_FIN, as a device would that knows mappings but drops what it need not
// keep (RFC 8684 section 3.3.2: the DATA_ACK may be left out of a segment, and a
// window counts only in segments that have one). What is modelled is the loss of
// the field; options behind it move up, and the end is padded with NOPs.
var stripDataAckSpec = Spec{
	Name: "strip-data-ack",
	Doc:  "takes the DATA_ACK out of DSS options",
	new:  func(_ *Spec, b base, _ Values) Box { return &stripDataAck{base: b} },
}

type stripDataAck struct {
	base
	buf [wire.MaxOptionsLen + 3]byte
}

// The flags of a DSS option (RFC 8684 section 3.3, figure 9).
const (
	dssHasAck = 1 << iota
	dssAck8
)

// Process implements simnet.Box.
func (b *stripDataAck) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if isTCP(p) && p.Segment().OptionsLen(p.Options()) > 0 {
		raw := optionBytes(b.buf[:], p)
		if i, n := findDataAck(raw); n > 0 && b.picks(now, p, d) {
			raw[i+1] -= uint8(n)
			raw[i+3] &^= dssHasAck | dssAck8
			setOptions(p, trimNOPs(raw[:i+4+copy(raw[i+4:], raw[i+4+n:])]))
			b.note(now, p, trace.OptionsStripped)
		}
	}
	out.Emit(p, d)
}

// findDataAck returns where in raw the first DSS option with a DATA_ACK begins and
// how many octets its DATA_ACK has; 0: there is none.
func findDataAck(raw []byte) (at, n int) {
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if raw[i] != wire.KindMPTCP || end-i < 4 || raw[i+2]>>4 != wire.SubDSS || raw[i+3]&dssHasAck == 0 {
			continue
		}
		n = 4
		if raw[i+3]&dssAck8 != 0 {
			n = 8
		}
		if end-i >= 4+n {
			return i, n
		}
	}
	return 0, 0
}
