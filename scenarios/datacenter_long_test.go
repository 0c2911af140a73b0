//go:build long

package scenarios

import (
	"fmt"
	"math"
	"strconv"
	"testing"
)

// seeds is how many permutations are drawn: the facts of the papers ask for three, and
// their simulator's own numbers differ by some 3 Mb/s between two.
const seeds = 3

const (
	fatTree8 = "kind = \"fattree\"\nk = 8" + roomyHosts
	bcube125 = "kind = \"bcube\"\nn = 5\nk = 2"
)

// A18: a random permutation of a fat-tree of 128 hosts gives about half of the links'
// rate to one path and more with each subflow. The paper has 51 and 95 Mb/s for one and
// eight (NSDI'11, SIGCOMM'11), htsim 0.1 44 to 46, 64, 79.5 and 90 to 92 for one, two,
// four and eight; the bands hold both, and each permutation lies in them. Max-min fair
// shares of one random way each are 47.7 Mb/s in the mean.
//
// row:E2
// row:H1
func TestFatTreePermutation(t *testing.T) {
	for seed := uint64(1); seed <= seeds; seed++ {
		last := 0.0
		for _, b := range []struct {
			subflows    int
			least, most float64
		}{{1, 42, 53}, {2, 60, 69}, {4, 75, 85}, {8, 88, 97}} {
			got := measure(t, fatTree8, fmt.Sprintf("pattern = \"permutation\"\nsubflows = %d", b.subflows), seed).carried
			if got < b.least || got > b.most || got <= last {
				t.Errorf("seed %d, %d subflows: %.1f Mb/s, want %g to %g and more than %.1f", seed, b.subflows, got, b.least, b.most, last)
			}
			last = got
		}
	}
}

// A19, TP2: twelve flows of eight subflows from every host to others drawn at random. The
// paper has 97 Mb/s a host, htsim 0.1 93.7. The 12288 subflows have a packet or two in
// flight each, and what is lost of one keeps back what its connection delivers; hence what
// subflows carry, as htsim counts it.
func TestFatTreeDense(t *testing.T) {
	got := measure(t, fatTree8, "pattern = \"random\"\nflows = 12\nsubflows = 8", 1)
	if x := 12 * got.carried; x < 91 || x > 99 {
		t.Errorf("%.1f Mb/s a host, want 91 to 99", x)
	}
}

// A19, TP3: 30 % of the hosts send to different hosts, and eight subflows leave hardly a
// link of a host idle. The paper has 99 Mb/s, htsim 0.1 95 with a median of 99.9.
func TestFatTreeSparse(t *testing.T) {
	got := measure(t, fatTree8, "pattern = \"sparse\"\nsubflows = 8", 1)
	if got.carried < 93 || got.carried > 100 || got.median < 97 {
		t.Errorf("mean %.1f, median %.1f Mb/s, want at least 93 and 97", got.carried, got.median)
	}
}

// A20: BCube of 125 servers with three interfaces under a random permutation, TP1: the
// paper has 64.5 Mb/s on one random shortest path and 86.5 on three parallel ones, htsim
// 0.1 47 to 49 and 83.
//
// row:H2
func TestBCubePermutation(t *testing.T) {
	for seed := uint64(1); seed <= seeds; seed++ {
		one := measure(t, bcube125, "pattern = \"permutation\"\nsubflows = 1", seed).carried
		three := measure(t, bcube125, "pattern = \"permutation\"\nsubflows = 3", seed).carried
		if one < 45 || one > 68 {
			t.Errorf("seed %d: one path gives %.1f Mb/s, want 45 to 68", seed, one)
		}
		if three < 79 || three > 91 || three < 1.25*one {
			t.Errorf("seed %d: three paths give %.1f Mb/s, one %.1f; want 79 to 91, and a quarter more", seed, three, one)
		}
	}
}

// BCube TP2: every host sends to its twelve neighbours, those with which it shares a
// switch. NSDI'11 has 297 Mb/s a host on the one link that leads there, nearly all of its
// three interfaces. On three paths, of which two are detours over others that take three
// times the capacity, it has 272 with MPTCP and 229 with EWTCP, which does not move from
// the detours. Here it is 227 from 0.5 to 1 s and 244 from 1 to 2 s, less than the paper's, whose
// duration is not known: docs/LIMITATIONS.md. The lower bound is EWTCP's number, less the 5 % that these
// bands leave elsewhere; the upper one says that detours cost something.
func TestBCubeNeighbours(t *testing.T) {
	one := measure(t, bcube125, "pattern = \"local\"\nsubflows = 1", 1, "duration=1s")
	three := measure(t, bcube125, "pattern = \"local\"\nsubflows = 3", 1, "duration=1s")
	if one.flows != 125*12 || three.flows != one.flows {
		t.Errorf("%d and %d flows, want twelve of each host", one.flows, three.flows)
	}
	if x := 12 * one.carried; x < 0.95*297 || x > 300 {
		t.Errorf("one path: %.1f Mb/s a host, want 297", x)
	}
	if x := 12 * three.carried; x < 0.95*229 || x > 1.05*272 {
		t.Errorf("three paths: %.1f Mb/s a host, want 229 to 272", x)
	}
}

// BCube TP3: 30 % of the hosts send to different hosts. NSDI'11 has 78 Mb/s on one path and
// 135 on three, which use all three interfaces of a host. The bands are those of A20, of
// TP1, in proportion, whose lower end for one path holds htsim's choice of the path; as 38
// flows differ much from draw to draw, they are for the mean.
func TestBCubeSparse(t *testing.T) {
	var one, three float64
	for seed := uint64(1); seed <= seeds; seed++ {
		one += measure(t, bcube125, "pattern = \"sparse\"\nsubflows = 1", seed).carried / seeds
		three += measure(t, bcube125, "pattern = \"sparse\"\nsubflows = 3", seed).carried / seeds
	}
	if one < 78*45/64.5 || one > 78*68/64.5 {
		t.Errorf("one path gives %.1f Mb/s, want %.1f to %.1f", one, 78*45/64.5, 78*68/64.5)
	}
	if three < 135*79/86.5 || three > 135*91/86.5 {
		t.Errorf("three paths give %.1f Mb/s, want %.1f to %.1f", three, 135*79/86.5, 135*91/86.5)
	}
}

// What more subflows gain over one path with the same pairs, in the mean over ten
// permutations, less 3.25 standard errors (Student's t of 9 degrees of freedom, 99 %): as much
// as of eight subflows in htsim, 89.0 for 67.7 or 83.1 for 65.5, where one path of a larger
// tree has less; and on BCube a fifth, of which the paper has a third with three interfaces
// (86.5 for 64.5). A single permutation may have most pairs side by side, where nothing is
// to be gained: the scenarios leave more room.
//
// row:E2 row:H2
func TestPermutationMeans(t *testing.T) {
	const n = 10
	for _, v := range []struct {
		file, several string
		least         float64
	}{
		{"datacenter/fattree-permutation.toml", "eight", 1.27},
		{"datacenter/bcube-permutation.toml", "two", 1.2},
	} {
		var sum, squares float64
		for seed := uint64(1); seed <= n; seed++ {
			sc, err := LoadLibrary(v.file, Options{Seed: &seed, Set: []string{
				fmt.Sprintf("expect.gain=goodput_mean(%s, 1.5s, 2s) / goodput_mean(one, 0.3s, 0.8s) > 0", v.several)}})
			if err != nil {
				t.Fatal(err)
			}
			w, err := Build(sc, Run{Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.RunToEnd(); err != nil {
				t.Fatal(err)
			}
			x := 0.0
			for _, e := range w.Expect() {
				if e.Name == "gain" {
					if x, err = strconv.ParseFloat(e.Value, 64); err != nil {
						t.Fatal(err)
					}
				}
			}
			sum += x
			squares += x * x
		}
		mean := sum / n
		low := mean - 3.25*math.Sqrt((squares/n-float64(mean*mean))/(n-1))
		t.Logf("%s: gain %.3f, at least %.3f", v.file, mean, low)
		if low < v.least {
			t.Errorf("%s: a gain of %.3f, 99 %% sure of %.3f, want %g", v.file, mean, low, v.least)
		}
	}
}
