package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Rand is a named random stream: the counter-based generator Philox4x32-10 of
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC'11, under a 64-bit key and the upper half of the counter derived from
// (seed, replication, name). Being counter-based it serves in two ways: as a
// sequence (Uint64, Float64, ...) and by index (At), where draw i of a purpose
// does not depend on how many draws others made. One stream serves one purpose
// in one of the two ways.
type Rand struct {
	key  [2]uint32
	high uint64 // upper half of the counter
	n    uint64 // lower half: next block of the sequence
	buf  uint64 // second half of the last block
	full bool
}

// Stream returns the stream of the given name, e.g. "link/lte/down/loss". The
// same name gives the same stream, independent of what else exists; names are
// paths of the object and the purpose.
func (s *Sim) Stream(name string) *Rand { return NewRand(s.seed, s.replication, name) }

// NewRand derives a stream outside a simulation.
func NewRand(seed, replication uint64, name string) *Rand {
	msg := make([]byte, 16, 16+len(name))
	binary.BigEndian.PutUint64(msg, seed)
	binary.BigEndian.PutUint64(msg[8:], replication)
	sum := sha256.Sum256(append(msg, name...))
	return &Rand{
		key: [2]uint32{
			binary.BigEndian.Uint32(sum[0:]), binary.BigEndian.Uint32(sum[4:]),
		},
		high: binary.BigEndian.Uint64(sum[8:]),
	}
}

// Uint64 returns the next 64 random bits of the sequence.
func (r *Rand) Uint64() uint64 {
	if r.full {
		r.full = false
		return r.buf
	}
	a, b := r.block(r.n)
	r.n++
	r.buf, r.full = b, true
	return a
}

// At returns the 64 random bits of index i.
func (r *Rand) At(i uint64) uint64 {
	a, _ := r.block(i)
	return a
}

// Float64 returns the next number of the sequence in [0, 1), a multiple of
// 2^-53.
func (r *Rand) Float64() float64 { return unit(r.Uint64()) }

// FloatAt returns the number of index i in [0, 1).
func (r *Rand) FloatAt(i uint64) float64 { return unit(r.At(i)) }

// IntN returns the next integer of the sequence in [0, n), without bias.
func (r *Rand) IntN(n uint64) uint64 {
	if n == 0 {
		Bugf("IntN(0)")
	}
	// Lemire, "Fast random integer generation in an interval", 2019.
	hi, lo := bits.Mul64(r.Uint64(), n)
	if lo < n {
		floor := -n % n
		for lo < floor {
			hi, lo = bits.Mul64(r.Uint64(), n)
		}
	}
	return hi
}

// Exp returns an exponentially distributed number of mean 1.
func (r *Rand) Exp() float64 { return -Log(1 - r.Float64()) }

// Normal returns a number of the standard normal distribution (Marsaglia's
// polar method).
func (r *Rand) Normal() float64 {
	for {
		u := float64(2*r.Float64()) - 1
		v := float64(2*r.Float64()) - 1
		q := float64(u*u) + float64(v*v)
		if q > 0 && q < 1 {
			return float64(u * Sqrt(-2*Log(q)/q))
		}
	}
}

// Pareto returns a number of the Pareto distribution with minimum 1.
func (r *Rand) Pareto(shape float64) float64 { return Exp(r.Exp() / shape) }

func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// block returns the 128 bits of counter (high, n).
func (r *Rand) block(n uint64) (uint64, uint64) {
	c := philox([4]uint32{uint32(n), uint32(n >> 32), uint32(r.high), uint32(r.high >> 32)}, r.key)
	return uint64(c[0]) | uint64(c[1])<<32, uint64(c[2]) | uint64(c[3])<<32
}

// philox is the bijection Philox4x32 with ten rounds.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	const (
		m0, m1 = 0xD2511F53, 0xCD9E8D57
		w0, w1 = 0x9E3779B9, 0xBB67AE85
	)
	for range 10 {
		hi0, lo0 := bits.Mul32(m0, c[0])
		hi1, lo1 := bits.Mul32(m1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += w0
		k[1] += w1
	}
	return c
}
