package sim

import (
	"math"
	"math/big"
	"testing"
)

// The standard library is the oracle for accuracy (its error is below 1 ulp on
// this machine); equality of bits between machines is what the tree's own
// versions are for.
func TestFunctionsAreAccurate(t *testing.T) {
	r := NewRand(1, 0, "args")
	ulps := func(got, want float64) float64 {
		if got == want {
			return 0
		}
		return math.Abs(got-want) / (math.Nextafter(math.Abs(want), math.Inf(1)) - math.Abs(want))
	}
	for range 100000 {
		x := math.Exp(40 * (r.Float64() - 0.5))
		y := 200 * (r.Float64() - 0.5)
		for _, f := range []struct {
			name      string
			got, want float64
			bound     float64
		}{
			{"Log", Log(x), math.Log(x), 2},
			{"Exp", Exp(y), math.Exp(y), 2},
			{"Cbrt", Cbrt(y), math.Cbrt(y), 1},
			{"Sqrt", Sqrt(x), math.Sqrt(x), 0},
		} {
			if d := ulps(f.got, f.want); d > f.bound {
				t.Fatalf("%s: %v, want %v: %v ulp off at x=%v y=%v", f.name, f.got, f.want, d, x, y)
			}
		}
	}
	if got := Pow(2, 10); math.Abs(got-1024) > 1e-9 {
		t.Errorf("Pow(2, 10) = %v", got)
	}
}

func TestSpecialValues(t *testing.T) {
	for _, c := range []struct{ got, want float64 }{
		{Log(0), math.Inf(-1)}, {Log(1), 0}, {Log(math.Inf(1)), math.Inf(1)},
		{Exp(0), 1}, {Exp(math.Inf(-1)), 0}, {Exp(1000), math.Inf(1)},
		{Cbrt(27), 3}, {Cbrt(-8), -2}, {Cbrt(0), 0},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if !math.IsNaN(Log(-1)) {
		t.Error("Log(-1) is a number")
	}
}

func TestSerialiseCarriesTheRemainder(t *testing.T) {
	// 1514 bytes at 200 Mb/s are 60.56 us; a million of them exactly 60.56 s.
	var total Duration
	var rem uint64
	for range 1000000 {
		var d Duration
		d, rem = (200 * MegabitPerSecond).Serialise(1514, rem)
		total += d
	}
	if want := 60560 * Millisecond; total != want || rem != 0 {
		t.Errorf("a million packets took %v and remainder %d, want %v and 0", total, rem, want)
	}
}

func TestSerialiseAgainstBigIntegers(t *testing.T) {
	r := NewRand(1, 0, "serialise")
	for range 20000 {
		rate := Rate(r.IntN(400e9) + 1)
		bytes := int(r.IntN(1 << 40))
		rem := r.IntN(uint64(rate))
		x := new(big.Int).Mul(big.NewInt(int64(bytes)), big.NewInt(8e9))
		x.Add(x, new(big.Int).SetUint64(rem))
		q, m := new(big.Int).QuoRem(x, big.NewInt(int64(rate)), new(big.Int))
		if !q.IsInt64() {
			continue
		}
		d, newRem := rate.Serialise(bytes, rem)
		if int64(d) != q.Int64() || newRem != m.Uint64() {
			t.Fatalf("Serialise(%d, %d) at %d = %d, %d, want %v, %v", bytes, rem, rate, d, newRem, q, m)
		}
	}
}
