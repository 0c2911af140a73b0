package simnet

import (
	"bytes"

	"mpsim/net/wire"
	"mpsim/sim"
)

// verifier is verify mode: the proof that typed packets and bytes are the same
// thing, taken on every hop of a run.
type verifier struct {
	on      bool
	bytes   []byte
	again   []byte
	tuple   wire.Tuple
	segment wire.Segment
	options wire.Options
}

// SetVerify switches verify mode on or off: every packet that is given to a
// link is rendered to bytes and parsed back, and must be equal in both forms.
// The run hash does not depend on it.
func (n *Network) SetVerify(on bool) {
	n.verify.on = on
	for _, ifc := range n.ifcs {
		ifc.retap()
	}
}

// check renders a packet and parses it.
func (v *verifier) check(n *Network, id PacketID) {
	t, s, o := n.Tuple(RouteID(n.Segment(id).Route)), n.Segment(id), n.Options(id)
	fail := func(what string) {
		sim.Bugf("verify: %s differs: %s", what, wire.Format(t, s, o))
	}
	v.bytes = wire.AppendPacket(v.bytes[:0], t, s, o, -1)
	if len(v.bytes) != n.Size(id) {
		sim.Bugf("verify: %d octets rendered of a packet of %d: %s", len(v.bytes), n.Size(id), wire.Format(t, s, o))
	}
	v.segment = wire.Segment{Route: s.Route, Cold: s.Cold, Off: s.Off, Hop: s.Hop}
	if err := wire.ParsePacket(v.bytes, &v.tuple, &v.segment, &v.options); err != nil {
		sim.Bugf("verify: %v: %s", err, wire.Format(t, s, o))
	}
	if v.tuple != *t {
		fail("tuple")
	}
	if t.Proto == wire.ProtoTCP && v.segment != *s ||
		v.segment.TTL != s.TTL || v.segment.TOS != s.TOS || v.segment.Len != s.Len {
		fail("header") // other protocols give no meaning to the other fields
	}
	const payload = wire.OptPieces
	var none wire.Options
	if o == nil {
		o = &none
	}
	if o.Present&^payload != v.options.Present&^payload {
		fail("set of options")
	}
	v.again = wire.AppendPacket(v.again[:0], &v.tuple, &v.segment, &v.options, -1)
	if !bytes.Equal(v.bytes, v.again) {
		fail("second rendering")
	}
	if !sameOptions(o, &v.options) {
		fail("options")
	}
}

// sameOptions compares the options that a has.
func sameOptions(a, b *wire.Options) bool {
	k := int(min(a.NSACK, uint8(len(a.SACK))))
	for _, c := range []struct {
		set  wire.OptSet
		same bool
	}{
		{wire.OptMSS, a.MSS == b.MSS},
		{wire.OptWScale, a.WScale == b.WScale},
		{wire.OptSACK, a.NSACK == b.NSACK && [4]wire.SACKBlock(a.SACK) == blocks(b, k, a)},
		{wire.OptFastOpen, a.FastOpen == b.FastOpen},
		{wire.OptCapable, a.Capable == b.Capable},
		{wire.OptJoin, a.Join == b.Join},
		{wire.OptDSSChecksum, a.DSSChecksum == b.DSSChecksum},
		{wire.OptAddAddr, a.AddAddr == b.AddAddr},
		{wire.OptRemoveAddr, a.RemoveAddr == b.RemoveAddr},
		{wire.OptPrio, a.Prio == b.Prio},
		{wire.OptFail, a.Fail == b.Fail},
		{wire.OptFastClose, a.FastClose == b.FastClose},
		{wire.OptRst, a.Rst == b.Rst},
		{wire.OptUrgent, a.Urgent == b.Urgent},
	} {
		if a.Present&c.set != 0 && !c.same {
			return false
		}
	}
	return true
}

// blocks returns the first k SACK blocks of b, with those of rest behind them.
func blocks(b *wire.Options, k int, rest *wire.Options) [4]wire.SACKBlock {
	out := rest.SACK
	copy(out[:k], b.SACK[:k])
	return out
}
