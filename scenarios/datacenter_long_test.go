//go:build long

package scenarios

import (
	"fmt"
	"testing"
)

// fatTree8 is the fat-tree of 128 hosts, whose own queues hold 1000 packets.
const fatTree8 = "kind = \"fattree\"\nk = 8\n[topology.host]\nup = { queue = \"1000pkt\", aqm = \"droptail\" }"

// A18: a random permutation of a fat-tree of 128 hosts gives about half of the links'
// rate to one path and more with each subflow (SIGCOMM'11; the bands hold the paper's
// numbers and those of its simulator, which never sends data again on another subflow).
//
// row:E2
func TestFatTreePermutation(t *testing.T) {
	bands := map[int][2]float64{1: {42, 53}, 2: {60, 69}, 4: {75, 85}, 8: {88, 97}}
	for seed := uint64(1); seed <= 3; seed++ {
		last := 0.0
		for _, n := range []int{1, 2, 4, 8} {
			average, median := rates(t, fatTree8, fmt.Sprintf("pattern = \"permutation\"\nsubflows = %d", n), "1.2s", seed, "defaults.reinject=none")
			t.Logf("seed %d, %d subflows: mean %.1f, median %.1f Mb/s", seed, n, average, median)
			if b := bands[n]; average < b[0] || average > b[1] || average <= last {
				t.Errorf("seed %d, %d subflows: %.1f Mb/s, want %v and more than %.1f", seed, n, average, b, last)
			}
			last = average
		}
	}
}

// A19, dense traffic: twelve flows of eight subflows from every host to others drawn at
// random. What the receivers still put in order counts as delivered, so that the mean is
// taken after the start, in which 12288 subflows lose much of what they send.
func TestFatTreeDense(t *testing.T) {
	average, _ := rates(t, fatTree8, "pattern = \"random\"\nflows = 12\nsubflows = 8\nreceive_buffer = \"256KiB\"", "3s", 1)
	t.Logf("%.1f Mb/s a host", 12*average)
	if x := 12 * average; x < 91 || x > 99 {
		t.Errorf("%.1f Mb/s a host, want 91 to 99", x)
	}
}

// A19, sparse traffic: 30 % of the hosts send to different hosts, and eight subflows
// leave hardly a link of a host idle.
func TestFatTreeSparse(t *testing.T) {
	average, median := rates(t, fatTree8, "pattern = \"sparse\"\nsubflows = 8", "1.5s", 1)
	t.Logf("mean %.1f, median %.1f Mb/s", average, median)
	if average < 93 || average > 100 || median < 97 {
		t.Errorf("mean %.1f, median %.1f Mb/s, want at least 93 and 97", average, median)
	}
}

// A20: BCube of 125 servers with three interfaces under a random permutation. One
// shortest path lies within the band of the paper (64.5) and its simulator (47 to 49).
// Three parallel paths give half as much again, 77 to 79 Mb/s, where the paper has 86.5
// and its simulator 83: there acknowledgements return at no cost, here they take some 4 %
// of links that are full in both directions; packets of 9000 bytes at 900 Mb/s, the same
// experiment with a ninth of that share, give 3 Mb/s more.
//
// row:H2
func TestBCubePermutation(t *testing.T) {
	const cube = "kind = \"bcube\"\nn = 5\nk = 2"
	for seed := uint64(1); seed <= 3; seed++ {
		one, _ := rates(t, cube, "pattern = \"permutation\"\nsubflows = 1", "1.5s", seed)
		three, _ := rates(t, cube, "pattern = \"permutation\"\nsubflows = 3", "1.5s", seed)
		t.Logf("seed %d: %.1f and %.1f Mb/s", seed, one, three)
		if one < 45 || one > 68 {
			t.Errorf("seed %d: one path gives %.1f Mb/s, want 45 to 68", seed, one)
		}
		if three < 76 || three > 91 || three < 1.25*one {
			t.Errorf("seed %d: three paths give %.1f Mb/s, one %.1f", seed, three, one)
		}
	}
}
