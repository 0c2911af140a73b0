package trace

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"slices"

	"mpsim/sim"
)

// Hash is the run hash.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Sink receives the records of the kinds it asked for, in the order in which
// they happen. The record is only valid during the call.
type Sink interface {
	Emit(r *Record)
}

// Run collects the nodes of one simulation and their sinks.
type Run struct {
	nodes []*Node
	named map[string]bool
	last  [recent]Record
	n     uint64
	sinks []subscription
	// scratch is what Node.Scratch gives.
	scratch Record
}

type subscription struct {
	kinds KindSet
	sink  Sink
}

// recent is the number of records that a broken invariant prints. The ring is
// small because it lives beside the hot path.
const recent = 32

// Node is the part of the trace that one node owns.
type Node struct {
	Chain
	run   *Run
	name  string
	id    uint32
	muted bool // see Mute
	wants KindSet
}

// AddNode declares a node. Names must be unique within a run.
func (r *Run) AddNode(name string) *Node {
	if r.named[name] {
		sim.Bugf("two nodes named %q in one trace", name)
	}
	if r.named == nil {
		r.named = make(map[string]bool)
	}
	r.named[name] = true
	n := &Node{run: r, name: name, id: uint32(len(r.nodes))}
	for i := range r.sinks {
		n.wants |= r.sinks[i].kinds
	}
	r.nodes = append(r.nodes, n)
	return n
}

// Subscribe sends records of the given kinds to a sink from now on.
func (r *Run) Subscribe(kinds KindSet, s Sink) {
	r.sinks = append(r.sinks, subscription{kinds, s})
	for _, n := range r.nodes {
		if !n.muted {
			n.wants |= kinds
		}
	}
}

// NodeName returns the name of the node with the given Record.Node.
func (r *Run) NodeName(id uint32) string { return r.nodes[id].name }

// Hash returns the run hash of what has been recorded so far.
func (r *Run) Hash() Hash { return hashOf(slices.Clone(r.nodes)) }

// hashOf sorts the nodes and returns the run hash.
func hashOf(nodes []*Node) Hash {
	slices.SortFunc(nodes, func(a, b *Node) int {
		switch {
		case a.name < b.name:
			return -1
		case a.name > b.name:
			return 1
		}
		return 0
	})
	h := sha256.New()
	for _, n := range nodes {
		if n.lo == 0 && n.hi == 0 {
			continue // an idle node does not change the hash
		}
		buf := binary.BigEndian.AppendUint32(nil, uint32(len(n.name)))
		buf = append(buf, n.name...)
		buf = binary.BigEndian.AppendUint64(buf, n.hi)
		buf = binary.BigEndian.AppendUint64(buf, n.lo)
		h.Write(buf)
	}
	var out Hash
	h.Sum(out[:0])
	return out
}

// Last returns the most recent records, oldest first.
func (r *Run) Last() []Record {
	n := min(r.n, recent)
	out := make([]Record, 0, n)
	for i := r.n - n; i < r.n; i++ {
		out = append(out, r.last[i%recent])
	}
	return out
}

// Name returns the node's name.
func (n *Node) Name() string { return n.name }

// ID returns the number that stands for the node in Record.Node.
func (n *Node) ID() uint32 { return n.id }

// Wants reports whether some sink wants records of kind k. Hot paths that fold
// their own words ask before they build a record.
func (n *Node) Wants(k Kind) bool { return n.wants&(1<<k) != 0 }

// Emit folds a record into the node's chain, keeps it for invariant reports and
// gives it to the sinks that want it.
func (n *Node) Emit(r *Record) {
	n.emit(r, uint64(r.A))
}

// EmitNamed is Emit for a record whose first value is the number of a name in a
// table that may grow: key, a Key of that name, is folded in its place.
func (n *Node) EmitNamed(r *Record, key uint32) { n.emit(r, uint64(key)) }

func (n *Node) emit(r *Record, a uint64) {
	r.Node = n.id
	n.Fold(uint64(r.At), uint64(r.Kind.Key()^bits.RotateLeft32(r.Why.Key(), 16))|uint64(uint32(r.Flow))<<32)
	n.Fold(a, uint64(r.B))
	n.Fold(uint64(r.C), uint64(r.D))
	n.Fold(uint64(r.Conn), uint64(r.E))
	n.run.last[n.run.n%recent] = *r
	n.run.n++
	if n.Wants(r.Kind) {
		n.Observe(r)
	}
}

// Scratch returns room for a record that is given to Observe at once, so that none is
// allocated.
func (n *Node) Scratch() *Record { return &n.run.scratch }

// Observe gives a record to the sinks without folding it: for hot paths whose
// words are folded already, and for records that describe rather than decide.
func (n *Node) Observe(r *Record) {
	r.Node = n.id
	for i := range n.run.sinks {
		if s := &n.run.sinks[i]; s.kinds&(1<<r.Kind) != 0 {
			s.sink.Emit(r)
		}
	}
}
