package scenarios

import (
	"fmt"
	"testing"
)

// nsdi11 is the experiment of NSDI'11 and SIGCOMM'11 in data centres: links of 100
// Mb/s and 100 us, packets of 1000 bytes, queues of 100 packets with two more in which
// packets are dropped at random, minimum RTO of 1 ms, flows that start within 50 ms.
const nsdi11 = `schema = 1
name = "nsdi11"
duration = "1s"
[topology]
rate = "100Mbps"
delay = "100us"
queue = "102kB"
aqm = { name = "random", band = "2000B" }
%s
[defaults]
mss = 960
rto_min = "1ms"
cc = { name = "lia", hystartpp = 0 }
[[traffic]]
name = "g"
jitter = "50ms"
%s
`

// rates runs a topology under a pattern and returns mean and median goodput of its
// flows over the second part of the run, in Mb/s of packets of 1000 bytes, which carry
// 928 of payload; set overrides what the experiment says.
func rates(t *testing.T, topology, traffic, duration string, seed uint64, set ...string) (average, median float64) {
	t.Helper()
	sc, err := Parse("in.toml", fmt.Sprintf(nsdi11, topology, traffic), Options{Seed: &seed, Set: append(set, "duration="+duration)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: sc.Seed})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	end := sc.Duration.Time()
	var got []float64
	for _, f := range w.flows {
		if f.record.Corrupt != 0 {
			t.Errorf("flow %s has %d corrupt bytes", f.decl.Name, f.record.Corrupt)
		}
		got = append(got, f.goodput(end*2/5, end)*8/1e6*1000/928)
	}
	return mean(got), quantile(got, 0.5)
}

// Throughput against the number of subflows: under a random permutation of a fat-tree of 16
// hosts one random way each gives a little more than half of the rate of the links (max-min
// fair shares are 59.7 Mb/s in the mean, with a standard deviation of 8.1 between
// permutations), and more subflows of LIA give more, up to nine tenths (SIGCOMM'11). The
// bands begin a little below those of A18, of 128 hosts, which have more ways to collide:
// TestFatTreePermutation, behind the tag long.
//
// row:E2
func TestThroughputGrowsWithSubflows(t *testing.T) {
	const fatTree4 = "kind = \"fattree\"\nk = 4\n[topology.host]\nup = { queue = \"1000pkt\", aqm = \"droptail\" }"
	last := 0.0
	for _, v := range []struct {
		subflows    int
		least, most float64
	}{{1, 43, 76}, {2, 60, 85}, {8, 83, 97}} {
		got, _ := rates(t, fatTree4, fmt.Sprintf("pattern = \"permutation\"\nsubflows = %d", v.subflows), "1s", 1)
		t.Logf("%d subflows: %.1f Mb/s", v.subflows, got)
		if got < v.least || got > v.most || got < 1.1*last {
			t.Errorf("%d subflows: %.1f Mb/s, want %g to %g and a tenth more than %.1f", v.subflows, got, v.least, v.most, last)
		}
		last = got
	}
}
