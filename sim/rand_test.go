package sim

import (
	"math"
	"testing"
)

// The known-answer vectors of Philox4x32-10 that its authors publish with
// Random123 (kat_vectors).
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, v := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{},
			[4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(v.ctr, v.key); got != v.want {
			t.Errorf("philox(%x, %x) = %x, want %x", v.ctr, v.key, got, v.want)
		}
	}
}

// The first numbers of a named stream are part of the contract: a change of the
// derivation changes every result. The values follow from SHA-256 and Philox;
// they were computed by an independent program (Python's hashlib and integers).
func TestStreamGoldenVectors(t *testing.T) {
	for _, v := range []struct {
		seed, replication uint64
		name              string
		want              [3]uint64
	}{
		{1, 0, "link/lte/loss", [3]uint64{0x339c891d1d0c4044, 0x47c3f7f76273925a, 0x7116bb20b537b899}},
		{2, 7, "host/phone/keys", [3]uint64{0xea9268f6f419139b, 0x8b71c3ef5a512db4, 0x8e91d041ba6db41f}},
	} {
		r := New(v.seed, v.replication).Stream(v.name)
		for i, want := range v.want {
			if got := r.Uint64(); got != want {
				t.Errorf("stream (%d, %d, %q): number %d is %#x, want %#x", v.seed, v.replication, v.name, i, got, want)
			}
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	base := NewRand(1, 0, "a").Uint64()
	for _, r := range []*Rand{NewRand(2, 0, "a"), NewRand(1, 1, "a"), NewRand(1, 0, "b")} {
		if r.Uint64() == base {
			t.Error("two different streams begin alike")
		}
	}
}

func TestIndexedDrawsDoNotDependOnEachOther(t *testing.T) {
	a, b := NewRand(1, 0, "x"), NewRand(1, 0, "x")
	for i := range uint64(10) {
		a.At(i)
	}
	if a.At(1000) != b.At(1000) {
		t.Error("draw 1000 depends on earlier draws")
	}
}

// TestDistributions checks mean and variance against the closed forms, within
// five standard errors.
func TestDistributions(t *testing.T) {
	const n = 200000
	for _, d := range []struct {
		name           string
		draw           func(*Rand) float64
		mean, variance float64
		kurt           float64 // fourth central moment over variance squared
	}{
		{"uniform", (*Rand).Float64, 0.5, 1.0 / 12, 1.8},
		{"exponential", (*Rand).Exp, 1, 1, 9},
		{"normal", (*Rand).Normal, 0, 1, 3},
		{"pareto 6", func(r *Rand) float64 { return r.Pareto(6) }, 1.2, 6.0 / (25 * 4), 38.7},
		{"integers below 10", func(r *Rand) float64 { return float64(r.IntN(10)) }, 4.5, 8.25, 1.78},
		{"by index", nil, 0.5, 1.0 / 12, 1.8},
	} {
		r := NewRand(1, 0, d.name)
		var sum, sq float64
		for i := range n {
			var x float64
			if d.draw == nil {
				x = r.FloatAt(uint64(i))
			} else {
				x = d.draw(r)
			}
			sum += x
			sq += (x - d.mean) * (x - d.mean)
		}
		mean, variance := sum/n, sq/n
		if e := 5 * math.Sqrt(d.variance/n); math.Abs(mean-d.mean) > e {
			t.Errorf("%s: mean %v, want %v within %v", d.name, mean, d.mean, e)
		}
		if e := 5 * d.variance * math.Sqrt((d.kurt-1)/n); math.Abs(variance-d.variance) > e {
			t.Errorf("%s: variance %v, want %v within %v", d.name, variance, d.variance, e)
		}
	}
}
