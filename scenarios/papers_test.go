package scenarios

import (
	"fmt"
	"math"
	"testing"

	"mpsim/sim"
)

// The experiments of Wischik et al. (NSDI'11) and Khalili et al. (CoNEXT'12) that
// have a fluid solution. The solutions are computed here, from the equations of the
// papers; the rates are those of IP packets, as the papers have no headers.

// mbps is a rate of IP packets, 10^6 bit/s.
type mbps = float64

// payload returns the share of payload in full packets of 1500 bytes: IP and TCP
// header with timestamps, and 28 bytes of DSS and padding for MPTCP.
func payload(protocol string) float64 {
	if protocol == "tcp" {
		return 1448.0 / 1500
	}
	return 1420.0 / 1500
}

// experiment runs a library scenario with a controller for its MPTCP flows and returns
// what each flow carried from the given time on. Slow start is that of the papers.
func experiment(t testing.TB, name, controller string, seed uint64, from, to float64, set ...string) []mbps {
	t.Helper()
	set = append(set, fmt.Sprintf("defaults.cc={ name = %q, hystartpp = 0 }", controller), "defaults.sample=1s", fmt.Sprintf("duration=%gs", to))
	sc, err := LoadLibrary("papers/"+name+".toml", Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	begun, end := map[string]float64{}, map[string]float64{}
	w, err := Build(sc, Run{Seed: seed, NoExpect: true, Sample: func(at sim.Time, entity, metric string, value float64) {
		if metric == "bytes" {
			end[entity] = value
			if at.Seconds() <= from+0.5 {
				begun[entity] = value
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	var out []mbps
	for _, f := range w.Flows() {
		if f.CorruptBytes != 0 || f.Fallback != "" {
			t.Errorf("%s: %d bytes corrupt, fallback %q", f.Name, f.CorruptBytes, f.Fallback)
		}
		out = append(out, (end[f.Name]-begun[f.Name])*8/(to-from)/payload(f.Protocol)/1e6)
	}
	return out
}

// average runs several seeds.
func average(t testing.TB, name, controller string, seeds int, from, to float64, set ...string) []mbps {
	t.Helper()
	var mean []mbps
	for s := range seeds {
		x := experiment(t, name, controller, uint64(s+1), from, to, set...)
		if mean == nil {
			mean = make([]mbps, len(x))
		}
		for i := range x {
			mean[i] += x[i] / float64(seeds)
		}
	}
	return mean
}

func meanOf(x []mbps) mbps {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// root returns where a growing function is 0, between 0 and most.
func root(most float64, f func(x float64) float64) float64 {
	low, high := 0.0, most
	for range 200 {
		if mid := (low + high) / 2; f(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// In the fluid model of LIA at equal round-trip times a connection has the rate of TCP
// on its best path, and its subflows share it as 1/p (RFC 6356; Khalili et al.,
// equation 2). With z = sqrt(p1/p2) that gives the equations below.

// scenarioA returns the normalised rate of the TCP users: both paths of the others lose
// p1, one of them p1 + p2, the TCP users p2. users is N1/N2, c is C1/C2.
func scenarioA(users, c float64) float64 {
	z := root(10, func(z float64) float64 { return z + users*z*z/(1+2*z*z) - 1/c })
	return z * c
}

// scenarioC returns the normalised rate of the TCP users where the others lose p1 on
// their own path and p2 on the shared one. For c >= 1.
func scenarioC(users, c float64) float64 {
	z := root(1, func(z float64) float64 { return z*z*z + users*z*z + z - 1/c })
	return z * (1 + z*z) * c
}

// scenarioB returns the rates of blue and red users, n of each, where red ones use TCP
// on T, or LIA on T and on X with T. x and y are TCP's rates at the loss of X and of T.
func scenarioB(capX, capT mbps, n float64, upgraded bool) (blue, red mbps) {
	load := func(x, y float64) (onX, onT float64) {
		best := math.Max(x, y)
		blueX := best * x * x / (x*x + y*y)
		blueT := best - blueX
		redT, redX := y, 0.0
		if upgraded {
			both := 1 / (1/(x*x) + 1/(y*y)) // 1/(pX+pT)
			redX = y * both / (both + y*y)
			redT = y
		}
		blue, red = best, redT
		return n * (blueX + redX), n * (blueT + redT)
	}
	y := 0.0
	x := root(100, func(x float64) float64 {
		y = root(100, func(y float64) float64 { _, onT := load(x, y); return onT - capT })
		onX, _ := load(x, y)
		return onX - capX
	})
	load(x, y)
	return blue, red
}

// The solutions are those of the papers' tables (PAPERS 4), [F] there.
func TestScenarioSolutions(t *testing.T) {
	near := func(what string, got, want, tol float64) {
		if math.Abs(got-want) > tol {
			t.Errorf("%s: %.4f, published %.4f", what, got, want)
		}
	}
	near("A 1, 1", scenarioA(1, 1), .7390, 1e-4)
	near("A 0.5, 0.75", scenarioA(0.5, 0.75), .8638, 1e-4)
	near("A 2, 1.5", scenarioA(2, 1.5), .6190, 1e-4)
	near("C 1, 1", scenarioC(1, 1), .7044, 1e-4)
	near("C 3, 1.5", scenarioC(3, 1.5), .5332, 1e-4)
	blue, red := scenarioB(27, 36, 15, false)
	near("B blue, TCP", blue, 2.55, .01)
	near("B red, TCP", red, 1.65, .01)
	blue, red = scenarioB(27, 36, 15, true)
	near("B blue, LIA", blue, 1.98, .01)
	near("B red, LIA", red, 1.61, .01)
}
