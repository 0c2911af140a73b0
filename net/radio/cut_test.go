package radio

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mpsim/sim"
)

func TestSliceVectors(t *testing.T) {
	rates := &Trace{
		Length: 10 * ms, Steps: []Step{{0, 1}, {4 * ms, 2}, {6 * ms, 3}},
		Modes: []Mode{{0, 5 * ms, "5G"}, {5 * ms, 5 * ms, "LTE"}},
	}
	got, err := rates.Slice(5*ms, 3*ms)
	if err != nil {
		t.Fatal(err)
	}
	want := &Trace{Length: 3 * ms, Steps: []Step{{0, 2}, {1 * ms, 3}}, Modes: []Mode{{0, 3 * ms, "LTE"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	opportunities := &Trace{Kind: Opportunities, Length: 12 * ms, Opportunities: []uint32{0, 1, 5, 5, 6, 10}}
	for _, tt := range []struct {
		from, length sim.Duration
		want         []uint32
	}{
		{0, 12 * ms, []uint32{0, 1, 5, 5, 6, 10}},
		{0, 5 * ms, []uint32{0, 1, 5, 5}},
		{5 * ms, 5 * ms, []uint32{1, 5}},
		{4 * ms, 4 * ms, []uint32{1, 1, 2}},
	} {
		got, err := opportunities.Slice(tt.from, tt.length)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got.Opportunities); diff != "" || got.Length != tt.length {
			t.Errorf("%v + %v: length %v (-want +got):\n%s", tt.from, tt.length, got.Length, diff)
		}
	}
}

func TestCutErrors(t *testing.T) {
	o := &Trace{Kind: Opportunities, Length: 12 * ms, Opportunities: []uint32{1, 10}}
	r := &Trace{Length: 12 * ms, Steps: []Step{{0, 5}, {4 * ms, 0}}}
	slices := []struct {
		t            *Trace
		from, length sim.Duration
	}{
		{o, -1, 5 * ms}, {o, 0, 0}, {o, 0, 13 * ms}, {o, 12 * ms, ms}, {o, 1, ms}, {o, 0, ms + 1},
		{o, 2 * ms, 3 * ms}, {r, 5 * ms, 5 * ms}, {r, 1 << 62, 1 << 62},
	}
	for _, tt := range slices {
		if got, err := tt.t.Slice(tt.from, tt.length); err == nil {
			t.Errorf("Slice(%v, %v) of %v = %v", tt.from, tt.length, tt.t, got)
		}
	}
	for _, f := range []float64{0, -1, 1e9, 1e-9, nan()} {
		if got, err := o.Scale(f); err == nil {
			t.Errorf("Scale(%g) = %v", f, got)
		}
	}
	if got, err := r.Scale(0.01); err == nil { // 5 b/s become 0
		t.Errorf("Scale to nothing = %v", got)
	}
	for _, d := range []sim.Duration{0, -1, MaxLength + 1} {
		if got, err := o.Loop(d); err == nil {
			t.Errorf("Loop(%v) = %v", d, got)
		}
	}
	tiny := &Trace{Length: 1, Steps: []Step{{0, 5}}}
	if got, err := tiny.Loop(sim.Second); err == nil {
		t.Errorf("a thousand million turns gave %d steps", len(got.Steps))
	}
}

func nan() float64 { z := 0.0; return z / z }

// TestLoopAtTheWrap: mahimahi's {0,5,10} gives 0,5,10,10,15,20,20,...
// (ALGORITHMS.md E7).
func TestLoopAtTheWrap(t *testing.T) {
	for _, tt := range []struct {
		file []uint32
		want []uint32
	}{
		{[]uint32{5, 10}, []uint32{5, 10, 15, 20}},
		{[]uint32{0, 5, 10}, []uint32{0, 5, 10, 10, 15, 20, 20}},
	} {
		got, err := (&Trace{Kind: Opportunities, Length: 10 * ms, Opportunities: tt.file}).Loop(24 * ms)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got.Opportunities); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.file, diff)
		}
	}
}

// TestLoopAndSliceKeepCapacity: a piece of the repeated trace carries what the
// definition of the repeating link says.
func TestLoopAndSliceKeepCapacity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := drawTrace(t)
		if trace.Length < sim.Millisecond || trace.Check() != nil {
			return
		}
		length := sim.Duration(rapid.IntRange(1, 60_000).Draw(t, "ms")) * sim.Millisecond
		looped, err := trace.Loop(length)
		if err != nil {
			if capacity(trace, length) == 0 {
				return // cut within the first gap
			}
			t.Fatal(err)
		}
		if err := looped.Check(); err != nil {
			t.Fatal(err)
		}
		want := capacity(trace, length)
		if got := looped.Bytes(); got != want || looped.Length != length {
			t.Fatalf("loop of %v to %v: %d bytes in %v, want %d", trace.Length, length, got, looped.Length, want)
		}
		if length < 2*sim.Millisecond {
			return
		}
		cut := sim.Duration(rapid.IntRange(1, int(length/sim.Millisecond)-1).Draw(t, "cut")) * sim.Millisecond
		left, right := int64(0), int64(0)
		if a, err := looped.Slice(0, cut); err == nil {
			left = a.Bytes()
		}
		if b, err := looped.Slice(cut, length-cut); err == nil {
			right = b.Bytes()
		}
		if d := want - left - right; d < 0 || d > 1 { // a byte that the cut divides
			t.Fatalf("%d bytes were cut into %d and %d", want, left, right)
		}
	})
}

// TestScale: the scaled capacity is the capacity times the factor, to the b/s
// or the opportunity, at every time.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trace := drawTrace(t)
		factor := rapid.SampledFrom([]float64{0.5, 1, 0.3, 2.75, 1000}).Draw(t, "factor")
		scaled, err := trace.Scale(factor)
		if err != nil {
			return // nothing is left; TestCutErrors
		}
		if err := scaled.Check(); err != nil || scaled.Length != trace.Length {
			t.Fatalf("length %v became %v, %v", trace.Length, scaled.Length, err)
		}
		for i, s := range scaled.Steps {
			if d := float64(s.Rate) - factor*float64(trace.Steps[i].Rate); s.At != trace.Steps[i].At || d < -0.5 || d > 0.5 {
				t.Fatalf("step %v became %v", trace.Steps[i], s)
			}
		}
		for _, at := range trace.Opportunities {
			n, m := upTo(trace.Opportunities, at), upTo(scaled.Opportunities, at)
			if d := float64(n)*factor - float64(m); d < 0 || d >= 1 {
				t.Fatalf("until %d ms %d opportunities became %d by factor %g", at, n, m, factor)
			}
		}
	})
}

func upTo(list []uint32, at uint32) (n int) {
	for _, ms := range list {
		if ms <= at {
			n++
		}
	}
	return n
}
