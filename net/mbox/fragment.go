package mbox

import (
	simnet "mpsim/net"
	"mpsim/sim"
)

// Boxes to which a fragment of an IPv4 packet is a packet like others, where their rule
// is that fragments pass (simnet.PassFragments). Conditions on TCP see the header in a
// first fragment only.

// ProcessFragment implements simnet.FragmentBox.
func (j *Jitter) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	j.Process(now, p, d, out)
}

// ProcessFragment implements simnet.FragmentBox.
func (b *jitterBox) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	b.Process(now, p, d, out)
}

// ProcessFragment implements simnet.FragmentBox.
func (b *drop) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	b.Process(now, p, d, out)
}

// ProcessFragment implements simnet.FragmentBox.
func (b *delayBox) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	b.Process(now, p, d, out)
}

// ProcessFragment implements simnet.FragmentBox.
func (b *reorderBox) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	b.Process(now, p, d, out)
}
