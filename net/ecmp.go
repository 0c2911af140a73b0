package simnet

import (
	"fmt"
	"math/bits"
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Equal-cost multipath: how a node chooses among next hops of equal cost.
//
// Modelled: per-flow choice by a hash of the 5-tuple (RFC 2992) with a seed for
// each switch, and its variants weighted (WCMP, Zhou et al., EuroSys'14) and
// resilient (highest random weight, RFC 2991 section 3: a member that goes moves
// its own flows only); per-packet choice at random or in turns; and flowlets
// (Sinha et al., HotNets'04; CONGA, SIGCOMM'14), in a table of fixed size in which
// flows may collide, as in hardware.
//
// Not modelled: hash functions of particular chips (CRC variants), rehash upon
// configuration changes that leave the group alone.
//
// A choice by hash is a function of the tuple, so it is cached in the route hop by
// hop and costs nothing per packet. The others are asked for each packet: the
// cached hop then names a group (see spread), which only the slow path knows.

// ECMPMode is how a node chooses among next hops of equal cost.
type ECMPMode uint8

// The modes.
const (
	ECMPOff        ECMPMode = iota // the first next hop
	ECMPHash                       // by hash of the flow: index = (h x n) >> 64
	ECMPWeighted                   // by hash, in proportion to the weights of the members
	ECMPResilient                  // by hash, the member with the highest hash of flow and member
	ECMPRandom                     // each packet at random
	ECMPRoundRobin                 // the packets of a group of next hops in turns
	ECMPFlowlet                    // a flow chooses anew after a pause
)

var ecmpModes = [...]string{"off", "hash", "weighted", "resilient", "random", "roundrobin", "flowlet"}

// String returns the name of the mode.
func (m ECMPMode) String() string {
	if int(m) < len(ecmpModes) {
		return ecmpModes[m]
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// ECMPModes returns the names of all modes in their order.
func ECMPModes() []string { return ecmpModes[:] }

// ParseECMPMode returns the mode of a name.
func ParseECMPMode(name string) (ECMPMode, bool) {
	for i, n := range ecmpModes {
		if n == name {
			return ECMPMode(i), true
		}
	}
	return 0, false
}

// ECMP configures the choice. The zero value takes the first next hop.
type ECMP struct {
	Mode ECMPMode
	// Seed is mixed into the hash of every node; 0 takes it from the seed of the
	// run. Unless Polarised, the name of the node is mixed in as well.
	Seed uint64
	// Polarised gives all nodes the same hash: what one node has separated the
	// next one does not separate again.
	Polarised bool
	// Symmetric hashes both directions of a flow alike.
	Symmetric bool
	// AddressesOnly leaves ports out of the hash (2-tuple).
	AddressesOnly bool
	// Gap is the pause after which a flow is a new flowlet. It should exceed the
	// difference of the delays of the members, else packets overtake each other.
	Gap sim.Duration
	// LeastLoaded sends a new flowlet to the member with the shortest queue in
	// bytes, the first among equals; else the choice is random.
	LeastLoaded bool
	// Flowlets is the number of entries of a node's table of flowlets; 0: 1024.
	Flowlets int
}

// maxFlowlets bounds the table of flowlets of a node.
const maxFlowlets = 1 << 20

// Validate reports what is wrong with the configuration.
func (c *ECMP) Validate() error {
	switch {
	case int(c.Mode) >= len(ecmpModes):
		return fmt.Errorf("unknown ECMP mode %d", c.Mode)
	case c.Gap < 0:
		return fmt.Errorf("negative flowlet gap %v", c.Gap)
	case c.Mode == ECMPFlowlet && c.Gap == 0:
		return fmt.Errorf("flowlets need a gap")
	case c.Flowlets < 0 || c.Flowlets > maxFlowlets:
		return fmt.Errorf("a table of %d flowlets; it has 1 to %d", c.Flowlets, maxFlowlets)
	}
	return nil
}

// SetECMP gives the node a configuration of its own, for the routes of its tables
// as for the ways that the network finds.
func (nd *Node) SetECMP(c ECMP) {
	if err := c.Validate(); err != nil {
		sim.Bugf("node %s: %v", nd.name, err)
	}
	nd.ecmp = &ecmpState{cfg: c}
	nd.net.topologyChanged()
}

// ecmpState is what a node has for its choices.
type ecmpState struct {
	cfg      ECMP
	seeded   bool
	seed     uint64
	rand     *sim.Rand // of per-packet choices and new flowlets
	flowlets []flowlet
}

// ecmpOf returns the configuration and state of a node, or nil if it has none.
func (nd *Node) ecmpOf() *ecmpState {
	if nd.ecmp == nil {
		if nd.net.ways == nil {
			return nil
		}
		nd.ecmp = &ecmpState{cfg: nd.net.ways.cfg.ECMP}
	}
	e := nd.ecmp
	if !e.seeded {
		e.seeded = true
		e.seed = e.cfg.Seed
		if e.seed == 0 {
			e.seed = nd.net.sim.Stream("ecmp").At(0)
		}
		if !e.cfg.Polarised {
			for i := range len(nd.name) {
				e.seed = mix(e.seed, uint64(nd.name[i]))
			}
		}
	}
	return e
}

// flowHash is the hash of a flow at a node: the hash of the tuple, which does not
// depend on the run, mixed with the node's seed to 64 even bits.
func (e *ecmpState) flowHash(t *wire.Tuple) uint64 {
	h := *t
	if e.cfg.AddressesOnly {
		h.Src = netip.AddrPortFrom(h.Src.Addr(), 0)
		h.Dst = netip.AddrPortFrom(h.Dst.Addr(), 0)
	}
	if e.cfg.Symmetric && h.Dst.Compare(h.Src) < 0 {
		h.Src, h.Dst = h.Dst, h.Src
	}
	return finalise(tupleSalt(&h) ^ e.seed)
}

// finalise is the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA'14):
// a bijection whose every output bit depends on every input bit.
func finalise(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// pickByHash chooses the member of a flow.
func (e *ecmpState) pickByHash(t *wire.Tuple, members []*Interface) *Interface {
	if len(members) == 1 {
		return members[0]
	}
	h := e.flowHash(t)
	switch e.cfg.Mode {
	case ECMPWeighted:
		total := uint64(0)
		for _, m := range members {
			total += m.weight()
		}
		at, _ := bits.Mul64(h, total)
		for _, m := range members {
			if at < m.weight() {
				return m
			}
			at -= m.weight()
		}
	case ECMPResilient:
		best, most := members[0], uint64(0)
		for _, m := range members {
			if x := finalise(h ^ memberSalt(m)); x >= most {
				best, most = m, x
			}
		}
		return best
	case ECMPHash:
		i, _ := bits.Mul64(h, uint64(len(members)))
		return members[i]
	}
	return members[0]
}

// memberSalt tells members apart for resilient hashing, by name and never by
// number.
func memberSalt(m *Interface) uint64 {
	h := uint64(0x9E3779B97F4A7C15)
	for i := range len(m.name) {
		h = mix(h, uint64(m.name[i]))
	}
	return h
}

// SetWeight sets the interface's share of weighted multipath. 0 takes the rate of
// its link in Mb/s, at least 1.
func (ifc *Interface) SetWeight(w uint32) {
	ifc.share = w
	ifc.node.net.topologyChanged()
}

func (ifc *Interface) weight() uint64 {
	if ifc.share > 0 {
		return uint64(ifc.share)
	}
	return uint64(max(int64(ifc.out.cfg.Rate)/1_000_000, 1))
}
