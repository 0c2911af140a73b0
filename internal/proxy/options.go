package proxy

import (
	"encoding/binary"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
)

// without takes the options of a set off a packet, and sets the rest together, padded
// behind.
func without(p *simnet.Packet, set *mbox.OptionSet) {
	var buf [wire.MaxOptionsLen + 3]byte
	raw := mbox.OptionBytes(buf[:], p)
	kept, changed := 0, false
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		switch {
		case set.Has(raw[i:end]):
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

// optionSet returns the set of one name, which is known to be one.
func optionSet(name string) (s mbox.OptionSet) {
	if err := s.Add(name); err != nil {
		sim.Bugf("options: %v", err)
	}
	return s
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
