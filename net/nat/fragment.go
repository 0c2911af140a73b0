package nat

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Fragments at a translator (RFC 4787 section 11). With the rule to put packets together
// (its "out of order", which REQ-14 demands) the box never sees one. With the rule to
// pass them it is "in order only": the first fragment, which has the ports, is
// translated like a packet, and its checksum with it; those behind it get the same
// addresses, as long as the box remembers them, and those that come before it are
// dropped. The state of TCP is read from what the first fragment has. Of an FTP control
// connection that the box translates no fragment passes.

// maxOrdered bounds the packets whose first fragment is remembered: the oldest gives way.
const maxOrdered = 256

// fragmentKey is what the fragments of a packet have in common.
type fragmentKey struct {
	src, dst netip.Addr
	proto    uint8
	id       uint16
	d        simnet.Dir
}

// ordered is what became of a first fragment.
type ordered struct {
	key      fragmentKey
	src, dst netip.Addr
	d        simnet.Dir
}

// firstFragment is an emitter that notes where a first fragment goes.
type firstFragment struct {
	simnet.Emitter
	id    simnet.PacketID
	tuple wire.Tuple
	d     simnet.Dir
	gone  bool
}

// Emit implements simnet.Emitter.
func (f *firstFragment) Emit(p *simnet.Packet, d simnet.Dir) {
	if p.ID() == f.id {
		f.tuple, f.d, f.gone = *p.Tuple(), d, true
	}
	f.Emitter.Emit(p, d)
}

// ProcessFragment implements simnet.FragmentBox.
func (n *NAT) ProcessFragment(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	t, o := p.Tuple(), p.Options()
	key := fragmentKey{t.Src.Addr(), t.Dst.Addr(), t.Proto, o.IP.ID, d}
	if n.off {
		out.Emit(p, d)
		return
	}
	if o.FragmentStart() == 0 {
		if f := n.cfg.FTPPort; f != 0 && t.Proto == wire.ProtoTCP && (t.Src.Port() == f || t.Dst.Port() == f) {
			n.drop(now, p, trace.Untranslatable, out) // a command would change the length of the whole
			return
		}
		n.first = firstFragment{Emitter: out, id: p.ID()}
		n.Process(now, p, d, &n.first)
		if n.first.gone {
			n.remember(ordered{key, n.first.tuple.Src.Addr(), n.first.tuple.Dst.Addr(), n.first.d})
		}
		return
	}
	for i := range n.fragments {
		if f := &n.fragments[i]; f.key == key {
			n.acted++
			p.SetTuple(wire.Tuple{Src: netip.AddrPortFrom(f.src, 0), Dst: netip.AddrPortFrom(f.dst, 0), Proto: t.Proto})
			out.Emit(p, f.d)
			return
		}
	}
	n.drop(now, p, trace.FragmentUnordered, out)
}

// remember notes where the fragments behind a first one go.
func (n *NAT) remember(f ordered) {
	for i := range n.fragments {
		if n.fragments[i].key == f.key {
			n.fragments[i] = f
			return
		}
	}
	if len(n.fragments) < maxOrdered {
		n.fragments = append(n.fragments, f)
		return
	}
	n.fragments[n.nextFragment] = f
	n.nextFragment = (n.nextFragment + 1) % maxOrdered
}

var _ interface {
	mbox.Box
	simnet.FragmentBox
} = (*NAT)(nil)
