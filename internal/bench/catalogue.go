package bench

import (
	"fmt"
	"slices"

	"mpsim/internal/floor"
)

// Benchmark is a scenario of the library that is run without files.
type Benchmark struct {
	Name, Doc string
	path      string   // in the library
	set       []string // overrides
	// Slow benchmarks take long: they are run only when asked for by name.
	Slow  bool
	runs  int // more than one: a sweep over so many seeds, on all cores
	floor floor.Config
	guard guard
}

// All returns every benchmark, in the order in which they are listed.
func All() []Benchmark {
	return slices.Concat([]Benchmark{
		{Name: "two-path", Doc: "one MPTCP download over two disjoint paths, 60 s", path: "bench/two-path.toml",
			guard: guard{capacity: 200e6, low: 0.90, high: 0.95, payload: 1428, acks: 0.5}},
		dumbbell(1), dumbbell(100),
		{Name: "incast", Doc: "64 hosts of a leaf-spine network send 256 kB each to one", path: "bench/incast.toml",
			guard: guard{bytes: 64 * 256_000, payload: 1428, ackLink: "h4_0-l4.up", lossy: true}},
		{Name: "handover", Doc: "a phone behind two NATs loses WiFi for twenty seconds, 60 s", path: "bench/handover.toml",
			guard: guard{capacity: (20e6*40 + 10e6*55) / 60, low: 0.90, high: 0.95, payload: 1424, acks: 0.5}},
		{Name: "record", Doc: "one connection over six links of 10 Gb/s, 0.3 s", path: "bench/record.toml",
			guard: guard{capacity: 60e9, low: 51.8 / 60, high: 0.95, payload: 1428, ackLink: "p?.up", lossy: true}},
	}, fatTrees(4, "5s", 1, 1, 2, 4, 8), fatTrees(8, "1s", 1, 1, 2, 4, 8), fatTrees(16, "100ms", 0.1, 1, 2, 4, 8), fatTrees(32, "100ms", 0.1, 1), []Benchmark{
		{Name: "sweep-64", Doc: "64 seeds of 2 s over two paths of 100 Mb/s, on one core and on two", path: "bench/two-path.toml",
			set: []string{"duration=2s"}, runs: 64, Slow: true},
		{Name: "sweep-1000", Doc: "1000 seeds of 1 s over two paths of 10 Mb/s, on one core and on two", path: "basic/two-paths.toml",
			set: []string{"duration=1s"}, runs: 1000, Slow: true},
	})
}

// dumbbell is the experiment on which ns-3 is measured, too.
func dumbbell(n int) Benchmark {
	flows := "one Reno flow"
	if n > 1 {
		flows = fmt.Sprintf("%d Reno flows", n)
	}
	b := Benchmark{
		Name: fmt.Sprintf("bottleneck-%d", n), Doc: flows + " through a bottleneck of 100 Mb/s, 60 s", path: fmt.Sprintf("bench/bottleneck-%d.toml", n),
		guard: guard{capacity: 100e6, low: 0.94, high: 1448.0 / 1500, payload: 1448, acks: 0.5},
	}
	if n > 1 {
		b.guard.ackLink, b.guard.lossy = "bottleneck.down", true
	}
	return b
}

// fatTrees are the benchmarks fattree-kK-sN of one size: the permutation of
// bench/permutation.toml, with plain TCP for one subflow. Utilisation counts packets
// of 1500 octets, as htsim does, whose values (and those of other seeds: 5 points
// beside) are the bands. In the 0.1 s of k=16 and 32 slow start has not ended.
func fatTrees(k int, duration string, floorSeconds float64, subflows ...int) (out []Benchmark) {
	bands := map[[2]int][2]float64{
		{4, 1}: {0.55, 0.80}, {4, 2}: {0.65, 0.88}, {4, 4}: {0.78, 0.92}, {4, 8}: {0.78, 0.92},
		{8, 1}: {0.45, 0.62}, {8, 2}: {0.57, 0.75}, {8, 4}: {0.72, 0.88}, {8, 8}: {0.76, 0.90},
	}
	for _, n := range subflows {
		band, known := bands[[2]int{k, n}]
		if !known {
			band = [2]float64{0.2, 0.9}
		}
		hosts := k * k * k / 4
		b := Benchmark{
			Name: fmt.Sprintf("fattree-k%d-s%d", k, n), path: "bench/permutation.toml", Slow: k > 4 || n != 4,
			Doc:   fmt.Sprintf("a permutation of the %d hosts of a fat-tree of %d pods, %d subflows a pair, %s", hosts, k, n, duration),
			set:   []string{fmt.Sprintf("topology.k=%d", k), fmt.Sprintf("traffic.perm.subflows=%d", n), "duration=" + duration},
			floor: floor.Config{K: k, Sub: min(n, k*k/4), Seconds: floorSeconds},
			guard: guard{capacity: 100e6 * float64(hosts), low: band[0], high: band[1], payload: 1428, packet: 1500, acks: 1, lossy: !known},
		}
		if n == 1 {
			b.Doc = fmt.Sprintf("a permutation of the %d hosts of a fat-tree of %d pods, plain TCP, %s", hosts, k, duration)
			b.set = append(b.set, "traffic.perm.subflows=0", "traffic.perm.protocol=tcp")
			b.guard.payload = 1448
		}
		out = append(out, b)
	}
	return out
}

// Find returns the benchmark of a name, or an error that lists the known ones.
func Find(name string) (*Benchmark, error) {
	var names []string
	for _, b := range All() {
		if b.Name == name {
			return &b, nil
		}
		names = append(names, b.Name)
	}
	return nil, &UnknownError{Name: name, Known: names}
}

// UnknownError says that there is no benchmark of the name.
type UnknownError struct {
	Name  string
	Known []string
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown benchmark %q; have %s", e.Name, join(e.Known))
}
