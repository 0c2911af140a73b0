package proxy

import (
	"encoding/binary"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
)

// without takes the options off a packet for which drop returns true, and sets the
// rest together, padded behind.
func without(p *simnet.Packet, drop func(opt []byte) bool) {
	var buf [wire.MaxOptionsLen + 3]byte
	raw := mbox.OptionBytes(buf[:], p)
	kept, changed := 0, false
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		switch {
		case drop(raw[i:end]):
			changed = true
		case raw[i] != wire.KindNOP:
			kept += copy(raw[kept:], raw[i:end])
		}
	}
	if !changed {
		return
	}
	for kept%4 != 0 {
		raw[kept] = wire.KindNOP
		kept++
	}
	mbox.SetOptions(p, raw[:kept])
	if o := p.Options(); o != nil && o.Present == 0 {
		p.DropOptions()
	}
}

// dropSACK takes the SACK option away, whose gaps are the proxy's.
func dropSACK(p *simnet.Packet) {
	if p.Options().Has(wire.OptSACK) {
		without(p, func(opt []byte) bool { return opt[0] == wire.KindSACK })
	}
}

// setTimestamps changes the timestamps of a packet that has them, in its bytes, too,
// if those are the truth.
func setTimestamps(p *simnet.Packet, val, ecr uint32) {
	if s := p.Segment(); !p.Options().Has(wire.OptRaw) {
		s.TSVal, s.TSEcr = val, ecr
		return
	}
	var buf [wire.MaxOptionsLen + 3]byte
	raw := mbox.OptionBytes(buf[:], p)
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if raw[i] == wire.KindTimestamps && end-i == 10 {
			binary.BigEndian.PutUint32(raw[i+2:], val)
			binary.BigEndian.PutUint32(raw[i+6:], ecr)
		}
	}
	mbox.SetOptions(p, raw)
}
