package mbtest

import (
	"context"
	"math"
	"testing"
)

// MPTCP falls back on the networks that remove options, from SYNs or from data: as
// a network's luck is one number for each trait, on 1 - (1 - syn)(1 - data) of them,
// and nowhere is it broken. Of 142 networks the interval says so, and of 20,000.
//
// row:M24
func TestPopulation(t *testing.T) {
	for _, n := range []int{0, 20_000} {
		out, err := RunPopulation(context.Background(), &PopulationConfig{Networks: n, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		want := [3]float64{1 - 0.96*0.95, 1 - 0.86*0.86, 1 - 0.94*0.94}
		for i, o := range out {
			if o.Port != Ports[i] || o.Broken.Networks != 0 || o.MPTCP.Networks+o.Fallback.Networks != o.Networks {
				t.Errorf("%+v", o)
			}
			if want[i] < o.Fallback.Low || want[i] > o.Fallback.High {
				t.Errorf("port %d: fallback on %.4f, %.4f to %.4f; want %.4f", o.Port, o.Fallback.Share, o.Fallback.Low, o.Fallback.High, want[i])
			}
		}
		if n == 0 && out[0].Networks != 142 {
			t.Errorf("%d networks", out[0].Networks)
		}
	}
	out, err := RunPopulation(context.Background(), &PopulationConfig{Networks: 50, Seed: 1, Rates: []string{"syn-option:443=100%", "data-option:80=0", "syn-option:80=0"}})
	if err != nil || out[2].Fallback.Networks != 50 || out[1].Fallback.Networks != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	for _, bad := range []string{"syn-option:80", "syn-option:80=101", "syn:80=1", "syn-option:81=1", ":=", "isn:80=x"} {
		if _, err := RunPopulation(context.Background(), &PopulationConfig{Rates: []string{bad}}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// The interval is the score interval of Wilson (1927), in the numbers of two textbook cases,
// and never empty at the ends.
func TestShare(t *testing.T) {
	s := share(10, 100)
	if math.Abs(s.Low-0.0552) > 1e-3 || math.Abs(s.High-0.1744) > 1e-3 {
		t.Errorf("%+v", s)
	}
	if s := share(0, 142); s.Low != 0 || math.Abs(s.High-0.0263) > 5e-4 {
		t.Errorf("%+v", s)
	}
}
