package scenarios

import (
	"fmt"
	"testing"

	"mpsim/internal/app"
	"mpsim/results"
	"mpsim/sim"
)

// nsdi11 is the experiment of NSDI'11 and SIGCOMM'11 in data centres, as their simulator
// htsim 0.1 has it: links of 100 Mb/s and 100 us, packets of 1000 bytes, queues of 100
// packets with two more in which packets are dropped at random, a minimum RTO of 1 ms,
// flows that start within 50 ms. Its receivers acknowledge every packet, and their
// acknowledgements are with the sender at once, without taking anything of the links;
// its subflows have data of their own, so that nothing is sent again on another one and
// no receive window binds them together.
const nsdi11 = `schema = 1
name = "nsdi11"
duration = "2s"
[topology]
rate = "100Mbps"
delay = "100us"
ack_delay = "0s"
queue = "102kB"
aqm = { name = "random", band = "2000B" }
%s
[defaults]
mss = 960
rto_min = "1ms"
quickack = true
cc = { name = "lia", hystartpp = 0 }
reinject = "none"
[[traffic]]
name = "g"
jitter = "50ms"
%s
`

// throughput is what the flows of a run get from 0.5 s to 2 s, in Mb/s of packets of 1000
// bytes, which carry 928 of payload.
type throughput struct {
	mean, median float64 // of a flow, as its application gets it in order
	// carried is the mean of a flow in what its subflows receive, each for itself and
	// without duplicates, which is what htsim measures: it does not wait for what is
	// missing of another subflow, as an application must, which therefore gets in the
	// window what has waited since the start.
	carried float64
	flows   int
}

// measure runs a topology under a pattern; set overrides what the experiment says.
func measure(t *testing.T, topology, traffic string, seed uint64, set ...string) throughput {
	t.Helper()
	sc, err := Parse("in.toml", fmt.Sprintf(nsdi11, topology, traffic), Options{Seed: &seed, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: sc.Seed})
	if err != nil {
		t.Fatal(err)
	}
	const wire = 8 / 1e6 * 1000 / 928
	from, end := sim.Time(sim.Second/2), sc.Duration.Time()
	if _, err := w.Run(from, 0, nil); err != nil {
		t.Fatal(err)
	}
	before := w.carried()
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, f := range w.flows {
		if f.record.Corrupt != 0 {
			t.Errorf("flow %s has %d corrupt bytes", f.decl.Name, f.record.Corrupt)
		}
		got = append(got, f.goodput(from, end)*wire)
	}
	out := throughput{mean(got), results.Quantile(got, 0.5), float64(w.carried()-before) * wire / (end - from).Seconds() / float64(len(got)), len(got)}
	t.Logf("seed %d, %s: %+v", seed, traffic, out)
	return out
}

// carried is the payload that the receivers' subflows have got, without duplicates.
func (w *World) carried() (sum int64) {
	for _, f := range w.flows {
		if f.ends == nil {
			continue
		}
		for _, e := range []*app.End{&f.ends.Client, &f.ends.Server} { // one of them only sends
			for _, s := range e.Subflows(nil) {
				sum += s.Stats.BytesReceived
			}
		}
	}
	return sum
}

// roomyHosts is the queue of htsim's hosts, 1000 packets.
const roomyHosts = "\n[topology.host]\nup = { queue = \"1000pkt\", aqm = \"droptail\" }"

// Throughput against the number of subflows: under a random permutation of a fat-tree of 16
// hosts one random way each gives a little more than half of the rate of the links (max-min
// fair shares are 59.7 Mb/s in the mean, with a standard deviation of 8.1 between
// permutations: the band is two of them), and more subflows of LIA give more (SIGCOMM'11).
// Eight subflows on four ways meet nearly all of them and can fill the hosts' links; htsim
// of 2026 carries 76 on two and 89 on eight, the start included. A18, of 128 hosts, is
// TestFatTreePermutation, behind the tag long.
//
// row:E2
func TestThroughputGrowsWithSubflows(t *testing.T) {
	last := 0.0
	for _, v := range []struct {
		subflows    int
		least, most float64
	}{{1, 43, 76}, {2, 60, 85}, {8, 83, 100}} {
		got := measure(t, "kind = \"fattree\"\nk = 4"+roomyHosts, fmt.Sprintf("pattern = \"permutation\"\nsubflows = %d", v.subflows), 1, "duration=1s").carried
		if got < v.least || got > v.most || got < 1.1*last {
			t.Errorf("%d subflows: %.1f Mb/s, want %g to %g and a tenth more than %.1f", v.subflows, got, v.least, v.most, last)
		}
		last = got
	}
}
