package scenarios

import (
	"fmt"
	"testing"

	"mpsim/sim"
)

// The experiments of Wischik et al. (NSDI'11) that have a fluid solution. The rates are
// those of IP packets, as the paper has no headers. Those of Khalili et al. (CoNEXT'12)
// are in internal/pareto.

// mbps is a rate of IP packets, 10^6 bit/s.
type mbps = float64

// payload returns the share of payload in full packets of 1500 bytes: IP and TCP
// header with timestamps, and 24 bytes of DSS for MPTCP, whose sender gets no data and so
// acknowledges with 4 bytes.
func payload(protocol string) float64 {
	if protocol == "tcp" {
		return 1448.0 / 1500
	}
	return 1424.0 / 1500
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
