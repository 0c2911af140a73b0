// Package trace holds what a run observes of itself: fixed-size records, the
// sinks that receive them and the chains from which the run hash is made.
//
// Each node folds its own records into its own chain: times, packet fields,
// drops and decisions; no numeric ids of the construction order and no engine
// events. The run hash is SHA-256 over the sorted list of node names and
// chains. It therefore depends neither on sinks nor on how the engine, its
// fast paths or its workers execute the run.
package trace

import "math/bits"

// Chain is a 128-bit multiply-fold of the words that a node has recorded.
type Chain struct {
	lo, hi uint64
}

const (
	k0 = 0xA0761D6478BD642F
	k1 = 0xE7037ED1A0B428DB
)

// Fold adds two words.
func (c *Chain) Fold(a, b uint64) { *c = c.With(a, b) }

// With returns the chain with two words more, for those who fold several pairs:
// unlike Fold it lets the state stay in registers between them. The old state
// enters both factors and both sums, so a zero factor loses nothing.
func (c Chain) With(a, b uint64) Chain {
	h, l := bits.Mul64(c.lo^a^k0, c.hi^b^k1)
	return Chain{lo: l ^ bits.RotateLeft64(c.hi, 29) ^ b, hi: h + c.lo + a}
}

// Sum returns the state of the chain.
func (c *Chain) Sum() (hi, lo uint64) { return c.hi, c.lo }
