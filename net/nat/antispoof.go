package nat

import (
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// AntiSpoof is ingress filtering at an interface (RFC 2827, RFC 3704 section 2.2:
// strict reverse path forwarding; SAVI does the same at a host's port): a packet
// that comes in is dropped if the node would not send back to its source through
// the same interface.
type AntiSpoof struct {
	box
	ifc *simnet.Interface
	// known says by route what was found in the generation of routing: 1 good, 2
	// spoofed.
	known []uint8
	gen   uint32
}

// NewAntiSpoof returns the filter of an interface.
func NewAntiSpoof(ifc *simnet.Interface, env *mbox.Env) *AntiSpoof {
	return &AntiSpoof{box: box{env: env}, ifc: ifc}
}

// Process implements simnet.Box.
func (a *AntiSpoof) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if d == simnet.In && a.spoofed(p) {
		a.drop(now, p, trace.SpoofedSource, out)
		return
	}
	out.Emit(p, d)
}

// ProcessFragment implements simnet.FragmentBox: every fragment has a source.
func (a *AntiSpoof) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	a.Process(now, p, d, out)
}

// spoofed reports whether the source of a packet does not belong behind the
// interface.
func (a *AntiSpoof) spoofed(p *simnet.Packet) bool {
	if g := a.env.Net.RoutingGeneration(); g != a.gen {
		clear(a.known)
		a.gen = g
	}
	r := int(p.Route())
	for r >= len(a.known) {
		a.known = append(a.known, 0)
	}
	if a.known[r] == 0 {
		a.known[r] = 1
		if t := p.Tuple(); a.ifc.Node().RouteTo(t.Dst.Addr(), t.Src.Addr()) != a.ifc {
			a.known[r] = 2
		}
	}
	return a.known[r] == 2
}

// NextTimeout implements simnet.Box.
func (a *AntiSpoof) NextTimeout() sim.Time { return sim.Never }

// HandleTimeout implements simnet.Box.
func (a *AntiSpoof) HandleTimeout(sim.Time, simnet.Emitter) {}
